# SPDX-License-Identifier: Apache-2.0
"""A page of text for people: lines of styled pieces, plain for files and pipes, coloured on a terminal."""

import os
import sys
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final

from tidegate.bounds import printable
from tidegate.cli.output import Output
from tidegate.evidence import Severity

DEFAULT_COLUMNS: Final = 100
"""Width of a page that nobody watches."""
_NARROWEST: Final = 60
_WIDEST: Final = 160


class Style(StrEnum):
    """How a piece looks; the member's value is its style for rich."""

    PLAIN = ""
    TITLE = "bold"
    FAINT = "dim"
    GOOD = "green"
    NOTE = "cyan"
    WARN = "yellow"
    BAD = "bold red"
    WORST = "bold white on red"


SEVERITY_STYLES: Final = {
    Severity.CRITICAL: Style.WORST,
    Severity.HIGH: Style.BAD,
    Severity.MEDIUM: Style.WARN,
    Severity.LOW: Style.NOTE,
    Severity.NONE: Style.FAINT,
    Severity.UNKNOWN: Style.FAINT,
}

Piece = tuple[str, Style]
Line = Sequence[Piece]


def piece(text: object, style: Style = Style.PLAIN) -> Piece:
    """A piece of any text, from wherever it came: what could steer a terminal is made visible."""
    return printable(str(text)), style


def cut(text: str, columns: int) -> str:
    """A text in at most so many columns, with an ellipsis where it was cut."""
    return text if len(text) <= columns else text[: max(0, columns - 1)] + "…"


def columns_of(output: Output) -> int:
    """How wide a page may be: the terminal's width, within reason."""
    if not output.on_terminal:
        return DEFAULT_COLUMNS
    try:
        return min(_WIDEST, max(_NARROWEST, os.get_terminal_size(sys.stdout.fileno()).columns))
    except (OSError, ValueError):
        return 80


def write_page(output: Output, lines: Iterable[Line], *, colour: str) -> None:
    """Writes a page.

    Args:
        output: where to.
        lines: what.
        colour: `always`, `never`, or `auto`: when a terminal shows it.
    """
    if colour == "always" or (colour == "auto" and output.on_terminal):
        output.write_text(_coloured(lines))
    else:
        output.write_text("".join(_plain(line) + "\n" for line in lines))


def _plain(line: Line) -> str:
    return "".join(text for text, _ in line).rstrip()


def _coloured(lines: Iterable[Line]) -> str:
    from io import StringIO

    from rich.console import Console
    from rich.text import Text

    # Into a string first: rich would end the program at a closed pipe.
    console = Console(file=StringIO(), force_terminal=True, highlight=False, soft_wrap=True, legacy_windows=False)
    with console.capture() as captured:
        for line in lines:
            console.print(Text.assemble(*((text, style.value) for text, style in line)), soft_wrap=True)
    return captured.get()
