# SPDX-License-Identifier: Apache-2.0
"""Edits of a text by place: everything that is not named stays byte for byte."""

from collections.abc import Iterable, Sequence

from tidegate.values import Struct


class Edit(Struct, frozen=True, kw_only=True):
    """Characters `start` to `end` become `put`; `check` is the id it answers, `line` where that objects."""

    start: int
    end: int
    put: str
    check: str
    line: int
    what: str


def edited(text: str, edits: Iterable[Edit]) -> str:
    """The text with the edits made, which must not overlap; two at one place stand in the order given."""
    made = text
    for one in sorted(enumerate(edits), key=lambda it: (it[1].start, it[0]), reverse=True):
        made = made[: one[1].start] + one[1].put + made[one[1].end :]
    return made


def line_starts(text: str) -> Sequence[int]:
    """Where each line begins; the line numbered n from 1 is at n - 1."""
    starts = [0]
    at = text.find("\n")
    while at >= 0:
        starts.append(at + 1)
        at = text.find("\n", at + 1)
    return starts


def line_end(text: str, start: int) -> tuple[int, str]:
    """Where the line that begins at `start` ends, and its line end; "" at the end of the text."""
    at = text.find("\n", start)
    if at < 0:
        return len(text), ""
    return (at - 1, "\r\n") if text[at - 1 : at] == "\r" else (at, "\n")
