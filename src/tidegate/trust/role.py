# SPDX-License-Identifier: Apache-2.0
"""What a key may sign: roles, and which kinds of statements belong to each."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from enum import StrEnum
from typing import Final

from tidegate.errors import InvalidInputError
from tidegate.evidence import PredicateType
from tidegate.evidence.predicates.kinds import kinds_of_type


class Role(StrEnum):
    """A kind of statements; a key has one or more."""

    DECISION = "decision"  # verification summaries: what the gates say
    REVIEW = "review"  # and approval
    SCAN = "scan"
    SBOM = "sbom"
    PROVENANCE = "provenance"  # of the build, and of the source
    TEST = "test"
    VEX = "vex"
    BEHAVIOUR = "behaviour"
    ENCRYPTION = "encryption"
    TRUST = "trust"  # changes of trust in keys
    OTHER = "other"  # every kind that has no role of its own


EVERY_ROLE: Final = frozenset(Role)
OF_OTHERS: Final = EVERY_ROLE - {Role.TRUST}
"""What keys may do that settings name: as they always did, and nothing to trust itself."""
NEEDS_TWO: Final = frozenset({Role.DECISION, Role.REVIEW, Role.TRUST})
"""Whoever had such a key could open the gate alone: one person proposes it, another confirms."""

TRUST_CHANGE: Final = PredicateType("https://tidegate.dev/predicates/trust-change/v1")
PASSPORT_SEAL: Final = PredicateType("https://tidegate.dev/predicates/passport/v1")
"""Of an exported passport: what it says counts as much as a decision."""

RESPONSE_ORDER: Final = PredicateType("https://tidegate.dev/predicates/response-order/v1")
"""What a node's sensor is to do about a container."""

_OURS: Final[Mapping[str, Role]] = {
    TRUST_CHANGE: Role.TRUST,
    PASSPORT_SEAL: Role.DECISION,
    RESPONSE_ORDER: Role.DECISION,
}
_OF_KIND: Final[Mapping[str, Role]] = {
    "scan": Role.SCAN,
    "sbom": Role.SBOM,
    "vsa": Role.DECISION,
    "summaries": Role.DECISION,
    "encryption": Role.ENCRYPTION,
    "signatures": Role.DECISION,
    "provenance": Role.PROVENANCE,
    "source": Role.PROVENANCE,
    "commits": Role.PROVENANCE,
    "tests": Role.TEST,
    "reviews": Role.REVIEW,
    "behaviour": Role.BEHAVIOUR,
    "vex": Role.VEX,
}
"""By the kinds of evidence (`tidegate.evidence.predicates.kinds`); a test sees that none is left out."""


def role_of(predicate_type: PredicateType) -> Role:
    """The role a key needs for statements of a type; what nobody knows is of one of its own."""
    if (ours := _OURS.get(predicate_type)) is not None:
        return ours
    return _OF_KIND.get(kinds_of_type(predicate_type)[0], Role.OTHER)


def parse_roles(texts: Iterable[str]) -> frozenset[Role]:
    """Reads roles by their names.

    Raises:
        InvalidInputError: there is none, or one is unknown.
    """
    found = set()
    for text in texts:
        try:
            found.add(Role(text))
        except ValueError as error:
            near = get_close_matches(text, list(Role), n=1)
            remedy = f"did you mean {near[0]}?" if near else f"known are {', '.join(Role)}"
            raise InvalidInputError(f"no such role: {text[:40]!r}", remedy=remedy) from error
    if not found:
        raise InvalidInputError("a key without a role", remedy=f"name some of {', '.join(Role)}")
    return frozenset(found)
