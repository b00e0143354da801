# SPDX-License-Identifier: Apache-2.0
"""`tidegate check --commits`: the trail of commits, its page, and the statement of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tidegate.cli.call import Call
from tidegate.cli.commit_options import CommitOptions, DemandOptions
from tidegate.cli.named_file import read_named_file
from tidegate.cli.output import Output
from tidegate.cli.page import Line, Style, piece, write_page
from tidegate.errors import UsageError

if TYPE_CHECKING:
    from tidegate.evidence import Subject
    from tidegate.evidence.predicates.commits import CheckedCommit, CommitTrail

_MAX_STATEMENT_BYTES: Final = 128 << 20
_SHOWN: Final = 100
"""Commits with problems that a page tells one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitsAsked:
    """What was asked of `tidegate check` besides the range.

    Attributes:
        last: a file with the statement of the last check; None for none.
        statement: where the statement goes; None for nowhere.
        key: signs it; None leaves it bare.
        images: digests of artifacts the statement speaks of too.
    """

    commits: str
    signers: CommitOptions
    asked: DemandOptions
    last: Path | None
    reflog: str
    statement: Path | None
    key: Path | None
    images: tuple[str, ...]


def check_trail(call: Call, outputs: Sequence[Output], folders: Sequence[str], asked: CommitsAsked) -> int:
    """Checks the commits of one repository; exit status 1 when something speaks against them."""
    from tidegate.clock import system_clock
    from tidegate.development.commits.trail import TrailQuestion, check_commits
    from tidegate.development.git.repository import Repository

    if len(folders) > 1:
        raise UsageError("commits lie in one repository", where=" ".join(folders), remedy="name one folder")
    for output in outputs:
        if output.form not in {"table", "json"}:
            raise UsageError(f"{output.form} has no place for commits", remedy="write table or json")
    demands = asked.asked.demands()
    if demands.signed and not asked.signers.is_given:
        raise UsageError(
            "nobody's signature counts yet",
            where="--commits",
            remedy="name --allowed-signers, --gpg-keys or --x509-roots, or say --unsigned-ok",
        )
    question = TrailQuestion(
        commits=asked.commits,
        trust=asked.signers.trust(),
        demands=demands,
        last_tip=_last_tip(asked.last) if asked.last else "",
        reflog=asked.reflog,
    )
    trail = check_commits(Repository(Path(folders[0] if folders else ".")), question, at=system_clock())
    for output in outputs:
        if output.form == "json":
            output.write_json(trail)
        else:
            write_page(output, trail_page(trail), colour=call.settings().colour)
    if asked.statement:
        _write_statement(asked.statement, trail, asked)
    return 0 if trail.passed else 1


def trail_page(trail: "CommitTrail") -> Iterator[Line]:
    """The range, what speaks against it, and each commit that something speaks against."""
    verdict = piece("in order", Style.GOOD) if trail.passed else piece("not in order", Style.WARN)
    count = f"{trail.count} commit{'' if trail.count == 1 else 's'}"
    yield (piece(f"{count} to {trail.tip[:12]}, ", Style.TITLE), verdict)
    yield (piece(f"{trail.signed} signed, {trail.reviewed} reviewed by others, {trail.merges} merges"),)
    if trail.demanded:
        yield (piece(f"asked for: {', '.join(trail.demanded)}", Style.FAINT),)
    for problem in trail.problems:
        yield (piece(f"the range is {problem}{_more(trail, problem)}", Style.WARN),)
    failing = [commit for commit in trail.commits if commit.problems]
    for commit in failing[:_SHOWN]:
        yield ()
        yield from _commit(commit)
    if trail.failing > _SHOWN:
        yield ()
        yield (piece(f"and {trail.failing - _SHOWN} more; --format json tells all of them", Style.FAINT),)


def _more(trail: "CommitTrail", problem: str) -> str:
    return f": {trail.last_tip[:12]} was its tip before" if problem == "rewritten" and trail.last_tip else ""


def _commit(commit: "CheckedCommit") -> Iterator[Line]:
    yield (piece(f"{commit.id[:12]}  ", Style.NOTE), piece(", ".join(commit.problems), Style.WARN))
    recorded = "" if commit.committer == commit.author else f", recorded by {commit.committer}"
    yield (piece(f"              by {commit.author}{recorded}"),)
    signed = f"{commit.form} signature {commit.signature.value}" if commit.form else commit.signature.value
    key = f" ({commit.key})" if commit.key else ""
    yield (piece(f"              {signed}{key}", Style.FAINT),)


def _last_tip(file: Path) -> str:
    """The tip that an earlier statement of a trail tells, or the trail itself as JSON."""
    from tidegate.evidence import COMMITS
    from tidegate.evidence.predicates.commits import CommitTrail, read_commit_trail
    from tidegate.evidence.predicates.shown import show_statements
    from tidegate.wire import from_json

    content = read_named_file(file, max_bytes=_MAX_STATEMENT_BYTES)
    document = from_json(content, dict, what=str(file), max_bytes=_MAX_STATEMENT_BYTES)
    if "tip" in document:
        return read_commit_trail(document, where=str(file)).tip
    (shown,) = show_statements(content, where=str(file))
    if shown.predicate_type != COMMITS:
        raise UsageError(f"tells of {shown.predicate_type}", where=str(file), remedy="name a commit trail")
    return from_json(shown.predicate.encode(), CommitTrail, what=str(file), max_bytes=_MAX_STATEMENT_BYTES).tip


def _write_statement(path: Path, trail: "CommitTrail", asked: CommitsAsked) -> None:
    from tidegate.evidence import COMMITS, CommitSubject, Statement
    from tidegate.wire import to_builtins

    tip = CommitSubject(name=trail.repository, commit=trail.tip)
    statement = Statement(
        subjects=_subjects(asked.images), predicate_type=COMMITS, predicate=to_builtins(trail), commits=(tip,)
    )
    output = Output(form="json", file=None if path == Path("-") else path)
    if asked.key is None:
        output.write_document(statement.to_bytes())
        return
    from tidegate.signing.envelope import sign
    from tidegate.signing.keys import SigningKey

    output.write_document(sign(statement, SigningKey.load(asked.key)).content)


def _subjects(images: Sequence[str]) -> "tuple[Subject, ...]":
    from tidegate.artifact import Digest
    from tidegate.evidence import Subject

    found = (image.rpartition("@") for image in images)
    return tuple(Subject(name=name, digest=Digest(digest)) for name, _, digest in found)
