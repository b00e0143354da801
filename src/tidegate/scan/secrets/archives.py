# SPDX-License-Identifier: Apache-2.0
"""Looks into archives inside files, in memory: zip (APPNOTE 6.3.10; jar, whl, …), gzip (RFC 1952), tar (POSIX.1-2001).

What is broken, encrypted or packed in another way is passed over: an archive is searched as far as it can be read.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import Final

from isal import isal_zlib

from tidegate.bounds import MIB
from tidegate.scan.secrets.rule import Buffer
from tidegate.values import Struct

MAX_MEMBER_BYTES: Final = 8 * MIB
"""Unpacked bytes of one member that are looked at."""
MAX_UNPACKED_BYTES: Final = 64 * MIB
"""Unpacked bytes out of one file, at all depths together."""
MAX_MEMBERS: Final = 10_000
"""Members of one archive."""
MAX_DEPTH: Final = 3
"""Archives in archives, and encodings in encodings."""

_GZIP: Final = b"\x1f\x8b\x08"
_ZIP: Final = b"PK\x03\x04"
_TAR_AT: Final = 257
_TAR: Final = b"ustar"
_BLOCK: Final = 512
_ZIP_END: Final = struct.Struct("<4s4H2LH")
_ZIP_ENTRY: Final = struct.Struct("<4s6H3L5H2L")
_ZIP_LOCAL: Final = struct.Struct("<4s5H3L2H")
_MAX_ZIP_TAIL: Final = 66_000
_DEFLATED: Final = 8
_ENCRYPTED: Final = 1
_PICTURES: Final = (
    b".png",
    b".jpg",
    b".jpeg",
    b".gif",
    b".woff",
    b".woff2",
    b".ttf",
    b".ico",
    b".webp",
    b".mp4",
    b".mp3",
)


class Budget:
    """What may still be unpacked out of one file."""

    def __init__(self, left: int = MAX_UNPACKED_BYTES) -> None:
        self.left = left


class Member(Struct, frozen=True, kw_only=True):
    """A file out of an archive; `how` is what `SecretFact.decoded` says of it."""

    how: str
    content: bytes


def looks_like_archive(content: Buffer) -> bool:
    """By its first bytes."""
    head = bytes(content[:4])
    return head.startswith((_GZIP, _ZIP)) or bytes(content[_TAR_AT : _TAR_AT + 5]) == _TAR


def members(content: Buffer, budget: Budget) -> Iterator[Member]:
    """The files in an archive, none when it is no archive; takes what it unpacks from the budget."""
    data = bytes(content)
    if data.startswith(_GZIP):
        plain = _inflated(data, 31, budget)
        if plain:
            yield Member(how="gzip", content=plain)
    elif data.startswith(_ZIP):
        yield from _zip(data, budget)
    elif data[_TAR_AT : _TAR_AT + 5] == _TAR:
        yield from _tar(data, budget)


def _inflated(data: bytes, window: int, budget: Budget) -> bytes:
    inflater = isal_zlib.decompressobj(wbits=window)
    try:
        plain: bytes = inflater.decompress(data, max(1, min(MAX_MEMBER_BYTES, budget.left)))
    except (isal_zlib.IsalError, zlib.error, ValueError):  # type: ignore[misc]  # its stub says it is an object
        return b""
    budget.left -= len(plain)
    return plain if budget.left > 0 else b""


def _zip(data: bytes, budget: Budget) -> Iterator[Member]:
    place, count = _directory(data)
    for _ in range(min(count, MAX_MEMBERS)):
        if budget.left <= 0 or place + _ZIP_ENTRY.size > len(data):
            return
        entry = _ZIP_ENTRY.unpack_from(data, place)
        magic, flags, method, packed, size = entry[0], entry[3], entry[4], entry[8], entry[9]
        name_size, extra_size, comment_size, start = entry[10], entry[11], entry[12], entry[16]
        if magic != b"PK\x01\x02":
            return
        name = data[place + _ZIP_ENTRY.size : place + _ZIP_ENTRY.size + name_size]
        place += _ZIP_ENTRY.size + name_size + extra_size + comment_size
        if size and not flags & _ENCRYPTED and not name.lower().endswith(_PICTURES):
            plain = _zip_member(data, start, packed, method, budget)
            if plain:
                yield Member(how=f"zip:{_named(name)}", content=plain)


def _directory(data: bytes) -> tuple[int, int]:
    """Where the central directory begins, and how many entries it says it has."""
    end = data.rfind(b"PK\x05\x06", max(0, len(data) - _MAX_ZIP_TAIL))
    if end < 0 or end + _ZIP_END.size > len(data):
        return 0, 0
    found = _ZIP_END.unpack_from(data, end)
    count, size, start = found[4], found[5], found[6]
    # Something may stand before the archive; the directory itself always ends where its end record begins.
    return (end - size if end >= size and data[start : start + 4] != b"PK\x01\x02" else start), count


def _zip_member(data: bytes, start: int, packed: int, method: int, budget: Budget) -> bytes:
    if start + _ZIP_LOCAL.size > len(data):
        return b""
    local = _ZIP_LOCAL.unpack_from(data, start)
    if local[0] != _ZIP:
        return b""
    begin = start + _ZIP_LOCAL.size + local[9] + local[10]
    if method == _DEFLATED:
        return _inflated(data[begin : begin + packed], -15, budget)
    if method:
        return b""
    plain = data[begin : begin + min(packed, MAX_MEMBER_BYTES)]
    budget.left -= len(plain)
    return plain


def _tar(data: bytes, budget: Budget) -> Iterator[Member]:
    place = 0
    for _ in range(MAX_MEMBERS):
        header = data[place : place + _BLOCK]
        if len(header) < _BLOCK or not header[0] or budget.left <= 0:
            return
        size = _octal(header[124:136])
        if size is None:
            return
        begin = place + _BLOCK
        if header[156:157] in {b"0", b"\0", b"7"} and size:
            plain = data[begin : begin + min(size, MAX_MEMBER_BYTES)]
            budget.left -= len(plain)
            yield Member(how=f"tar:{_named(header[:100].partition(bytes(1))[0])}", content=plain)
        place = begin + -(-size // _BLOCK) * _BLOCK


def _octal(field: bytes) -> int | None:
    text = field.strip(b" \0")
    try:
        return int(text or b"0", 8) if text.isdigit() or not text else None
    except ValueError:
        return None


def _named(name: bytes) -> str:
    return name[:200].decode("utf-8", "replace")
