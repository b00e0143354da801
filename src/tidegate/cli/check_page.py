# SPDX-License-Identifier: Apache-2.0
"""The page of `tidegate check`."""

from collections.abc import Iterator

from tidegate.cli.page import SEVERITY_STYLES, Line, Style, piece
from tidegate.evidence import Misconfiguration, ScanReport


def check_page(report: ScanReport) -> Iterator[Line]:
    """What is to be mended, worst first; then what was silenced, and what could not be read."""
    count = len(report.documents)
    checked = report.artifact.name if report.artifact.layers else f"{count} document{'' if count == 1 else 's'}"
    yield (piece(f"{checked} checked, ", Style.TITLE), piece(f"{len(report.misconfigurations)} to mend"))
    worst_first = sorted(
        report.misconfigurations, key=lambda one: (-one.severity.rank, one.id, one.location, one.line, one.part)
    )
    for one in worst_first:
        yield ()
        yield from _misconfiguration(one)
    yield from what_was_said(report)


def what_was_said(report: ScanReport) -> Iterator[Line]:
    """What was silenced and by whom, what was said in vain, and what could not be read."""
    silenced_ones = (*report.suppressed, *report.suppressed_secrets, *report.suppressed_misconfigurations)
    if silenced_ones or report.idle or report.outcomes:
        yield ()
    for excused in report.suppressed_misconfigurations:
        wrong, by = excused.misconfiguration, excused.by
        reason = f": {by.reason}" if by.reason else ""
        yield (piece(f"ignored   {wrong.id}  {_place(wrong)}  by {by.source}{reason}", Style.FAINT),)
    for silenced in report.suppressed:
        reason = f": {silenced.by.reason}" if silenced.by.reason else ""
        place = f"{silenced.finding.name} in {silenced.finding.location}"
        yield (piece(f"ignored   {silenced.by.id}  {place}  by {silenced.by.source}{reason}", Style.FAINT),)
    for hidden in report.suppressed_secrets:
        secret, reason = hidden.secret.secret, f": {hidden.by.reason}" if hidden.by.reason else ""
        place = f"{secret.path}:{secret.line}"
        yield (piece(f"ignored   {secret.rule}  {place}  by {hidden.by.source}{reason}", Style.FAINT),)
    for idle in report.idle:
        yield (piece(f"in vain   {idle.word.id}  in {idle.word.source}: {idle.why.value}, {idle.detail}", Style.WARN),)
    for outcome in report.outcomes:
        yield (piece(f"not read  {outcome.location}: {outcome.reason}", Style.WARN),)


def _misconfiguration(one: Misconfiguration) -> Iterator[Line]:
    yield (
        piece(f"{one.severity.value:<8}  ", SEVERITY_STYLES[one.severity]),
        piece(f"{one.id}  ", Style.NOTE),
        piece(one.title, Style.TITLE),
        piece(f"  {_place(one)}", Style.FAINT),
    )
    yield (piece(f"          {one.reason}"),)
    yield (piece(f"          fix: {one.fix}", Style.GOOD),)
    yield (piece(f"          {', '.join(one.references)}", Style.FAINT),)


def _place(one: Misconfiguration) -> str:
    line = f":{one.line}" if one.line else ""
    return f"{one.location}{line} {one.part}".rstrip()
