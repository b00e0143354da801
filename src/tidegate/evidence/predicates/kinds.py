# SPDX-License-Identifier: Apache-2.0
"""The table of predicates: which type URI is of which kind of evidence, and where its form is written down.

docs/reference/predicates.md lists the same; a test compares.
"""

from collections.abc import Mapping
from typing import Any, Final

from tidegate.evidence.statement import (
    BEHAVIOUR,
    COMMITS,
    ENCRYPTION,
    OPENVEX,
    PROVENANCE,
    PROVENANCE_02,
    REVIEW,
    RUNTIME_TRACE,
    SBOM,
    SCAN,
    SIGNATURES,
    SOURCE,
    SPDX,
    TEST_RESULT,
    TEST_RESULTS,
    VSA,
    PredicateType,
)
from tidegate.values import Struct


class Kind(Struct, frozen=True, kw_only=True):
    """One kind of evidence.

    Attributes:
        types: predicate types it comes in; one that is written here comes first.
        several: every statement counts beside the others, of one thing by one signer the newest; else the newest alone.
        from_others: counts when somebody else made it and a trusted key signed it; others must be made here.
        made_by: the command that makes it, for the reason given when it is missing; "" when rules cannot read it.
    """

    name: str
    types: tuple[PredicateType, ...]
    made_by: str = ""
    several: bool = False
    from_others: bool = True


_OURS: Final = "tidegate.dev/boundary"

KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind(name="scan", types=(SCAN,), made_by="tidegate scan", from_others=False),
        Kind(name="sbom", types=(SBOM, SPDX), made_by="tidegate sbom", from_others=False),
        Kind(name="vsa", types=(VSA,), made_by="tidegate admit --to curation", from_others=False),
        Kind(
            name="signatures",
            types=(SIGNATURES,),
            made_by="tidegate admit with signing.trust_policy_file set",
            from_others=False,
        ),
        Kind(name="encryption", types=(ENCRYPTION,), from_others=False),
        Kind(
            name="provenance",
            types=(PROVENANCE, PROVENANCE_02),
            made_by="a builder that attaches SLSA provenance v1",
        ),
        Kind(name="source", types=(SOURCE,), made_by="tidegate predicate source"),
        Kind(name="commits", types=(COMMITS,), made_by="tidegate check --commits"),
        Kind(name="tests", types=(TEST_RESULTS, TEST_RESULT), made_by="tidegate predicate tests", several=True),
        Kind(name="reviews", types=(REVIEW,), made_by="tidegate predicate review", several=True),
        Kind(name="behaviour", types=(BEHAVIOUR, *RUNTIME_TRACE), made_by="a sensor that attaches what it saw"),
        Kind(name="summaries", types=(VSA,), made_by="a verifier that attaches SLSA VSA v1", several=True),
        Kind(name="vex", types=OPENVEX, made_by="tidegate vex write", several=True),
    )
}
"""Every kind by its name."""

_BY_TYPE: Final[Mapping[str, str]] = {type_: kind.name for kind in KINDS.values() for type_ in kind.types}


def kind_of(predicate_type: PredicateType, predicate: Mapping[str, Any]) -> str:
    """The name of a statement's kind; the predicate type itself when nothing is known of it.

    A verification summary that names one of our boundaries is a decision of a gate (`vsa`), any other is somebody
    else's (`summaries`).
    """
    if predicate_type == VSA:
        return "vsa" if _OURS in predicate else "summaries"
    return _BY_TYPE.get(predicate_type, predicate_type)


def may_come_from_others(predicate_type: PredicateType, predicate: Mapping[str, Any]) -> bool:
    """False for what counts only when it was made here; what nothing is known of is kept, and read by no rule."""
    kind = KINDS.get(kind_of(predicate_type, predicate))
    return kind is None or kind.from_others


def kinds_of_type(predicate_type: PredicateType) -> tuple[str, ...]:
    """The kinds a statement of this type may be of, where its predicate cannot be believed."""
    found = tuple(kind.name for kind in KINDS.values() if predicate_type in kind.types)
    return found or (predicate_type,)


def counts_with_others(name: str) -> bool:
    """True for a kind of which several statements count side by side, not the newest alone."""
    kind = KINDS.get(name)
    return kind is not None and kind.several
