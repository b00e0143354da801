# SPDX-License-Identifier: Apache-2.0
"""Rows in columns: aligned, within the page, nothing lost that fits in three lines."""

from hypothesis import given
from hypothesis import strategies as st

from tidegate.cli.columns import MAX_LINES, column_lines

_CELL = st.text(alphabet="abc -/@.", max_size=400).map(lambda text: " ".join(text.split()))
_ROWS = st.integers(1, 7).flatmap(lambda n: st.lists(st.lists(_CELL, min_size=n, max_size=n), min_size=1, max_size=5))


def _text(headings: list[str], rows: list[list[str]], columns: int) -> list[str]:
    return ["".join(words for words, _ in line) for line in column_lines(headings, rows, columns=columns)]


def test_cells_stand_below_their_headings_and_empty_columns_are_left_out() -> None:
    rows = [["modified", "etc/shadow", "", "1"], ["missing", "bin/a", "", "22"]]
    assert _text(["What", "Path", "Remark", "Layer"], rows, 100) == [
        "  what      path        layer",
        "  modified  etc/shadow  1",
        "  missing   bin/a       22",
    ]


def test_a_long_cell_goes_on_below_and_short_ones_keep_their_width() -> None:
    path = "usr/lib/" + "very-long-name/" * 5 + "file"
    lines = _text(["What", "Path", "Layer"], [["modified", path, "531743b7098c"]], 60)
    assert all(line.startswith(("  modified  ", " " * 12)) for line in lines[1:])
    assert "".join(line[12:46].strip() for line in lines[1:]) == path
    assert lines[1].endswith("531743b7098c")


def test_what_does_not_fit_in_three_lines_ends_in_an_ellipsis() -> None:
    lines = _text(["Path"], [["x" * 1000]], 60)
    assert len(lines) == 1 + MAX_LINES
    assert lines[-1].endswith("x…")


@given(rows=_ROWS, columns=st.integers(60, 160))
def test_nothing_is_wider_than_the_page(rows: list[list[str]], columns: int) -> None:
    lines = _text([f"Heading {at}" for at in range(len(rows[0]))], rows, columns)
    assert all(len(line) <= columns for line in lines)
    assert len(lines) <= 1 + MAX_LINES * len(rows)
