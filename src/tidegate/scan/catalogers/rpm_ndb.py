# SPDX-License-Identifier: Apache-2.0
"""rpm's database in its own form ("ndb"): `Packages.db`. Numbers are little-endian, everything counts in blocks of 16.

A header of two blocks; pages of slots, each saying where one package's blob begins and how many blocks it has; the
blobs, each between a head and a tail with the sum (Adler-32) of what came before it.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import Final

from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.scan.catalogers.harvest import MAX_PACKAGES

_MAGIC: Final = b"RpmP"
_VERSION: Final = 0
_HEADER: Final = struct.Struct("<4sIIII12x")
_SLOT: Final = struct.Struct("<4sIII")
_SLOT_MAGIC: Final = b"Slot"
_HEAD: Final = struct.Struct("<4sIII")
_HEAD_MAGIC: Final = b"BlbS"
_TAIL: Final = struct.Struct("<II4s")
_TAIL_MAGIC: Final = b"BlbE"
_BLOCK: Final = 16
_PAGE: Final = 4096


def is_one(content: bytes) -> bool:
    """True for a database of this form."""
    return content.startswith(_MAGIC)


def blobs(content: bytes, where: str) -> Iterator[bytes | InvalidInputError]:
    """The package headers in a database, in the order of their slots.

    Yields:
        One header's bytes at a time; an error in the place of a damaged one.

    Raises:
        InvalidInputError: its own header or its slots are not of this form, or a bound is exceeded.
    """
    if len(content) < _HEADER.size:
        raise InvalidInputError("an rpm database shorter than its header", where=where)
    _, version, _, pages, _ = _HEADER.unpack_from(content)
    if version != _VERSION:
        raise InvalidInputError(f"an rpm database of the unknown version {version}", where=where)
    if pages * _PAGE > len(content):
        raise InvalidInputError(f"an rpm database with {pages} pages of slots in {len(content)} bytes", where=where)
    count, taken = 0, 0
    for magic, package, offset, blocks in _SLOT.iter_unpack(content[_HEADER.size : pages * _PAGE]):
        if magic != _SLOT_MAGIC:
            raise InvalidInputError("an rpm database with a slot that is none", where=where)
        if offset == 0:
            continue
        count += 1
        taken += blocks * _BLOCK
        if count > MAX_PACKAGES:
            raise BoundExceededError("MAX_PACKAGES", MAX_PACKAGES, where=where)
        if taken > len(content):
            raise InvalidInputError("an rpm database whose blobs overlap", where=where)
        yield _blob(content, package, offset * _BLOCK, blocks * _BLOCK)


def _blob(content: bytes, package: int, start: int, size: int) -> bytes | InvalidInputError:
    if size < _HEAD.size + _TAIL.size or start + size > len(content):
        return InvalidInputError(f"package {package} lies outside its rpm database")
    magic, owner, _, length = _HEAD.unpack_from(content, start)
    tail = start + size - _TAIL.size
    checksum, length_again, tail_magic = _TAIL.unpack_from(content, tail)
    if magic != _HEAD_MAGIC or tail_magic != _TAIL_MAGIC or owner != package or length != length_again:
        return InvalidInputError(f"package {package} has a damaged blob in its rpm database")
    if start + _HEAD.size + length > tail or zlib.adler32(memoryview(content)[start:tail]) != checksum:
        return InvalidInputError(f"package {package} does not have the sum its rpm database says")
    return content[start + _HEAD.size : start + _HEAD.size + length]
