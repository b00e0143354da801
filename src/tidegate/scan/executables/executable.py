# SPDX-License-Identifier: Apache-2.0
"""What all forms of programs have in common: named sections, segments at addresses, a width and a byte order."""

from collections.abc import Sequence
from typing import Final, Protocol

from tidegate.bounds import MIB
from tidegate.values import Struct

MAX_SECTIONS: Final = 100_000
"""Sections or segments of one program; ELF counts past 65 535 by an escape that nobody needs."""
MAX_SECTION_BYTES: Final = 64 * MIB
"""Bytes of one section that are handed out; every section read here is metadata of some kilobytes."""


class Segment(Struct, frozen=True):
    """A part of the file that is mapped into memory.

    Attributes:
        address: in memory, of its first byte.
        offset: in the file, in bytes.
        size: in the file, in bytes; what is beyond it in memory is zeros.
        is_writable: mapped so that the program may write there.
    """

    address: int
    offset: int
    size: int
    is_writable: bool


class Executable(Protocol):
    """One program for one processor.

    Attributes:
        content: the whole file, or its part of a universal (fat) one.
        is_big_endian: the byte order of its words.
        word_bytes: of a pointer: 4 or 8.
        has_sections: it has a section table at all; stripping may take it away.
    """

    content: memoryview
    is_big_endian: bool
    word_bytes: int
    has_sections: bool

    def section(self, name: bytes) -> bytes | None:
        """The bytes of the first section of that name; None when there is none, b"" when it has none in the file.

        Raises:
            InvalidInputError: the section does not lie in the file, or is over `MAX_SECTION_BYTES`.
        """
        ...

    def segments(self) -> Sequence[Segment]:
        """What is mapped into memory, in the order of the file's table."""
        ...


def read_at(segments: Sequence[Segment], content: memoryview, address: int, size: int) -> bytes:
    """Reads memory as the program would find it when it is started.

    Returns:
        `size` bytes, or fewer where the segment's bytes in the file end; b"" for an address that is not mapped.
    """
    for segment in segments:
        skipped = address - segment.address
        if 0 <= skipped < segment.size:
            start = segment.offset + skipped
            return bytes(content[start : start + min(size, segment.size - skipped)])
    return b""
