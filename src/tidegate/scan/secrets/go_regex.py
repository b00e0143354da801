# SPDX-License-Identifier: Apache-2.0
"""Go's regular expressions (RE2 syntax) written as Python's, as far as both mean the same; else a reason why not."""

import re
import warnings
from typing import Final

from tidegate.errors import InvalidInputError

MAX_CHARS: Final = 4_000

_POSIX: Final = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "digit": "0-9", "lower": "a-z", "upper": "A-Z", "xdigit": "0-9A-Fa-f",
    "space": r"\s", "word": r"\w", "punct": r"!-/:-@\[-`{-~",
}  # fmt: skip
_POSIX_CLASS: Final = re.compile(r"\[:(\w+):\]")
_FLAGS: Final = re.compile(r"\(\?([imsU]*)(-[imsU]+)?\)")
_CODE_POINT: Final = re.compile(r"\\x\{([0-9A-Fa-f]{1,2})\}")
_UNREADABLE: Final = re.compile(r"\\[pPC]|\\x\{")


def python_regex(expression: str) -> re.Pattern[bytes]:
    """Compiles an expression of Go.

    Raises:
        InvalidInputError: it says something that Python's expressions cannot say.
    """
    if len(expression) > MAX_CHARS:
        raise InvalidInputError(f"an expression of more than {MAX_CHARS} characters")
    text = _CODE_POINT.sub(lambda found: f"\\x{int(found[1], 16):02x}", expression)
    if found := _UNREADABLE.search(text):
        raise InvalidInputError(f"{found[0]} means nothing to the expressions used here")
    text = _POSIX_CLASS.sub(_posix, text.replace(r"\z", r"\Z").replace(r"\Q", "").replace(r"\E", ""))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return re.compile(_scoped(text).encode("utf-8"))
    except (re.error, RecursionError, OverflowError, UnicodeEncodeError) as error:
        raise InvalidInputError(f"not an expression that can be read: {error}") from error


def _posix(found: re.Match[str]) -> str:
    if found[1] not in _POSIX:
        raise InvalidInputError(f"{found[0]} means nothing to the expressions used here")
    return _POSIX[found[1]]


def _scoped(text: str) -> str:
    """Flags in the middle hold to the end of their group in Go; in Python they need a group of their own."""
    out: list[str] = []
    pending = [0]
    place, in_class = 0, False
    while place < len(text):
        char = text[place]
        if char == "\\":
            out.append(text[place : place + 2])
            place += 2
            continue
        flags = None if in_class else _FLAGS.match(text, place)
        if flags:
            if "U" in flags[0]:
                raise InvalidInputError("(?U) means nothing to the expressions used here")
            out.append(f"(?{flags[1]}{flags[2] or ''}:")
            pending[-1] += 1
            place = flags.end()
            continue
        if in_class:
            in_class = char != "]" or text[place - 1] == "[" or text[place - 2 : place] == "[^"
        elif char == "[":
            in_class = True
        elif char == "(":
            pending.append(0)
        elif char == ")" and len(pending) > 1:
            out.append(")" * pending.pop())
        out.append(char)
        place += 1
    return "".join(out) + ")" * pending[0]
