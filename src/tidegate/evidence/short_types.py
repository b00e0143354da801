# SPDX-License-Identifier: Apache-2.0
"""Short names of predicate types: cosign's, as its users type them, and those of our own predicates."""

from collections.abc import Mapping
from typing import Final

from tidegate.errors import InvalidInputError
from tidegate.evidence.statement import (
    BEHAVIOUR,
    COMMITS,
    PROVENANCE,
    REVIEW,
    SBOM,
    SOURCE,
    TEST_RESULTS,
    PredicateType,
)

SHORT_TYPES: Final[Mapping[str, PredicateType]] = {
    "slsaprovenance": PredicateType("https://slsa.dev/provenance/v0.2"),
    "slsaprovenance02": PredicateType("https://slsa.dev/provenance/v0.2"),
    "slsaprovenance1": PROVENANCE,
    "spdx": PredicateType("https://spdx.dev/Document"),
    "spdxjson": PredicateType("https://spdx.dev/Document"),
    "cyclonedx": SBOM,
    "vuln": PredicateType("https://cosign.sigstore.dev/attestation/vuln/v1"),
    "openvex": PredicateType("https://openvex.dev/ns"),
    "link": PredicateType("https://in-toto.io/Link/v1"),
    "tests": TEST_RESULTS,
    "review": REVIEW,
    "source": SOURCE,
    "commits": COMMITS,
    "behaviour": BEHAVIOUR,
}


def predicate_type_of(text: str) -> PredicateType:
    """A short name's predicate type, or the URI that was written.

    Raises:
        InvalidInputError: it is neither.
    """
    if text in SHORT_TYPES:
        return SHORT_TYPES[text]
    if "://" not in text or not text.isprintable():
        known = ", ".join(SHORT_TYPES)
        raise InvalidInputError("no predicate type", where=repr(text[:80]), remedy=f"write a URI, or one of {known}")
    return PredicateType(text)
