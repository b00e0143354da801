# SPDX-License-Identifier: Apache-2.0
"""Reads members of a zip archive held in memory (PKWARE APPNOTE 6.3.10): hostile input, so everything is bounded.

The central directory alone says what there is: local headers are looked at only to find where data begins. Archives
behind a shell script (executable jars), ZIP64 and data descriptors are read; encrypted members are refused. Nothing
is written, so a name with `..` in it is only a name.
"""

import zlib
from collections.abc import Callable
from struct import Struct as Layout
from typing import Final

from tidegate.bounds import printable
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.values import Struct

MAX_MEMBERS: Final = 500_000
"""Members of one archive that are looked at."""

_END: Final = b"PK\x05\x06"
_END_64: Final = b"PK\x06\x06"
_ENTRY: Final = b"PK\x01\x02"
_LOCAL: Final = b"PK\x03\x04"
_END_LAYOUT: Final = Layout("<4s4H2LH")
_END_64_LAYOUT: Final = Layout("<4sQ2H2L4Q")
_ENTRY_LAYOUT: Final = Layout("<4s6H3L5H2L")
_LENGTHS: Final = Layout("<3H")
_LENGTHS_AT: Final = 28
_LOCAL_LAYOUT: Final = Layout("<4s5H3L2H")
_EXTRA_LAYOUT: Final = Layout("<2H")
_QUAD: Final = Layout("<Q")
_MAX_COMMENT_BYTES: Final = 65_535
_IN_ZIP64: Final = 0xFFFF_FFFF
_ZIP64_EXTRA: Final = 1
_ENCRYPTED: Final = 1
_STORED: Final = 0
_DEFLATED: Final = 8


class ZipMember(Struct, frozen=True, kw_only=True):
    """One member: where its data lies and what is said of it; sizes in bytes.

    Attributes:
        header_at: offset of its local header in the archive.
        crc: CRC-32 of the unpacked data.
    """

    name: str
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    header_at: int


