# SPDX-License-Identifier: Apache-2.0
"""Reading what others made, never more of it than was said."""

from typing import Final, Protocol

from tidegate.errors import BoundExceededError

KIB: Final = 1 << 10
MIB: Final = 1 << 20
GIB: Final = 1 << 30


class Readable(Protocol):
    """Anything with a `read` like a binary file's."""

    def read(self, size: int = -1, /) -> bytes:
        """Returns at most `size` bytes, b"" at the end."""
        ...


def read_bounded(source: Readable, *, max_bytes: int, what: str) -> bytes:
    """Reads a source to its end.

    Raises:
        BoundExceededError: it holds more than `max_bytes`; no more than one byte past the limit is read.
    """
    chunks: list[bytes] = []
    left = max_bytes + 1
    while left and (chunk := source.read(min(left, MIB))):
        chunks.append(chunk)
        left -= len(chunk)
    if not left:
        raise BoundExceededError("max_bytes", max_bytes, where=what)
    return b"".join(chunks)


def printable(text: str) -> str:
    """Replaces what could steer a terminal (C0, C1, bidi controls, lone surrogates) by visible escapes."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)
