# SPDX-License-Identifier: Apache-2.0
"""TOML of any origin as plain tables, within bounds."""

import re
from typing import Any, Final

from tidegate.bounds import KIB, printable
from tidegate.errors import BoundExceededError, InvalidInputError

MAX_KEY_DOTS: Final = 64
"""Dots outside quotes in a line with a key: the reader's work grows with the square of a key's parts."""
MAX_DOTTED_BYTES: Final = 256 * KIB
"""Bytes of a line with more dots than that, those in quotes included."""

_QUOTED: Final = re.compile(rb"\"[^\"]*+\"|'[^']*+'")


def read_toml(content: bytes, *, where: str) -> dict[str, Any]:
    """Reads a file as dicts, lists, strings, numbers and dates.

    Raises:
        BoundExceededError: over a limit, or nested past what the reader goes into.
        InvalidInputError: it is not TOML.
    """
    import tomllib

    _check_keys(content, where)
    try:
        return tomllib.loads(content.decode())
    except RecursionError as error:
        raise BoundExceededError("nesting depth", 1000, where=where) from error
    except (ValueError, OverflowError) as error:  # a broken date or encoding among them
        text = printable(" ".join(str(error).split())[:200])
        raise InvalidInputError(f"not TOML: {text}", where=where) from error


def _check_keys(content: bytes, where: str) -> None:
    for line in content.splitlines():
        if line.count(b".") > MAX_KEY_DOTS and (b"=" in line or b"]" in line):
            bare = _QUOTED.sub(b"", line)
            if bare.count(b".") > MAX_KEY_DOTS or len(line) > MAX_DOTTED_BYTES:
                raise BoundExceededError("MAX_KEY_DOTS", MAX_KEY_DOTS, where=where)
