# SPDX-License-Identifier: Apache-2.0
"""The smaller sections of a scan's page: each a heading with its count, and its first rows in columns."""

from collections.abc import Iterator, Sequence
from typing import Final

from tidegate.bounds import printable
from tidegate.cli.columns import column_lines, wrapped_lines
from tidegate.cli.page import SEVERITY_STYLES, Line, Style, cut, piece
from tidegate.evidence import Misconfiguration, ScanReport
from tidegate.reports.sections import Section, base_words, sections_of

MAX_ROWS: Final = 20
"""Rows shown of a section; every other form shows all."""
_PLACES: Final = 3
"""Places shown of one check."""
_SHOWN: Final = (
    "advice",
    "notices",
    "custody",
    "files",
    "suppressed",
    "idle",
)
"""Sections the page has no layout of its own for."""


def section_lines(report: ScanReport, *, columns: int) -> Iterator[Line]:
    """Lays out what `tidegate.cli.scan_page` does not.

    Args:
        report: as it shall be shown.
        columns: the page's width; nothing goes beyond.
    """
    if report.base is not None:
        yield ()
        yield (piece("BASE  ", Style.TITLE), piece(cut(printable(base_words(report)), columns - 6)))
    for section in sections_of(report):
        if section.name == "misconfigurations":
            yield ()
            yield (piece(f"{section.title.upper()}  {len(section.rows)}", Style.TITLE),)
            for group in _by_check(report.misconfigurations):
                yield from _check_lines(group, columns)
        elif section.name in _SHOWN:
            yield ()
            yield from _section(section, columns)


def _section(section: Section, columns: int) -> Iterator[Line]:
    count = "" if section.name == "custody" else f"  {len(section.rows)}"
    yield (piece(f"{section.title.upper()}{count}", Style.TITLE),)
    yield from column_lines(section.columns, section.rows[:MAX_ROWS], columns=columns)
    left = len(section.rows) - MAX_ROWS
    if left > 0:
        yield (piece(f"  and {left} more; --format html or json shows all", Style.FAINT),)


def _by_check(found: Sequence[Misconfiguration]) -> list[list[Misconfiguration]]:
    """What one check found together, worst first."""
    groups: dict[tuple[str, str], list[Misconfiguration]] = {}
    for one in sorted(found, key=lambda one: (-one.severity.rank, one.id, one.location, one.line or 0)):
        groups.setdefault((one.severity, one.id), []).append(one)
    return list(groups.values())


def _check_lines(group: Sequence[Misconfiguration], columns: int) -> Iterator[Line]:
    first = group[0]
    title = cut(printable(f"{first.id}  {first.title}"), columns - 11)
    yield (piece(f"  {first.severity.value:<8} ", SEVERITY_STYLES[first.severity]), piece(title))
    for one in group[:_PLACES]:
        place = f"{one.location}:{one.line}" if one.line else one.location
        text = one.reason if place in {"", "image configuration"} or place in one.reason else f"{place}: {one.reason}"
        for line in wrapped_lines(printable(text), indent=" " * 11, columns=columns):
            yield (piece(line, Style.FAINT),)
    if len(group) > _PLACES:
        others = ", ".join(one.location for one in group[_PLACES:][:MAX_ROWS])
        for line in wrapped_lines(
            printable(f"and {len(group) - _PLACES} more: {others}"), indent=" " * 11, columns=columns
        ):
            yield (piece(line, Style.FAINT),)
