# SPDX-License-Identifier: Apache-2.0
"""The settings file, flattened to keys with the line each stands on."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tidegate.bounds import MIB, read_bounded
from tidegate.errors import BoundExceededError, NotFoundError, OutsideError, UsageError

FILE_NAME: Final = "tidegate.toml"
MAX_FILE_BYTES: Final = MIB
MAX_KEY_DOTS: Final = 64
"""Dots in front of the `=` of a line, or in its brackets: the reader's work grows with the square of a key's parts."""
_MAX_KEY_CHARS: Final = 200
"""A line whose key is longer is not looked for when a value's place is told; no setting has such a name."""
_TABLE: Final = re.compile(r"\[([A-Za-z0-9_\-. \t\"']+)\]")
_ASSIGNMENT: Final = re.compile(r"([A-Za-z0-9_\-. \t\"']+)=")


@dataclass(frozen=True, slots=True, kw_only=True)
class TomlSettings:
    """Values by key path (`server.port`), and where each is written."""

    path: Path
    values: dict[str, Any]
    lines: dict[str, int]

    def where(self, key: str) -> str:
        """`tidegate.toml:3`, or the file alone when the line is not known."""
        line = self.lines.get(key)
        return f"{self.path}:{line}" if line else str(self.path)


def read_toml(path: Path) -> TomlSettings:
    """Reads a settings file.

    Raises:
        NotFoundError: there is no such file.
        OutsideError: it cannot be read.
        BoundExceededError: over 1 MiB, or `MAX_KEY_DOTS`.
        UsageError: not TOML; the message names line and column.
    """
    import tomllib

    try:
        with path.open("rb") as file:
            raw = read_bounded(file, max_bytes=MAX_FILE_BYTES, what=str(path))
    except FileNotFoundError as error:
        raise NotFoundError("no such settings file", where=str(path)) from error
    except OSError as error:
        raise OutsideError(f"cannot be read: {error.strerror}", where=str(path)) from error
    try:
        text = raw.decode()
        _check_keys(text, path)
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # broken text, TOML or numbers
        raise UsageError(f"not TOML: {error}", where=str(path)) from error
    return TomlSettings(path=path, values=dict(_flatten(document)), lines=_lines(text))


def _flatten(document: dict[str, Any]) -> list[tuple[str, Any]]:
    flat: list[tuple[str, Any]] = []
    for name, value in document.items():
        if isinstance(value, dict):
            # One level of branches; whatever is nested deeper becomes an unknown key with a dot more.
            flat += [(f"{name}.{leaf}", inner) for leaf, inner in value.items()] or [(name, value)]
        else:
            flat.append((name, value))
    return flat


def _check_keys(text: str, path: Path) -> None:
    for line in text.splitlines():
        if line.count(".") > MAX_KEY_DOTS and ("=" in line or "]" in line):
            raise BoundExceededError("MAX_KEY_DOTS", MAX_KEY_DOTS, where=str(path))


def _lines(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()[:_MAX_KEY_CHARS]  # noqa: PLW2901 - the rest of it says nothing of keys
        if header := _TABLE.match(line):
            table = _dotted(header[1])
            found.setdefault(table, number)
        elif assignment := _ASSIGNMENT.match(line):
            name = _dotted(assignment[1])
            found.setdefault(f"{table}.{name}" if table else name, number)
    return found


def _dotted(text: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in text.split("."))
