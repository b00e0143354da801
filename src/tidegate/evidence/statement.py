# SPDX-License-Identifier: Apache-2.0
"""In-toto Statement v1: a claim (predicate) about artifacts known by digest (subjects)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NewType

from tidegate.artifact import Digest
from tidegate.bounds import MIB
from tidegate.errors import InvalidInputError
from tidegate.values import Struct
from tidegate.wire import from_json, to_json

PredicateType = NewType("PredicateType", str)

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
SBOM: Final = PredicateType("https://cyclonedx.org/bom")
SCAN: Final = PredicateType("https://tidegate.dev/predicates/scan/v1")
VSA: Final = PredicateType("https://slsa.dev/verification_summary/v1")
ENCRYPTION: Final = PredicateType("https://tidegate.dev/predicates/encryption/v1")
PROVENANCE: Final = PredicateType("https://slsa.dev/provenance/v1")
MAX_STATEMENT_BYTES: Final = 256 * MIB


class Subject(Struct, frozen=True, kw_only=True):
    """One artifact a statement speaks of."""

    name: str
    digest: Digest


class Statement(Struct, frozen=True, kw_only=True):
    """A predicate about subjects; unknown predicates are kept as they came."""

    subjects: tuple[Subject, ...]
    predicate_type: PredicateType
    predicate: Mapping[str, Any]

    def to_bytes(self) -> bytes:
        """The canonical JSON that is signed: keys sorted, no white space."""
        subjects = [{"name": s.name, "digest": {s.digest.algorithm: s.digest.hex}} for s in self.subjects]
        return to_json(
            {
                "_type": STATEMENT_TYPE,
                "subject": subjects,
                "predicateType": self.predicate_type,
                "predicate": self.predicate,
            }
        )


def parse_statement(payload: bytes, *, where: str = "statement") -> Statement:
    """Reads an in-toto Statement v1.

    Raises:
        InvalidInputError: another type, no subject, or a subject without a sha256 or sha512 digest.
    """
    document = from_json(payload, dict[str, Any], what=where, max_bytes=MAX_STATEMENT_BYTES)
    if document.get("_type") != STATEMENT_TYPE:
        raise InvalidInputError("not an in-toto Statement v1", where=where)
    subjects, predicate = document.get("subject"), document.get("predicate", {})
    predicate_type = document.get("predicateType")
    if not (
        isinstance(subjects, list) and subjects and isinstance(predicate, dict) and isinstance(predicate_type, str)
    ):
        raise InvalidInputError("a statement needs subjects, a predicate type and a predicate", where=where)
    return Statement(
        subjects=tuple(_subject(item, where) for item in subjects),
        predicate_type=PredicateType(predicate_type),
        predicate=predicate,
    )


class Evidence(Struct, frozen=True, kw_only=True):
    """A statement as a gate sees it: verified, or it is not here.

    Attributes:
        digest: of the envelope that carries it, so a decision can name what it read.
        signers: key ids whose signatures were verified; empty means nobody vouches for it.
        made_at: when it was recorded.
    """

    digest: Digest
    subject: Digest
    predicate_type: PredicateType
    predicate: Mapping[str, Any]
    signers: tuple[str, ...]
    made_at: datetime


def _subject(item: object, where: str) -> Subject:
    digests = item.get("digest") if isinstance(item, dict) else None
    if not isinstance(item, dict) or not isinstance(digests, dict):
        raise InvalidInputError("a subject has no digest", where=where)
    for algorithm in ("sha256", "sha512"):
        if isinstance(digests.get(algorithm), str):
            return Subject(name=str(item.get("name", "")), digest=Digest(f"{algorithm}:{digests[algorithm]}"))
    raise InvalidInputError("a subject has neither a sha256 nor a sha512 digest", where=where)
