# SPDX-License-Identifier: Apache-2.0
"""In-toto Statement v1: a claim (predicate) about artifacts known by digest (subjects)."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NewType

from tidegate.artifact import Digest
from tidegate.bounds import MIB
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.values import Struct
from tidegate.wire import from_json, to_json

PredicateType = NewType("PredicateType", str)

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
OLD_STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v0.1"
"""Of the same layout; older tools write it. It is read, never written."""
PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
SBOM: Final = PredicateType("https://cyclonedx.org/bom")
SCAN: Final = PredicateType("https://tidegate.dev/predicates/scan/v1")
VSA: Final = PredicateType("https://slsa.dev/verification_summary/v1")
SIGNATURES: Final = PredicateType("https://tidegate.dev/predicates/signatures/v1")
ENCRYPTION: Final = PredicateType("https://tidegate.dev/predicates/encryption/v1")
PROVENANCE: Final = PredicateType("https://slsa.dev/provenance/v1")
PROVENANCE_02: Final = PredicateType("https://slsa.dev/provenance/v0.2")
SPDX: Final = PredicateType("https://spdx.dev/Document")
SOURCE: Final = PredicateType("https://tidegate.dev/predicates/source-provenance/v1")
COMMITS: Final = PredicateType("https://tidegate.dev/predicates/commit-trail/v1")
TEST_RESULTS: Final = PredicateType("https://tidegate.dev/predicates/test-results/v1")
TEST_RESULT: Final = PredicateType("https://in-toto.io/attestation/test-result/v0.1")
REVIEW: Final = PredicateType("https://tidegate.dev/predicates/review/v1")
BEHAVIOUR: Final = PredicateType("https://tidegate.dev/predicates/behaviour/v1")
STATE_CHANGE: Final = PredicateType("https://tidegate.dev/predicates/state-change/v1")
FORENSIC_CAPTURE: Final = PredicateType("https://tidegate.dev/predicates/forensic-capture/v1")
RUNTIME_TRACE: Final = (
    PredicateType("https://in-toto.io/attestation/runtime-trace/v0.1"),
    PredicateType("https://in-toto.io/attestation/runtime-trace/v0.2"),
)
OPENVEX: Final = (PredicateType("https://openvex.dev/ns/v0.2.0"), PredicateType("https://openvex.dev/ns"))
MAX_STATEMENT_BYTES: Final = 256 * MIB
MAX_SUBJECTS: Final = 10_000

_GIT_COMMIT: Final = "gitCommit"
_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class Subject(Struct, frozen=True, kw_only=True):
    """One artifact a statement speaks of."""

    name: str
    digest: Digest


class CommitSubject(Struct, frozen=True, kw_only=True):
    """A commit of a git repository that a statement speaks of (in-toto digest set `gitCommit`)."""

    name: str
    commit: str


class Statement(Struct, frozen=True, kw_only=True):
    """A predicate about subjects; an unknown predicate is kept whole, its bytes in the envelope that carries it.

    Attributes:
        subjects: the artifacts among its subjects, and `commits` the commits.
    """

    subjects: tuple[Subject, ...]
    predicate_type: PredicateType
    predicate: Mapping[str, Any]
    commits: tuple[CommitSubject, ...] = ()

    def to_bytes(self) -> bytes:
        """The canonical JSON that is signed: keys sorted, no white space."""
        subjects = [{"name": s.name, "digest": {s.digest.algorithm: s.digest.hex}} for s in self.subjects]
        subjects += [{"name": s.name, "digest": {_GIT_COMMIT: s.commit}} for s in self.commits]
        return to_json(
            {
                "_type": STATEMENT_TYPE,
                "subject": subjects,
                "predicateType": self.predicate_type,
                "predicate": self.predicate,
            }
        )


def parse_statement(payload: bytes, *, where: str = "statement") -> Statement:
    """Reads an in-toto Statement v1, or v0.1.

    Raises:
        BoundExceededError: too long, or over `MAX_SUBJECTS`.
        InvalidInputError: another type, no subject, or a subject without a sha256, sha512 or gitCommit digest.
    """
    document = from_json(payload, dict[str, Any], what=where, max_bytes=MAX_STATEMENT_BYTES)
    if document.get("_type") not in {STATEMENT_TYPE, OLD_STATEMENT_TYPE}:
        raise InvalidInputError("not an in-toto Statement v1", where=where)
    subjects, predicate = document.get("subject"), document.get("predicate", {})
    predicate_type = document.get("predicateType")
    if not (
        isinstance(subjects, list) and subjects and isinstance(predicate, dict) and isinstance(predicate_type, str)
    ):
        raise InvalidInputError("a statement needs subjects, a predicate type and a predicate", where=where)
    if len(subjects) > MAX_SUBJECTS:
        raise BoundExceededError("MAX_SUBJECTS", MAX_SUBJECTS, where=where)
    found = tuple(_subject(item, where) for item in subjects)
    return Statement(
        subjects=tuple(item for item in found if isinstance(item, Subject)),
        predicate_type=PredicateType(predicate_type),
        predicate=predicate,
        commits=tuple(item for item in found if isinstance(item, CommitSubject)),
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


def _subject(item: object, where: str) -> Subject | CommitSubject:
    digests = item.get("digest") if isinstance(item, dict) else None
    if not isinstance(item, dict) or not isinstance(digests, dict):
        raise InvalidInputError("a subject has no digest", where=where)
    name = str(item.get("name", ""))
    for algorithm in ("sha256", "sha512"):
        if isinstance(digests.get(algorithm), str):
            return Subject(name=name, digest=Digest(f"{algorithm}:{digests[algorithm]}"))
    commit = digests.get(_GIT_COMMIT)
    if isinstance(commit, str) and _COMMIT.fullmatch(commit):
        return CommitSubject(name=name, commit=commit)
    raise InvalidInputError("a subject has neither a sha256, a sha512 nor a gitCommit digest", where=where)
