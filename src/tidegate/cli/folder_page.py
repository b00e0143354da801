# SPDX-License-Identifier: Apache-2.0
"""The page of `tidegate check DIR`: new ones first, each with place, reason, fix and the way to accept it."""

from collections.abc import Iterator, Sequence
from typing import Final

from tidegate.cli.check_page import what_was_said
from tidegate.cli.page import SEVERITY_STYLES, Line, Style, piece
from tidegate.development.folder.concern import Concern
from tidegate.development.folder.ranking import ranked
from tidegate.evidence import ScanReport

MAX_IDS: Final = 3
"""Names of one concern that are shown; the rest is counted."""
_SHORT: Final = 12


def folder_page(report: ScanReport) -> Iterator[Line]:
    """Lays the report of a folder out."""
    concerns = ranked(report)
    yield (piece(f"{_looked_at(report)} checked, ", Style.TITLE), piece(f"{len(concerns)} to mend"))
    if report.knowledge is not None:
        yield (piece(f"knowledge of {report.knowledge.made_at:%Y-%m-%d %H:%M} UTC", Style.FAINT),)
    if report.baseline is None:
        yield from _all_of(concerns)
    else:
        baseline = report.baseline
        new = [one for one in concerns if one.is_new]
        known = [one for one in concerns if not one.is_new]
        shown = f"{baseline.against} ({baseline.commit[:_SHORT]})"
        yield ()
        yield (piece(f"NEW since {shown}  ", Style.TITLE), piece(len(new), Style.BAD if new else Style.GOOD))
        yield from _all_of(new)
        if known:
            yield ()
            yield (piece(f"KNOWN in {shown}  ", Style.TITLE), piece(len(known)))
            yield from _all_of(known)
    yield from what_was_said(report)


def _looked_at(report: ScanReport) -> str:
    count = len(report.documents)
    told = f"{count} document{'' if count == 1 else 's'}"
    if report.components:
        told += f", {len(report.components)} dependenc{'y' if len(report.components) == 1 else 'ies'}"
    return told


def _all_of(concerns: Sequence[Concern]) -> Iterator[Line]:
    for one in concerns:
        yield ()
        yield from _concern(one)


def _concern(one: Concern) -> Iterator[Line]:
    more = f" and {len(one.ids) - MAX_IDS} more" if len(one.ids) > MAX_IDS else ""
    yield (
        piece(f"{one.severity.value:<8}  ", SEVERITY_STYLES[one.severity]),
        piece(f"{', '.join(one.ids[:MAX_IDS])}{more}  ", Style.NOTE),
        piece(one.title, Style.TITLE),
        piece(f"  {one.place}", Style.FAINT),
    )
    yield (piece(f"          {one.why}"),)
    yield (piece(f"          fix: {one.fix}", Style.GOOD),)
    yield (piece(f"          accept: {one.accept}", Style.FAINT),)
    if one.references:
        yield (piece(f"          {', '.join(one.references)}", Style.FAINT),)
