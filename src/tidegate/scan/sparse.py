# SPDX-License-Identifier: Apache-2.0
"""Sparse files in tar: old GNU headers (`S`) and the three pax forms (GNU.sparse 0.0, 0.1, 1.0) of GNU tar's manual."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from tidegate.bounds import KIB
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.scan.limits import ScanLimits
from tidegate.scan.tar_header import Extension, decimal, number
from tidegate.values import Struct

TakeBlock = Callable[[], bytes]

_ZEROS: Final = memoryview(bytes(256 * KIB))


class SparseMap(Struct, frozen=True):
    """Where the stored bytes of a sparse file belong: (offset, length) in rising order, and the file's whole size."""

    regions: tuple[tuple[int, int], ...]
    size: int

    def check_stored(self, stored: int, where: str) -> None:
        """Compares the stored bytes the archive announces with the map.

        Raises:
            InvalidInputError: they differ.
        """
        if stored != sum(length for _, length in self.regions):
            raise InvalidInputError("a sparse map does not add up to the stored bytes", where=where)

    def stored_before(self, end: int) -> int:
        """Stored bytes that belong before an offset of the file."""
        return sum(min(length, end - offset) for offset, length in self.regions if offset < end)

    def expand(self, stored: bytes, limit: int | None = None) -> bytes:
        """The file as it reads on disk, its first `limit` bytes when one is given."""
        size = self.size if limit is None else min(limit, self.size)
        content = bytearray(size)
        at = 0
        for offset, length in self.regions:
            if offset >= size:
                break
            content[offset : offset + length] = stored[at : at + length]
            at += length
        return bytes(content[:size])

    def beginning(self, stored: bytes, count: int) -> bytes:
        """The first bytes of the file, given the first stored ones."""
        first = self.regions[0] if self.regions else (self.size, 0)
        if first[0] == 0:
            return stored[: min(count, first[1])]
        return bytes(min(count, first[0]))

    def expanded(self, take: Callable[[int], bytes]) -> Iterator[bytes | memoryview]:
        """The file as it reads on disk, piece by piece; `take` gives the next stored bytes."""
        at = 0
        for offset, length in (*self.regions, (self.size, 0)):
            while at < offset:
                step = min(len(_ZEROS), offset - at)
                yield _ZEROS[:step]
                at += step
            while at < offset + length:
                piece = take(min(len(_ZEROS), offset + length - at))
                at += len(piece)
                yield piece


def old_gnu(header: bytes, take_block: TakeBlock, limits: ScanLimits, where: str) -> SparseMap:
    """Reads the map of an `S` header and of the extension blocks that follow it.

    Raises:
        BoundExceededError: `max_sparse_regions`.
        InvalidInputError: the map is malformed.
    """
    regions = _slots(header[386:482], where)
    more = header[482]
    while more:
        block = take_block()
        regions += _slots(block[:504], where)
        more = block[504]
        _bounded(len(regions), limits, where)
    return _checked(regions, number(header[483:495], where), where)


def pax(
    extension: Extension, size: int, take_block: TakeBlock, limits: ScanLimits, where: str
) -> tuple[SparseMap, int]:
    """Reads the map of a pax sparse file; returns it and how many stored bytes are left after it.

    Raises:
        BoundExceededError: `max_sparse_regions`.
        InvalidInputError: the map is malformed.
    """
    fields = extension.sparse
    whole = fields.get("realsize", fields.get("size"))
    real_size = decimal(whole, where) if whole is not None else size
    if fields.get("major") == b"1":
        numbers, used = _map_in_content(take_block, limits, where)
        return _checked(_pairs(numbers, where), real_size, where), size - used
    listed = fields["map"].split(b",") if fields.get("map") else extension.regions
    _bounded(len(listed) // 2, limits, where)
    return _checked(_pairs([decimal(value, where) for value in listed], where), real_size, where), size


def _map_in_content(take_block: TakeBlock, limits: ScanLimits, where: str) -> tuple[list[int], int]:
    text = bytearray(take_block())
    first, newline, _ = text.partition(b"\n")
    if not newline:
        raise InvalidInputError("a sparse map has no length", where=where)
    count = decimal(bytes(first), where)
    _bounded(count, limits, where)
    lines = text.count(b"\n")
    while lines <= 2 * count:
        if len(text) >= limits.max_header_bytes:
            raise BoundExceededError("max_header_bytes", limits.max_header_bytes, where=where)
        block = take_block()
        lines += block.count(b"\n")
        text += block
    return [decimal(line, where) for line in bytes(text).split(b"\n")[1 : 2 * count + 1]], len(text)


def _slots(table: bytes, where: str) -> list[tuple[int, int]]:
    slots = (table[at : at + 24] for at in range(0, len(table), 24))
    return [(number(slot[:12], where), number(slot[12:], where)) for slot in slots if slot[0] and slot[12]]


def _pairs(numbers: Sequence[int], where: str) -> list[tuple[int, int]]:
    if len(numbers) % 2:
        raise InvalidInputError("a sparse map has an odd number of numbers", where=where)
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _bounded(regions: int, limits: ScanLimits, where: str) -> None:
    if regions > limits.max_sparse_regions:
        raise BoundExceededError("max_sparse_regions", limits.max_sparse_regions, where=where)


def _checked(regions: list[tuple[int, int]], size: int, where: str) -> SparseMap:
    end = 0
    for offset, length in regions:
        if offset < end or offset + length > size:
            raise InvalidInputError("a sparse map overlaps itself or leaves its file", where=where)
        end = offset + length
    return SparseMap(tuple(regions), size)