class ZipArchive:
    """An archive in memory.

    Attributes:
        defect: why the directory could not be read to its end; "" when it could.

    Raises:
        InvalidInputError: it is no zip archive.
    """

    def __init__(self, content: bytes | memoryview, *, where: str) -> None:
        self.defect = ""
        self._view = memoryview(content)
        self._where = where
        self._start, self._end, self._prefix = self._directory()

    def members(self, wanted: Callable[[bytes], bool]) -> list[ZipMember]:
        """Members whose name is wanted, in the order of the directory; sets `defect`."""
        view, end, at = self._view, self._end, self._start
        lengths, found = _LENGTHS.unpack_from, []
        for _ in range(MAX_MEMBERS):
            if at + _ENTRY_LAYOUT.size > end:
                break
            if bytes(view[at : at + 4]) != _ENTRY:
                self.defect = f"no entry of the directory at offset {at}"
                break
            name_length, extra_length, comment_length = lengths(view, at + _LENGTHS_AT)
            name_at = at + _ENTRY_LAYOUT.size
            extra_at = name_at + name_length
            name = bytes(view[name_at:extra_at])
            if wanted(name):
                found.append(self._member(at, name, extra_at, extra_length))
            at = extra_at + extra_length + comment_length
        else:
            self.defect = f"over the limit MAX_MEMBERS = {MAX_MEMBERS}"
        if at != end and not self.defect:
            self.defect = "the directory is cut short"
        return found

    def read(self, member: ZipMember, *, max_bytes: int) -> memoryview:
        """The unpacked data of a member, as a part of the archive where it lies there unpacked.

        Raises:
            BoundExceededError: it is larger than `max_bytes`.
            InvalidInputError: encrypted, packed in another way, or damaged.
        """
        if member.size > max_bytes:
            raise BoundExceededError("max_bytes", max_bytes, where=self._inner(member))
        if member.flags & _ENCRYPTED:
            raise InvalidInputError("encrypted", where=self._inner(member))
        packed = self._packed(member)
        if member.method == _STORED:
            data = packed
        elif member.method == _DEFLATED:
            data = memoryview(self._inflated(member, packed))
        else:
            raise InvalidInputError(f"packed by method {member.method}", where=self._inner(member))
        if len(data) != member.size or zlib.crc32(data) != member.crc:
            raise InvalidInputError("its size or CRC-32 is not what the directory says", where=self._inner(member))
        return data

    def _directory(self) -> tuple[int, int, int]:
        view = self._view
        tail_at = max(0, len(view) - _END_LAYOUT.size - _MAX_COMMENT_BYTES)
        tail = bytes(view[tail_at:])
        at = tail.rfind(_END)
        if at < 0 or len(tail) - at < _END_LAYOUT.size:
            raise InvalidInputError("no zip archive: its end record is missing", where=self._where)
        fields = _END_LAYOUT.unpack_from(tail, at)
        end, size, offset = tail_at + at, fields[5], fields[6]
        wide = tail.rfind(_END_64, 0, at)
        if _IN_ZIP64 in (size, offset) or fields[4] == _MAX_COMMENT_BYTES:  # 0xFFFF members: see the wide record
            if wide < 0 or len(tail) - wide < _END_64_LAYOUT.size:
                raise InvalidInputError("no zip archive: its ZIP64 end record is missing", where=self._where)
            end = tail_at + wide
            size, offset = _END_64_LAYOUT.unpack_from(tail, wide)[8:10]
        prefix = end - size - offset
        if prefix < 0:
            raise InvalidInputError("no zip archive: its directory lies outside", where=self._where)
        return end - size, end, prefix

    def _member(self, at: int, name: bytes, extra_at: int, extra_length: int) -> ZipMember:
        fields = _ENTRY_LAYOUT.unpack_from(self._view, at)
        packed, size, offset = fields[8], fields[9], fields[16]
        if _IN_ZIP64 in (packed, size, offset):
            extra = bytes(self._view[extra_at : extra_at + extra_length])
            size, packed, offset = _widened(extra, size, packed, offset)
        return ZipMember(
            name=name.decode(errors="replace"),
            flags=fields[3],
            method=fields[4],
            crc=fields[7],
            packed=packed,
            size=size,
            header_at=offset + self._prefix,
        )

    def _packed(self, member: ZipMember) -> memoryview:
        if member.header_at + _LOCAL_LAYOUT.size > len(self._view):
            raise InvalidInputError("its header lies outside the archive", where=self._inner(member))
        local = _LOCAL_LAYOUT.unpack_from(self._view, member.header_at)
        start = member.header_at + _LOCAL_LAYOUT.size + local[9] + local[10]
        if local[0] != _LOCAL or start + member.packed > len(self._view):
            raise InvalidInputError("its data lies outside the archive", where=self._inner(member))
        return self._view[start : start + member.packed]

    def _inflated(self, member: ZipMember, packed: memoryview) -> bytes:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            return inflater.decompress(packed, member.size + 1)
        except zlib.error as error:
            raise InvalidInputError("its packed data is damaged", where=self._inner(member)) from error

    def _inner(self, member: ZipMember) -> str:
        return f"{self._where}!/{printable(member.name[:200])}"


def _widened(extra: bytes, size: int, packed: int, offset: int) -> tuple[int, int, int]:
    """The values of a ZIP64 extra field in place of those that do not fit; unchanged where there is none."""
    at = 0
    while at + _EXTRA_LAYOUT.size <= len(extra):
        kind, length = _EXTRA_LAYOUT.unpack_from(extra, at)
        at += _EXTRA_LAYOUT.size
        if kind == _ZIP64_EXTRA:
            wide = [_QUAD.unpack_from(extra, place)[0] for place in range(at, min(at + length, len(extra)) - 7, 8)]
            values = iter(wide)
            return (
                next(values, size) if size == _IN_ZIP64 else size,
                next(values, packed) if packed == _IN_ZIP64 else packed,
                next(values, offset) if offset == _IN_ZIP64 else offset,
            )
        at += length
    return size, packed, offset
