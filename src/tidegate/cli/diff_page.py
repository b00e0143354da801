# SPDX-License-Identifier: Apache-2.0
"""A difference for people: as a page, and as Markdown for a pull request."""

from collections.abc import Iterator, Sequence
from typing import Final

from tidegate.bounds import printable
from tidegate.cli.page import SEVERITY_STYLES, Line, Style, cut, piece
from tidegate.evidence import Finding
from tidegate.evidence.flaw import flaw_count, flaws_of, known_id
from tidegate.examination.difference import ComponentTurn, Difference, FileTurns, Turn
from tidegate.inventory import LocatedSecret
from tidegate.reports.markdown import escaped
from tidegate.reports.order import fix_of, worst_first
from tidegate.reports.sections import bytes_in_words

MAX_ROWS: Final = 500
"""Rows of each kind in Markdown; a page shows all but files."""
_MAX_FILES: Final = 50
_SIGNS: Final = {
    Turn.ADDED: ("+", Style.NOTE),
    Turn.REMOVED: ("-", Style.FAINT),
    Turn.UPGRADED: ("↑", Style.GOOD),
    Turn.DOWNGRADED: ("↓", Style.WARN),
    Turn.CHANGED: ("~", Style.PLAIN),
}


def diff_page(told: Difference, *, columns: int) -> Iterator[Line]:
    """Lays a difference out.

    Args:
        told: what is different.
        columns: the page's width; nothing goes beyond.
    """
    for sign, artifact in (("-", told.before), ("+", told.after)):
        yield (piece(cut(printable(f"{sign} {artifact.name}  {artifact.digest}"), columns), Style.TITLE),)
    if told.size is not None:
        yield (piece(_size(told.size), Style.FAINT),)
    yield ()
    yield (piece(f"COMPONENTS  {len(told.components)}  "), piece(_turn_words(told.components), Style.FAINT))
    for turn in told.components:
        sign, style = _SIGNS[turn.turn]
        yield (piece(f"  {sign} ", style), piece(cut(printable(f"{turn.purl}  {_versions(turn)}"), columns - 4)))
    yield ()
    yield (piece(f"FINDINGS  {_finding_words(told)}", Style.TITLE),)
    yield from _findings("+", told.introduced, columns)
    yield from _findings("-", told.fixed, columns)
    yield from _others(told, columns)
    if told.files is not None:
        yield ()
        yield (piece(f"FILES  {_file_words(told.files)}", Style.TITLE),)
        for sign, path in _paths(told.files, _MAX_FILES):
            yield (piece(cut(printable(f"  {sign} {path}"), columns)),)


def diff_markdown(told: Difference) -> str:
    """A difference as Markdown; every text of an image is escaped."""
    return "\n".join(_markdown(told)) + "\n"


def _findings(sign: str, findings: Sequence[Finding], columns: int) -> Iterator[Line]:
    for finding in flaws_of(worst_first(findings)):
        text = f"{known_id(finding):<20} {package_of(finding)}  {fix_of(finding)}"
        severity = f"{finding.severity.value:<9}"
        yield (
            piece(f"  {sign} ", Style.BAD if sign == "+" else Style.GOOD),
            piece(severity, SEVERITY_STYLES[finding.severity]),
            piece(cut(printable(text), columns - 13)),
        )


def package_of(finding: Finding) -> str:
    """Name and version of what is to be upgraded."""
    why = finding.why
    return f"{why.matched_name} {why.matched_version}" if why.matched_name else f"{finding.name} {finding.version}"


def _others(told: Difference, columns: int) -> Iterator[Line]:
    if told.secrets_come or told.secrets_gone:
        yield ()
        yield (piece(f"SECRETS  +{len(told.secrets_come)}  -{len(told.secrets_gone)}", Style.TITLE),)
        for sign, secrets in (("+", told.secrets_come), ("-", told.secrets_gone)):
            for one in secrets:
                yield (piece(cut(printable(f"  {sign} {_secret(one)}"), columns)),)
    if told.misconfigurations_come or told.misconfigurations_gone:
        come, gone = told.misconfigurations_come, told.misconfigurations_gone
        yield ()
        yield (piece(f"CONFIGURATION  +{len(come)}  -{len(gone)}", Style.TITLE),)
        for sign, wrong in (("+", come), ("-", gone)):
            for rule in wrong:
                yield (piece(cut(printable(f"  {sign} {rule.severity}  {rule.id}  {rule.title}"), columns)),)


