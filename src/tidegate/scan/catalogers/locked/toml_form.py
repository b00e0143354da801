# SPDX-License-Identifier: Apache-2.0
"""TOML lock files as plain tables."""

import tomllib
from typing import Any, Final

from tidegate.bounds import KIB, printable
from tidegate.errors import BoundExceededError, InvalidInputError

MAX_KEY_DOTS: Final = 64
"""Dots in a row of a line's key: the reader's work grows with their square."""
MAX_LINE_BYTES: Final = 256 * KIB


def read_toml(content: bytes, *, where: str) -> dict[str, Any]:
    """Reads a file as dicts, lists, strings, numbers and dates.

    Raises:
        BoundExceededError: over a limit, or nested past what the reader goes into.
        InvalidInputError: it is not TOML.
    """
    _check_lines(content, where)
    try:
        return tomllib.loads(content.decode())
    except RecursionError as error:
        raise BoundExceededError("nesting depth", 1000, where=where) from error
    except (ValueError, OverflowError) as error:  # a broken date or encoding among them
        text = printable(" ".join(str(error).split())[:200])
        raise InvalidInputError(f"not TOML: {text}", where=where) from error


def _check_lines(content: bytes, where: str) -> None:
    for line in content.split(b"\n") if b"." * 2 in content or len(content) > MAX_LINE_BYTES else ():
        if len(line) > MAX_LINE_BYTES:
            raise BoundExceededError("MAX_LINE_BYTES", MAX_LINE_BYTES, where=where)
    for line in content.splitlines():
        key = line.partition(b"=")[0]
        if key.count(b".") > MAX_KEY_DOTS and not key.lstrip().startswith((b'"', b"'", b"#")):
            raise BoundExceededError("MAX_KEY_DOTS", MAX_KEY_DOTS, where=where)
