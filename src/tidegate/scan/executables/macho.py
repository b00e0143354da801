# SPDX-License-Identifier: Apache-2.0
"""Mach-O, the programs of macOS (`mach-o/loader.h`, `mach-o/fat.h`): one processor's, and universal ones."""

import struct
from collections.abc import Sequence
from typing import Final

from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.scan.executables.executable import MAX_SECTION_BYTES, MAX_SECTIONS, Segment

MAGICS: Final = {
    b"\xfe\xed\xfa\xce": (">", 4),
    b"\xce\xfa\xed\xfe": ("<", 4),
    b"\xfe\xed\xfa\xcf": (">", 8),
    b"\xcf\xfa\xed\xfe": ("<", 8),
}
"""First four bytes → byte order and bytes of a word."""
FAT_MAGICS: Final = {b"\xca\xfe\xba\xbe": ">5I", b"\xca\xfe\xba\xbf": ">2I2Q2I"}
"""First four bytes of a universal program → how one row of its table is written."""
MAX_PROCESSORS: Final = 20
"""Programs in a universal one; a Java class begins with the same bytes, and its version stands where the count is."""

_MAX_COMMANDS: Final = 10_000
_SEGMENTS: Final = {1: "16s4I2i2I", 0x19: "16s4Q2i2I"}  # LC_SEGMENT, LC_SEGMENT_64
_WRITABLE: Final = 2  # VM_PROT_WRITE


class Macho:
    """One Mach-O file for one processor."""

    has_sections = True

    def __init__(self, content: memoryview, where: str) -> None:
        """Reads all load commands.

        Raises:
            InvalidInputError: they are cut off or make no sense.
        """
        self.content = content
        self._where = where
        order, self.word_bytes = MAGICS[bytes(content[:4])]
        self.is_big_endian = order == ">"
        self._segments: list[Segment] = []
        self._sections: dict[bytes, tuple[int, int]] = {}
        self._rows = 0
        try:
            self._read(order)
        except struct.error as error:
            raise InvalidInputError("the Mach-O load commands are cut off", where=where) from error

    def section(self, name: bytes) -> bytes | None:
        """See `Executable.section`; names are sixteen bytes at most.

        Raises:
            InvalidInputError: the section does not lie in the file, or is over its bound.
        """
        if name not in self._sections:
            return None
        offset, size = self._sections[name]
        if size > MAX_SECTION_BYTES:
            raise BoundExceededError("MAX_SECTION_BYTES", MAX_SECTION_BYTES, where=self._where)
        if offset + size > len(self.content):
            raise InvalidInputError("a Mach-O section lies outside of the file", where=self._where)
        return bytes(self.content[offset : offset + size])

    def segments(self) -> Sequence[Segment]:
        """See `Executable.segments`."""
        return self._segments

    def _read(self, order: str) -> None:
        count = struct.unpack_from(f"{order}I", self.content, 16)[0]
        if count > _MAX_COMMANDS:
            raise BoundExceededError("MAX_COMMANDS", _MAX_COMMANDS, where=self._where)
        at = 32 if self.word_bytes == 8 else 28  # noqa: PLR2004 - the wide header has a reserved word more
        for _ in range(count):
            command, size = struct.unpack_from(f"{order}2I", self.content, at)
            if command in _SEGMENTS:
                self._take_segment(order, command, at + 8)
            if size < 8:  # noqa: PLR2004 - a command holds its own two words at least
                raise InvalidInputError("a Mach-O load command of no size", where=self._where)
            at += size

    def _take_segment(self, order: str, command: int, at: int) -> None:
        form = struct.Struct(order + _SEGMENTS[command])
        _, address, _, offset, size, most, _, count, _ = form.unpack_from(self.content, at)
        self._segments.append(Segment(address, offset, size, bool(most & _WRITABLE)))
        self._rows += count
        if self._rows > MAX_SECTIONS:
            raise BoundExceededError("MAX_SECTIONS", MAX_SECTIONS, where=self._where)
        word = "Q" if command != 1 else "I"
        row = struct.Struct(f"{order}16s16s2{word}I{28 if word == 'Q' else 24}x")
        for index in range(count):
            name, _, _, length, start = row.unpack_from(self.content, at + form.size + index * row.size)
            self._sections.setdefault(name.rstrip(b"\0"), (start, length))


def programs_in(content: memoryview, where: str) -> list[memoryview]:
    """The programs of a universal one; none when it is something else that begins so.

    Raises:
        InvalidInputError: the table is cut off, or names bytes outside of the file.
    """
    row = struct.Struct(FAT_MAGICS[bytes(content[:4])])
    try:
        count = struct.unpack_from(">I", content, 4)[0]
        if count > MAX_PROCESSORS:
            return []
        rows = [row.unpack_from(content, 8 + index * row.size) for index in range(count)]
    except struct.error as error:
        raise InvalidInputError("the table of a universal Mach-O is cut off", where=where) from error
    if any(start + size > len(content) for _, _, start, size, *_ in rows):
        raise InvalidInputError("a universal Mach-O names bytes outside of the file", where=where)
    return [content[start : start + size] for _, _, start, size, *_ in rows]
