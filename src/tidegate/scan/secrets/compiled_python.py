# SPDX-License-Identifier: Apache-2.0
"""The strings of compiled Python, one a line, without running it: `marshal` writes a kind, a length, the characters.

Kinds are those of CPython's `marshal.c`: short ASCII, ASCII, Unicode and bytes; the highest bit marks a reference.
No control character is in a string that is taken, so each stretch between two of them can be read by itself.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from tidegate.bounds import KIB

MAX_STRING_BYTES: Final = 64 * KIB

_MIN_BYTES: Final = 6
_STRING: Final = re.compile(
    rb"(?:[zZ\xfa\xda](?P<short>[\x06-\xff])|[aAus\xe1\xc1\xf5\xf3](?P<long>..[\x00-\x01]\x00))"
    rb"(?=[\t\n\r\x20-\x7e\x80-\xff]{6})",
    re.DOTALL,
)
_PRINTABLE: Final = re.compile(rb"[\t\n\r\x20-\x7e\x80-\xff]+")
_CONTROLS: Final = bytes(code for code in (*range(32), 127) if code not in b"\t\n\r")
_TO_NUL: Final = bytes.maketrans(_CONTROLS, bytes(len(_CONTROLS)))
_HEADER_BYTES: Final = 5
_NEAR_BYTES: Final = 2 * KIB


def strings_near(content: bytes, places: Iterable[int]) -> bytes:
    """Strings of six characters and more, those in which some place lies and what is in 2 KiB around them."""
    marked = content.translate(_TO_NUL)
    found: list[bytes] = []
    done = 0
    for place in sorted(places):
        if place < done:
            continue
        start = max(done, marked.rfind(b"\0", 0, max(0, place - _NEAR_BYTES)) + 1 - _HEADER_BYTES, 0)
        end = marked.find(b"\0", place + _NEAR_BYTES)
        done = end if end >= 0 else len(content)
        found += _strings(content, start, done)
    return b"\n".join(found)


def _strings(content: bytes, start: int, end: int) -> Iterator[bytes]:
    place = start
    while match := _STRING.search(content, place, end):
        size = match["short"][0] if match["short"] is not None else int.from_bytes(match["long"], "little")
        text = content[match.end() : match.end() + size]
        if _MIN_BYTES <= size <= MAX_STRING_BYTES and len(text) == size and _PRINTABLE.fullmatch(text):
            yield text
            place = match.end() + size
        else:
            place = match.start() + 1