def _markdown(told: Difference) -> Iterator[str]:
    yield f"## {escaped(told.before.name)} → {escaped(told.after.name)}"
    yield ""
    yield f"**Findings** {_finding_words(told)} · **Components** {_turn_words(told.components) or 'the same'}"
    if told.size is not None:
        yield f" · **Size** {_size(told.size)}"
    if told.files is not None:
        yield f" · **Files** {_file_words(told.files)}"
    if told.incomparable:
        yield ""
        yield f"> ⚠️ {escaped(told.incomparable)}"
    for title, findings in (("Came", told.introduced), ("Gone", told.fixed)):
        rows = [
            (
                one.severity.value,
                escaped(known_id(one)),
                escaped(one.why.matched_name or one.name),
                escaped(one.why.matched_version or one.version),
                escaped(fix_of(one)),
            )
            for one in flaws_of(worst_first(findings))
        ]
        yield from _table(f"Findings: {title.lower()}", ("Severity", "Id", "Package", "Version", "Fix"), rows)
    turns = [(one.turn.value, escaped(one.purl), escaped(one.before), escaped(one.after)) for one in told.components]
    yield from _table("Components", ("What", "Package", "Before", "After"), turns)
    secrets = [("came", escaped(_secret(one))) for one in told.secrets_come]
    secrets += [("gone", escaped(_secret(one))) for one in told.secrets_gone]
    yield from _table("Secrets", ("What", "Secret"), secrets)
    wrong = [("came", one.severity.value, escaped(f"{one.id} {one.title}")) for one in told.misconfigurations_come]
    wrong += [("gone", one.severity.value, escaped(f"{one.id} {one.title}")) for one in told.misconfigurations_gone]
    yield from _table("Configuration", ("What", "Severity", "Rule"), wrong)
    if told.files is not None:
        paths = [(sign, escaped(path)) for sign, path in _paths(told.files, MAX_ROWS)]
        yield from _table("Files", ("What", "Path"), paths)


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if not rows:
        return
    yield ""
    yield f"<details><summary><b>{title} ({len(rows)})</b></summary>"
    yield ""
    yield f"| {' | '.join(columns)} |"
    yield f"| {' | '.join('---' for _ in columns)} |"
    yield from (f"| {' | '.join(row)} |" for row in rows[:MAX_ROWS])
    if len(rows) > MAX_ROWS:
        yield ""
        yield f"{len(rows) - MAX_ROWS} more are left out here."
    yield ""
    yield "</details>"


def _finding_words(told: Difference) -> str:
    return f"+{flaw_count(told.introduced)}  -{flaw_count(told.fixed)}  ={told.unchanged}"


def _turn_words(turns: Sequence[ComponentTurn]) -> str:
    counts = ((turn, sum(one.turn is turn for one in turns)) for turn in Turn)
    return ", ".join(f"{count} {turn}" for turn, count in counts if count)


def _versions(turn: ComponentTurn) -> str:
    return " → ".join(filter(None, (turn.before, turn.after)))


def _secret(one: LocatedSecret) -> str:
    return f"{one.secret.rule}  {one.secret.path}:{one.secret.line}  {one.secret.redacted}"


def _file_words(files: FileTurns) -> str:
    return f"+{files.added_count}  -{files.removed_count}  ~{files.changed_count}"


def _paths(files: FileTurns, limit: int) -> Iterator[tuple[str, str]]:
    for sign, paths in (("+", files.added), ("-", files.removed), ("~", files.changed)):
        for path in paths[:limit]:
            yield sign, path


def _size(size: tuple[int, int]) -> str:
    before, after = size
    grown = "+" if after >= before else "-"
    return f"{bytes_in_words(before)} → {bytes_in_words(after)} ({grown}{bytes_in_words(abs(after - before))})"
