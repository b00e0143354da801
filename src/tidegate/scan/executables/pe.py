# SPDX-License-Identifier: Apache-2.0
"""Portable Executable, the programs of Windows (Microsoft PE Format): 32 and 64 bit."""

import struct
from collections.abc import Sequence
from typing import Final

from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.scan.executables.executable import MAX_SECTION_BYTES, Segment
from tidegate.values import Struct

MAGIC: Final = b"MZ"

_SIGNATURE: Final = b"PE\0\0"
_SIGNATURE_AT: Final = 0x3C
_WIDE: Final = 0x20B  # PE32+
_WRITABLE: Final = 0x8000_0000  # IMAGE_SCN_MEM_WRITE
_COFF: Final = struct.Struct("<HHIIIHH")
_SECTION: Final = struct.Struct("<8sIIIIIIHHI")


class _Section(Struct, frozen=True):
    name: bytes
    segment: Segment


def is_pe(content: memoryview) -> bool:
    """True when a file that begins with `MZ` is more than a DOS program or a text that happens to begin so."""
    at = _signature_at(content)
    return at is not None and bytes(content[at : at + 4]) == _SIGNATURE


class Pe:
    """One PE file."""

    is_big_endian = False

    def __init__(self, content: memoryview, where: str) -> None:
        """Reads the headers and the section table.

        Raises:
            InvalidInputError: they are cut off.
        """
        self.content = content
        self._where = where
        start = (_signature_at(content) or 0) + len(_SIGNATURE)
        try:
            _, count, _, _, _, optional_bytes, _ = _COFF.unpack_from(content, start)
            optional_at = start + _COFF.size
            magic, base = 0, 0
            if optional_bytes:
                magic = struct.unpack_from("<H", content, optional_at)[0]
                base = struct.unpack_from("<Q" if magic == _WIDE else "<4xI", content, optional_at + 24)[0]
            at = optional_at + optional_bytes
            self._sections = [self._read(at + index * _SECTION.size, base) for index in range(count)]
        except struct.error as error:
            raise InvalidInputError("the PE headers are cut off", where=where) from error
        self.word_bytes = 8 if magic == _WIDE else 4
        self.has_sections = bool(count)

    def section(self, name: bytes) -> bytes | None:
        """See `Executable.section`; names are eight bytes at most.

        Raises:
            InvalidInputError: the section does not lie in the file, or is over its bound.
        """
        segment = next((it.segment for it in self._sections if it.name == name), None)
        if segment is None:
            return None
        if segment.size > MAX_SECTION_BYTES:
            raise BoundExceededError("MAX_SECTION_BYTES", MAX_SECTION_BYTES, where=self._where)
        if segment.offset + segment.size > len(self.content):
            raise InvalidInputError("a PE section lies outside of the file", where=self._where)
        return bytes(self.content[segment.offset : segment.offset + segment.size])

    def segments(self) -> Sequence[Segment]:
        """See `Executable.segments`: here they are the sections."""
        return [it.segment for it in self._sections]

    def _read(self, at: int, base: int) -> _Section:
        name, memory, address, size, offset, _, _, _, _, flags = _SECTION.unpack_from(self.content, at)
        # The file's part is padded to a sector; what the section really holds is the smaller of both.
        return _Section(
            name.rstrip(b"\0"), Segment(base + address, offset, min(size, memory or size), bool(flags & _WRITABLE))
        )


def _signature_at(content: memoryview) -> int | None:
    if len(content) < _SIGNATURE_AT + 4:
        return None
    return int(struct.unpack_from("<I", content, _SIGNATURE_AT)[0])
