# SPDX-License-Identifier: Apache-2.0
"""ELF (System V gABI, chapters 4 and 5): 32 and 64 bit, both byte orders."""

import struct
from collections.abc import Sequence
from typing import Final

from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.scan.executables.executable import MAX_SECTION_BYTES, MAX_SECTIONS, Segment

MAGIC: Final = b"\x7fELF"
MAX_NAMES_BYTES: Final = 4 << 20
"""Bytes of the table of section names."""

_IDENT_BYTES: Final = 16
_WIDE, _NARROW = 2, 1
_LITTLE, _BIG = 1, 2
_LOADED: Final = 1  # PT_LOAD
_WRITABLE: Final = 2  # PF_W
_NO_BITS: Final = 8  # SHT_NOBITS
_EXTENDED: Final = 0xFFFF  # SHN_XINDEX: the number stands in the first section's header


class Elf:
    """One ELF file; only what is asked for is read."""

    def __init__(self, content: memoryview, where: str) -> None:
        """Reads the header.

        Raises:
            InvalidInputError: the header is cut off or makes no sense.
        """
        self.content = content
        self._where = where
        ident = bytes(content[:_IDENT_BYTES])
        if len(ident) < _IDENT_BYTES or ident[4] not in {_NARROW, _WIDE} or ident[5] not in {_LITTLE, _BIG}:
            raise InvalidInputError("not an ELF header", where=where)
        self.is_big_endian = ident[5] == _BIG
        self.word_bytes = 8 if ident[4] == _WIDE else 4
        order, word = "<>"[self.is_big_endian], "IQ"[self.word_bytes == 8]  # noqa: PLR2004 - bytes of a 64-bit word
        header = struct.Struct(f"{order}HHI{word}{word}{word}IHHHHHH")
        self._section = struct.Struct(f"{order}II{word}{word}{word}{word}II{word}{word}")
        self._segment = struct.Struct(order + ("IIQQQQQQ" if word == "Q" else "IIIIIIII"))
        try:
            fields = header.unpack_from(content, _IDENT_BYTES)
        except struct.error as error:
            raise InvalidInputError("the ELF header is cut off", where=where) from error
        self._segments_at, self._sections_at = fields[4:6]
        self._segment_bytes, self._segment_count, self._section_bytes, self._section_count, self._names_in = fields[8:]
        self._names: bytes | None = None
        self.has_sections = self._sections_at != 0

    def section(self, name: bytes) -> bytes | None:
        """See `Executable.section`.

        Raises:
            InvalidInputError: a table or the section does not lie in the file, or is over its bound.
        """
        if not self.has_sections:
            return None
        if self._names is None:
            self._names = self._read_names()
        names, sought = self._names, name + b"\0"
        if sought not in names:
            return None
        for at in range(
            self._sections_at, self._sections_at + self._count() * self._section_bytes, self._section_bytes
        ):
            fields = self._header(at)
            if names.startswith(sought, fields[0]):
                return b"" if fields[1] == _NO_BITS else self._bytes_of(fields, MAX_SECTION_BYTES)
        return None

    def segments(self) -> Sequence[Segment]:
        """See `Executable.segments`.

        Raises:
            InvalidInputError: the table does not lie in the file.
        """
        found: list[Segment] = []
        for index in range(self._segment_count):
            try:
                fields = self._segment.unpack_from(self.content, self._segments_at + index * self._segment_bytes)
            except (struct.error, OverflowError) as error:
                raise InvalidInputError("the ELF program headers are cut off", where=self._where) from error
            if self.word_bytes == 4:  # noqa: PLR2004 - the flags come last in the narrow form
                kind, offset, address, _, size, _, flags, _ = fields
            else:
                kind, flags, offset, address, _, size, _, _ = fields
            if kind == _LOADED:
                found.append(Segment(address, offset, size, bool(flags & _WRITABLE)))
        return found

    def _read_names(self) -> bytes:
        index = self._names_in
        if index == _EXTENDED:
            index = self._header(self._sections_at)[6]
        if not index:
            return b""
        return self._bytes_of(self._header(self._sections_at + index * self._section_bytes), MAX_NAMES_BYTES)

    def _count(self) -> int:
        count = self._section_count or self._header(self._sections_at)[5]
        if count > MAX_SECTIONS:
            raise BoundExceededError("MAX_SECTIONS", MAX_SECTIONS, where=self._where)
        if count and self._section_bytes < self._section.size:
            raise InvalidInputError("the ELF section headers are too short", where=self._where)
        return int(count)

    def _header(self, at: int) -> tuple[int, ...]:
        try:
            return self._section.unpack_from(self.content, at)
        except (struct.error, OverflowError) as error:
            raise InvalidInputError("the ELF section headers are cut off", where=self._where) from error

    def _bytes_of(self, fields: tuple[int, ...], limit: int) -> bytes:
        offset, size = fields[4], fields[5]
        if size > limit:
            raise BoundExceededError("MAX_SECTION_BYTES", limit, where=self._where)
        if offset + size > len(self.content):
            raise InvalidInputError("an ELF section lies outside of the file", where=self._where)
        return bytes(self.content[offset : offset + size])
