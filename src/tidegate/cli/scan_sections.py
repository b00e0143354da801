# SPDX-License-Identifier: Apache-2.0
"""The smaller sections of a scan's page: each a heading with its count, and its first rows on a line each."""

from collections.abc import Iterator
from typing import Final

from tidegate.bounds import printable
from tidegate.cli.page import Line, Style, cut, piece
from tidegate.evidence import ScanReport
from tidegate.reports.sections import Section, base_words, sections_of

MAX_ROWS: Final = 20
"""Rows shown of a section; every other form shows all."""
_SHOWN: Final = (
    "misconfigurations",
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
        if section.name in _SHOWN:
            yield ()
            yield from _section(section, columns)


def _section(section: Section, columns: int) -> Iterator[Line]:
    yield (piece(f"{section.title.upper()}  {len(section.rows)}", Style.TITLE),)
    for row in section.rows[:MAX_ROWS]:
        yield (piece(cut(f"  {'  '.join(filter(None, row))}", columns)),)
    left = len(section.rows) - MAX_ROWS
    if left > 0:
        yield (piece(f"  and {left} more; --format html or json shows all", Style.FAINT),)
