# SPDX-License-Identifier: Apache-2.0
"""The commit trail of a range: every commit read, its signature looked at, its problems told; then the range itself.

Problems of a range: `shallow` and `grafted` (git's own account of history may leave commits out), `hidden-parents` (a
commit of the range has a parent that is neither in it nor before its base), `rewritten` (the tip that the last check
recorded, or one that the reflog remembers, is no longer behind the new one), `base-is-no-ancestor`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final

from tidegate.clock import rfc3339
from tidegate.development.commits.rules import Demands, independent, problems_of
from tidegate.development.commits.trailers import Trailers, people_in
from tidegate.development.commits.verifying import Trust, open_verifier
from tidegate.development.git.objects import Commit
from tidegate.development.git.repository import Repository
from tidegate.errors import UsageError
from tidegate.evidence.predicates.commits import MAX_COMMITS, CheckedCommit, CommitTrail, SignatureState
from tidegate.values import Struct

TOOL: Final = "tidegate"
_MAX_CHARS: Final = 1000


class TrailQuestion(Struct, frozen=True, kw_only=True):
    """What is to be checked.

    Attributes:
        commits: a range as git writes it: `A..B`, `A..`, or `B` for everything that leads to it.
        last_tip: the tip the last check recorded; "" for none.
        reflog: a ref all of whose moves must have been forward, as far as its reflog remembers; "" for none.
        repository: what to call it; "" takes its remote's address.
    """

    commits: str
    trust: Trust
    demands: Demands
    last_tip: str = ""
    reflog: str = ""
    repository: str = ""


def check_commits(repository: Repository, question: TrailQuestion, *, at: datetime) -> CommitTrail:
    """Checks a range.

    Raises:
        NotFoundError: a name in it means no commit.
        UsageError: it is no range of two ends, or there is nothing in it.
        InvalidInputError: an object is missing, malformed, or not what its name says.
        OutsideError: git, gpg or openssl cannot be run.
    """
    base, tip = _ends(repository, question.commits)
    names = repository.range(base, tip)
    if not names:
        raise UsageError("no commit lies between them", where=question.commits, remedy="write OLDER..NEWER")
    commits = {commit.id: commit for commit in repository.commits(names)}
    said = {name: people_in(commit.message) for name, commit in commits.items()}
    reviewers = _reviewers(commits, said, tip)
    with open_verifier(question.trust) as verifier:
        checked = []
        for name in names:
            commit, trailers = commits[name], said[name]
            finding = verifier.of_commit(commit)
            checked.append(
                CheckedCommit(
                    id=name,
                    author=commit.author.shown[:_MAX_CHARS],
                    committer=commit.committer.shown[:_MAX_CHARS],
                    signature=finding.state,
                    form=finding.form,
                    signer=", ".join(finding.signers)[:_MAX_CHARS] if finding.state is SignatureState.GOOD else "",
                    key=finding.key,
                    merge=len(commit.parents) > 1,
                    reviewers=reviewers[name],
                    co_authors=trailers.co_authors,
                    problems=problems_of(commit, finding, trailers, reviewers[name], question.demands),
                )
            )
    failing = [commit for commit in checked if commit.problems]
    last_tip, rewritten = question.last_tip, _is_rewritten(repository, question, tip)
    problems = _of_range(repository, commits, base, tip, rewritten=rewritten)
    return CommitTrail(
        repository=(question.repository or repository.address)[:_MAX_CHARS],
        base=base,
        tip=tip,
        count=len(checked),
        passed=not failing and not problems,
        demanded=question.demands.words,
        signed=sum(commit.signature is SignatureState.GOOD for commit in checked),
        reviewed=sum(bool(independent(commits[it.id], said[it.id], it.reviewers)) for it in checked),
        merges=sum(commit.merge for commit in checked),
        failing=len(failing),
        last_tip=last_tip,
        rewritten=rewritten,
        problems=problems,
        checked_at=rfc3339(at),
        tool=TOOL,
        commits=tuple(checked) if len(checked) <= MAX_COMMITS else tuple(failing[:MAX_COMMITS]),
    )


def _ends(repository: Repository, commits: str) -> tuple[str, str]:
    older, dots, newer = commits.partition("..")
    if newer.startswith("."):
        raise UsageError("A...B is no range from one commit to another", where=commits, remedy="write A..B")
    if dots and not older:
        raise UsageError("begins nowhere", where=commits, remedy="write OLDER..NEWER")
    if not dots:
        return "", repository.resolve(commits)
    return repository.resolve(older), repository.resolve(newer or "HEAD")


def _is_rewritten(repository: Repository, question: TrailQuestion, tip: str) -> bool:
    if question.last_tip and not repository.is_ancestor(question.last_tip, tip):
        return True
    if not question.reflog:
        return False
    moves = (*repository.reflog(question.reflog), "")
    return any(older and not repository.is_ancestor(older, newer) for newer, older in pairwise(moves))


def _of_range(
    repository: Repository, commits: Mapping[str, Commit], base: str, tip: str, *, rewritten: bool
) -> tuple[str, ...]:
    found = list(repository.obstacles)
    parents = {parent for commit in commits.values() for parent in commit.parents} - commits.keys()
    if repository.outside(parents, base):
        found.append("hidden-parents")
    if base and not repository.is_ancestor(base, tip):
        found.append("base-is-no-ancestor")
    return (*found, "rewritten") if rewritten else tuple(found)


def _reviewers(commits: Mapping[str, Commit], said: Mapping[str, Trailers], tip: str) -> dict[str, tuple[str, ...]]:
    """Who reviewed each commit: by its own trailers, and by those of the merge that brought it to the main line."""
    found = {name: said[name].reviewers for name in commits}
    for merge in _main_line(commits, tip):
        if said[merge].reviewers:
            for name in _brought_in(commits, merge):
                found[name] = tuple(dict.fromkeys((*found[name], *said[merge].reviewers)))
    return found


def _main_line(commits: Mapping[str, Commit], tip: str) -> Sequence[str]:
    """From the tip along first parents, as far as the range goes."""
    line: list[str] = []
    here = tip
    while here in commits:
        line.append(here)
        here = commits[here].parents[0] if commits[here].parents else ""
    return line


def _brought_in(commits: Mapping[str, Commit], merge: str) -> set[str]:
    """Commits of the range that a merge's other parents lead to, and its first does not."""
    first, *others = commits[merge].parents or ("",)
    return _led_to(commits, others) - _led_to(commits, [first]) if others else set()


def _led_to(commits: Mapping[str, Commit], names: Sequence[str]) -> set[str]:
    found: set[str] = set()
    waiting = [name for name in names if name in commits]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [parent for parent in commits[name].parents if parent in commits]
    return found
