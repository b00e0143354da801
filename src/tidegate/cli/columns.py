# SPDX-License-Identifier: Apache-2.0
"""Rows of cells as aligned columns under headings: what is too long goes on below, and only very long cells are cut."""

import textwrap
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Final

from tidegate.cli.page import Line, Style, cut, piece

MAX_LINES: Final = 3
"""Lines a cell may take."""
_GAP: Final = "  "
_NARROWEST: Final = 6


def column_lines(headings: Sequence[str], rows: Sequence[Sequence[str]], *, columns: int) -> Iterator[Line]:
    """Lays rows out; columns in which nothing is said are left out.

    Args:
        headings: one a column.
        rows: as many cells each, every cell on one line and fit for a terminal.
        columns: the page's width; nothing goes beyond.
    """
    kept = [at for at in range(len(headings)) if any(row[at] for row in rows)]
    cells = [[row[at] for at in kept] for row in rows]
    names = [headings[at].lower() for at in kept]
    widths = _widths([names, *cells], columns)
    yield (piece(_line([cut(name, width) for name, width in zip(names, widths, strict=True)], widths), Style.FAINT),)
    for row in cells:
        wrapped = [_wrapped(cell, width) for cell, width in zip(row, widths, strict=True)]
        for parts in zip_longest(*wrapped, fillvalue=""):
            yield (piece(_line(parts, widths)),)


def wrapped_lines(text: str, *, indent: str, columns: int) -> list[str]:
    """A text on up to `MAX_LINES` lines, each after `indent`."""
    return [indent + line for line in _wrapped(text, max(columns - len(indent), _NARROWEST))]


def _widths(table: Sequence[Sequence[str]], columns: int) -> list[int]:
    """As wide as what is in it; where that is too wide, the widest give way alike."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    room = columns - len(_GAP) * len(widths)
    at_most = max(widths, default=0)
    while at_most > _NARROWEST and sum(min(width, at_most) for width in widths) > room:
        at_most = min(at_most, columns + 1) - 1
    return [min(width, at_most) for width in widths]


def _wrapped(cell: str, width: int) -> list[str]:
    if len(cell) <= width:
        return [cell]
    lines = textwrap.wrap(cell[: MAX_LINES * width + 1], width)
    if len(lines) > MAX_LINES or len(cell) > MAX_LINES * width + 1:
        last = "".join(lines[MAX_LINES - 1 : MAX_LINES])
        lines = [*lines[: MAX_LINES - 1], last[: width - 1] + "…"]
    return lines


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return (_GAP + _GAP.join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))).rstrip()
