# SPDX-License-Identifier: Apache-2.0
"""A result as a table of text."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tidegate.bounds import printable
from tidegate.cli.call import Call
from tidegate.cli.output import Output

if TYPE_CHECKING:
    from tidegate.cli.page import Line


def write_table(call: Call, output: Output, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Writes rows under headings, or that there are none."""
    from tidegate.cli.columns import column_lines
    from tidegate.cli.page import columns_of, piece, write_page

    def lines() -> "Iterator[Line]":
        if not rows:
            yield (piece("nothing is on record"),)
            return
        shown = [[printable(cell) for cell in row] for row in rows]
        yield from column_lines(headings, shown, columns=columns_of(output))

    write_page(output, lines(), colour=call.settings().colour)
