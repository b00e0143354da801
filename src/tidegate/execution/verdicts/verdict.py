# SPDX-License-Identifier: Apache-2.0
"""What is said ahead of an image at the execution gate, and the signed batches it travels in.

A verdict holds what depends on the image alone. What depends on the workload (its namespace, its containers, whom the
image is kept for) is judged where the workload is, by what the verdict and the policies bring along.
"""

from datetime import datetime
from typing import Final

from tidegate.admission.restrictions import Imposed
from tidegate.artifact import Digest
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.evidence import PredicateType, Reason, Statement, Subject, Verdict
from tidegate.execution.behaviour import Expected
from tidegate.values import Struct
from tidegate.wire import from_builtins, to_builtins, to_json

VERDICTS: Final = PredicateType("https://tidegate.dev/predicates/execution-verdicts/v1")
POLICIES: Final = PredicateType("https://tidegate.dev/predicates/execution-policies/v1")
MAX_BATCH: Final = 500
MAX_REASONS: Final = 20
"""Reasons of one image that are told; the worst come first."""
MAX_NAMES: Final = 200
"""Names of one image that are told; it runs by its digest under any."""


class ImageVerdict(Struct, frozen=True, kw_only=True):
    """What is said of one image.

    Attributes:
        expires_at: after this moment it says nothing.
        reasons: what speaks for and against it; of a warning or a denial the worst `MAX_REASONS`.
        user: whom the image's configuration runs as; None when that is not known.
        expected: what its behaviour profile tells; None where there is none.
        names: tags that mean it, as `repository:tag`.
        images: of an index, its images; a recall of one concerns it.
        restrictions: whom it is kept for.
    """

    digest: Digest
    verdict: Verdict
    expires_at: datetime
    reasons: tuple[Reason, ...] = ()
    user: str | None = None
    expected: Expected | None = None
    names: tuple[str, ...] = ()
    images: tuple[Digest, ...] = ()
    restrictions: tuple[Imposed, ...] = ()


class VerdictBatch(Struct, frozen=True, kw_only=True):
    """Verdicts that were made at one moment.

    Attributes:
        offset: of the newest event when they were made; what is told of an image later counts for more.
        policy: digest of the policies they were made under.
        verdicts: one of each image; 1 to `MAX_BATCH`.
    """

    offset: int
    made_at: datetime
    policy: Digest
    verdicts: tuple[ImageVerdict, ...]


class PolicyTexts(Struct, frozen=True, kw_only=True):
    """The policies in force, as they are written: file by name."""

    files: dict[str, str]
    made_at: datetime

    @property
    def digest(self) -> Digest:
        """Names this version of them, whenever it was told."""
        return Digest.of(to_json(self.files))


def to_statement(batch: VerdictBatch) -> Statement:
    """A batch as a statement about its images."""
    subjects = tuple(Subject(name="image", digest=one.digest) for one in batch.verdicts)
    return Statement(subjects=subjects, predicate_type=VERDICTS, predicate=to_builtins(batch))


def from_statement(statement: Statement) -> VerdictBatch:
    """Reads a batch back.

    Raises:
        InvalidInputError: it is none, or says something of an image that is none of its subjects.
        BoundExceededError: more than `MAX_BATCH` in one.
    """
    where = "verdicts"
    if statement.predicate_type != VERDICTS:
        raise InvalidInputError("not a statement of verdicts", where=where)
    batch = from_builtins(statement.predicate, VerdictBatch, what=where)
    if len(batch.verdicts) > MAX_BATCH:
        raise BoundExceededError("MAX_BATCH", MAX_BATCH, where=where)
    if [one.digest for one in batch.verdicts] != [subject.digest for subject in statement.subjects]:
        raise InvalidInputError("speaks of other images than it is about", where=where)
    return batch


def policies_statement(texts: PolicyTexts) -> Statement:
    """Policies as a statement about their own digest."""
    subject = Subject(name="policies", digest=texts.digest)
    return Statement(subjects=(subject,), predicate_type=POLICIES, predicate=to_builtins(texts))


def policies_from(statement: Statement) -> PolicyTexts:
    """Reads policies back.

    Raises:
        InvalidInputError: there are none in it.
    """
    if statement.predicate_type != POLICIES:
        raise InvalidInputError("not a statement of policies", where="policies")
    texts = from_builtins(statement.predicate, PolicyTexts, what="policies")
    if [subject.digest for subject in statement.subjects] != [texts.digest]:
        raise InvalidInputError("holds other policies than it is about", where="policies")
    return texts
