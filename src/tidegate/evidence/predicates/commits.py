# SPDX-License-Identifier: Apache-2.0
"""The commit trail: what was found of a range of commits, as `tidegate check --commits` tells it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final

from tidegate.errors import InvalidInputError
from tidegate.evidence.predicates.bounded import Commit, Count, Name, Names, Word
from tidegate.values import Struct, msgspec
from tidegate.wire import from_builtins

MAX_COMMITS: Final = 10_000
"""Commits one statement may list."""


class SignatureState(StrEnum):
    """What was found of a commit's signature."""

    GOOD = "good"
    NONE = "none"
    UNKNOWN_KEY = "unknown-key"
    """It may hold, but nobody said whose key that is."""
    BAD = "bad"
    """It does not hold."""
    EXPIRED = "expired"
    """It holds, by a key that had ended when the commit was made."""
    REVOKED = "revoked"
    UNREADABLE = "unreadable"
    """Malformed, or there more than once."""


class CheckedCommit(Struct, frozen=True, kw_only=True):
    """One commit.

    Attributes:
        author: `Name <address>`, as written; `committer` likewise.
        form: of the signature: `ssh`, `openpgp`, `x509`; "" for none.
        signer: whom the signature is of, when it is good.
        reviewers: who reviewed it, as its trailers say.
        problems: what speaks against it, in words of `tidegate.development.commits.rules`.
    """

    id: Commit
    author: Word
    committer: Word
    signature: SignatureState
    form: Word = ""
    signer: Word = ""
    key: Word = ""
    merge: bool = False
    reviewers: Names = ()
    co_authors: Names = ()
    problems: Names = ()


class CommitTrail(Struct, frozen=True, kw_only=True, rename="camel"):
    """A range of commits and what was found.

    Attributes:
        base: the commit before the first; "" when the range begins with the repository.
        tip: the last commit.
        last_tip: the tip the last check recorded; "" for none. `rewritten` when it is no ancestor of `tip`.
        demanded: what was asked of each commit, in words of the rules.
        passed: nothing speaks against any of them, nor against the range.
        problems: what speaks against the range.
        commits: all of them, oldest first, or those with problems when there are more than `MAX_COMMITS`.
    """

    repository: Word
    base: Word
    tip: Commit
    count: Count
    passed: bool
    demanded: Names = ()
    signed: Count = 0
    reviewed: Count = 0
    merges: Count = 0
    failing: Count = 0
    last_tip: Word = ""
    rewritten: bool = False
    problems: Names = ()
    checked_at: Word = ""
    tool: Word = ""
    commits: Annotated[tuple[CheckedCommit, ...], msgspec.Meta(max_length=MAX_COMMITS)] = ()

    @property
    def authors(self) -> tuple[Name, ...]:
        """Everybody who wrote a commit, sorted."""
        return tuple(sorted({commit.author for commit in self.commits}))


def read_commit_trail(predicate: Mapping[str, Any], *, where: str) -> CommitTrail:
    """Reads a trail.

    Raises:
        InvalidInputError: it is none, or it says that it passed and lists problems.
    """
    found = from_builtins(predicate, CommitTrail, what=where)
    against = found.problems or found.rewritten or found.failing or any(commit.problems for commit in found.commits)
    if found.passed and against:
        raise InvalidInputError("says that it passed and tells of problems", where=where)
    return found
