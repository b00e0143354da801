# SPDX-License-Identifier: Apache-2.0
"""Reads zips of advisories (APPNOTE.TXT 6.3, stored and deflated entries, zip64): one entry at a time, all bounded.

The standard library's zipfile takes three times as long over tens of thousands of small entries, and stops at the first
broken one. Here a broken entry is told and passed over.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from isal import isal_zlib

from tidegate.bounds import MIB, printable
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.knowledge.limits import KnowledgeLimits

_END: Final = struct.Struct("<4s4H2LH")
_END64_PLACE: Final = struct.Struct("<4sLQL")
_END64: Final = struct.Struct("<4sQ2H2L4Q")
_DIRECTORY: Final = struct.Struct("<4s6H3L5H2L")
_LOCAL: Final = struct.Struct("<4s5H3L2H")
_FULL16: Final = 0xFFFF
_FULL32: Final = 0xFFFF_FFFF
_LARGEST: Final = (1 << 63) - 1
_STORED, _DEFLATED = 0, 8
_ENCRYPTED: Final = 1
_RAW_DEFLATE: Final = -15
_BROKEN: type[Exception] = isal_zlib.error  # type: ignore[assignment]  # the stub says instance


class Entry(NamedTuple):
    """One advisory's bytes, or `why` it could not be read. The name is for messages, never a path to write to."""

    name: str
    data: bytes
    why: str = ""


class _Place(NamedTuple):
    name: str
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int


def read_zip(path: Path, limits: KnowledgeLimits) -> Iterator[Entry]:
    """Yields every `*.json` entry of a zip in the order of its directory.

    Raises:
        BoundExceededError: the zip is over one of the limits, as it says or as it turns out to be.
        InvalidInputError: it is not a zip, or its directory is broken.
    """
    with path.open("rb") as file:
        for place in _places(file, limits, str(path)):
            if place.name.endswith("/"):
                continue
            yield _read(file, place)


def check_zip(path: Path, limits: KnowledgeLimits) -> None:
    """Reads a zip's directory alone.

    Raises:
        BoundExceededError, InvalidInputError: as `read_zip`.
        OSError: the disk failed.
    """
    with path.open("rb") as file:
        _places(file, limits, str(path))


def _places(file: BinaryIO, limits: KnowledgeLimits, where: str) -> list["_Place"]:
    size = file.seek(0, 2)
    if size > limits.max_zip_bytes:
        raise BoundExceededError("max_zip_bytes", limits.max_zip_bytes, where=where)
    places = _directory(file, size, limits, where)
    _check(places, size, limits, where)
    return places


def _read(file: BinaryIO, place: _Place) -> Entry:
    name = printable(place.name)
    if not place.name.endswith(".json") or "/" in place.name or "\\" in place.name or name != place.name:
        return Entry(name[:120], b"", "not a plain <ID>.json")
    if place.flags & _ENCRYPTED or place.method not in {_STORED, _DEFLATED}:
        return Entry(name, b"", "encrypted, or packed by an unknown method")
    packed = _packed(file, place)
    if packed is None:
        return Entry(name, b"", "no entry where the directory points")
    try:
        data = packed if place.method == _STORED else _inflated(packed, place.size)
    except _BROKEN as error:
        return Entry(name, b"", f"cannot be inflated: {error}")
    if len(data) != place.size or len(packed) != place.packed:
        return Entry(name, b"", "not of the size its directory says")
    return Entry(name, data) if isal_zlib.crc32(data) == place.crc else Entry(name, b"", "checksum mismatch")


def _packed(file: BinaryIO, place: _Place) -> bytes | None:
    file.seek(place.offset)
    header = file.read(_LOCAL.size)
    if len(header) < _LOCAL.size or header[:4] != b"PK\x03\x04":
        return None
    *_, name_size, extra_size = _LOCAL.unpack(header)
    file.seek(name_size + extra_size, 1)
    return file.read(place.packed)


def _inflated(packed: bytes, size: int) -> bytes:
    data: bytes = isal_zlib.decompressobj(_RAW_DEFLATE).decompress(packed, size + 1)
    return data


