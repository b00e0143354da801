# SPDX-License-Identifier: Apache-2.0
"""The strings of compiled Python, one a line, without running it: `marshal` writes a kind, a length, the characters.

Kinds are those of CPython's `marshal.c`: short ASCII, ASCII, Unicode and bytes; the highest bit marks a reference.
"""

import re
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


def strings_of(content: bytes) -> bytes:
    """All strings of six characters and more."""
    found: list[bytes] = []
    place = 0
    while match := _STRING.search(content, place):
        size = match["short"][0] if match["short"] is not None else int.from_bytes(match["long"], "little")
        text = content[match.end() : match.end() + size]
        if _MIN_BYTES <= size <= MAX_STRING_BYTES and len(text) == size and _PRINTABLE.fullmatch(text):
            found.append(text)
            place = match.end() + size
        else:
            place = match.start() + 1
    return b"\n".join(found)