def _check(places: list[_Place], size: int, limits: KnowledgeLimits, where: str) -> None:
    for place in places:
        if place.size > limits.max_entry_bytes:
            raise BoundExceededError("max_entry_bytes", limits.max_entry_bytes, where=f"{where}: {_short(place)}")
        if place.size > MIB and place.size > place.packed * limits.max_entry_ratio:
            raise BoundExceededError("max_entry_ratio", limits.max_entry_ratio, where=f"{where}: {_short(place)}")
    if sum(place.size for place in places) > limits.max_zip_total_bytes:
        raise BoundExceededError("max_zip_total_bytes", limits.max_zip_total_bytes, where=where)
    if sum(place.packed for place in places) > size:
        raise InvalidInputError("its entries lie over each other", where=where)


def _short(place: _Place) -> str:
    return printable(place.name)[:120]


def _directory(file: BinaryIO, size: int, limits: KnowledgeLimits, where: str) -> list[_Place]:
    count, length, offset = _end(file, size, where)
    if count > limits.max_zip_entries:
        raise BoundExceededError("max_zip_entries", limits.max_zip_entries, where=where)
    if length > limits.max_zip_directory_bytes:
        raise BoundExceededError("max_zip_directory_bytes", limits.max_zip_directory_bytes, where=where)
    file.seek(offset)
    data = file.read(length)
    places: list[_Place] = []
    at = 0
    while at < len(data):
        if len(places) >= limits.max_zip_entries:
            raise BoundExceededError("max_zip_entries", limits.max_zip_entries, where=where)
        place, at = _place(data, at, where)
        places.append(place)
    if len(places) != count or len(data) != length:
        raise InvalidInputError(f"broken zip: {len(places)} entries where its end says {count}", where=where)
    return places


def _place(data: bytes, at: int, where: str) -> tuple[_Place, int]:
    try:
        fields = _DIRECTORY.unpack_from(data, at)
    except struct.error as error:
        raise InvalidInputError("broken zip: its directory is cut off", where=where) from error
    if fields[0] != b"PK\x01\x02":
        raise InvalidInputError("broken zip: its directory is not one", where=where)
    _, _, _, flags, method, _, _, crc, packed, size, name_size, extra_size, comment_size, *_, offset = fields
    start = at + _DIRECTORY.size
    name = data[start : start + name_size].decode("utf-8", "replace")
    if _FULL32 in {packed, size, offset}:
        extra = data[start + name_size : start + name_size + extra_size]
        size, packed, offset = _wide(extra, size, packed, offset, where)
    end = start + name_size + extra_size + comment_size
    return _Place(name, flags, method, crc, packed, size, offset), end


def _wide(extra: bytes, size: int, packed: int, offset: int, where: str) -> tuple[int, int, int]:
    at = 0
    while at + 4 <= len(extra):
        tag, length = struct.unpack_from("<2H", extra, at)
        if tag == 1:
            numbers = iter(struct.unpack_from(f"<{min(length, len(extra) - at - 4) // 8}Q", extra, at + 4))
            wide = [next(numbers, -1) if value == _FULL32 else value for value in (size, packed, offset)]
            if min(wide) >= 0 and max(wide) <= _LARGEST:
                return wide[0], wide[1], wide[2]
        at += 4 + length
    raise InvalidInputError("broken zip: sizes are missing", where=where)


def _end(file: BinaryIO, size: int, where: str) -> tuple[int, int, int]:
    tail_size = min(size, _END.size + _FULL16)
    file.seek(size - tail_size)
    tail = file.read(tail_size)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + _END.size > len(tail):
        raise InvalidInputError("not a zip, or cut off", where=where)
    _, _, _, _, count, length, offset, _ = _END.unpack_from(tail, at)
    if (count == _FULL16 or _FULL32 in {length, offset}) and at >= _END64_PLACE.size:
        signature, _, place, _ = _END64_PLACE.unpack_from(tail, at - _END64_PLACE.size)
        if signature == b"PK\x06\x07" and place < size:
            file.seek(place)
            record = file.read(_END64.size)
            if len(record) == _END64.size and record[:4] == b"PK\x06\x06":
                *_, count, length, offset = _END64.unpack(record)
    if offset + length > size:
        raise InvalidInputError("broken zip: its directory lies outside", where=where)
    return count, length, offset
