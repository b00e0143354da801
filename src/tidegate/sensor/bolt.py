# SPDX-License-Identifier: Apache-2.0
"""Reads values out of a bbolt file (go.etcd.io/bbolt, format version 2) that another process writes.

Pages are copied when they are changed, never written in place, and the newest of two meta pages names the tree that is
whole. The file's lock is its writer's, so it is not taken: a page that was reused meanwhile is no such page, or holds
no such key, and then nothing is found. What is read is believed to be hostile.
"""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

from tidegate.errors import InvalidInputError
from tidegate.values import Struct

_HEADER: Final = struct.Struct("<QHHI")  # id, flags, count, overflow
_META: Final = struct.Struct("<IIIIQQQQQQ")  # magic, version, page size, flags, root, sequence, freelist, end, tx, sum
_BRANCH: Final = struct.Struct("<IIQ")  # position, key size, page
_LEAF: Final = struct.Struct("<IIII")  # flags, position, key size, value size
_BUCKET: Final = struct.Struct("<QQ")  # root, sequence
_MAGIC: Final = 0xED0CDAED
_VERSION: Final = 2
_IS_BRANCH: Final = 0x01
_IS_LEAF: Final = 0x02
_IS_META: Final = 0x04
_IS_BUCKET: Final = 0x01
_SMALLEST_PAGE: Final = 512
_LARGEST_PAGE: Final = 65536
_MAX_DEPTH: Final = 32
_MAX_PAGE_BYTES: Final = 16 << 20
_FNV_OFFSET: Final = 0xCBF29CE484222325
_FNV_PRIME: Final = 0x100000001B3


class _Page(Struct, frozen=True, kw_only=True):
    data: bytes
    flags: int
    count: int


class Bolt:
    """An open file. Use it in a `with`.

    Args:
        path: of the file.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._where = str(path)
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def get(self, *path: bytes) -> bytes | None:
        """The value of a key in buckets within buckets; None when there is none, or it is a bucket.

        Args:
            path: the buckets' names, the outermost first, and the key.

        Raises:
            OSError: the file cannot be read.
            InvalidInputError: it is no such file, or what is read of it was overwritten meanwhile.
        """
        size, root = self._newest()
        page: _Page | None = self._page(root, size)
        for number, name in enumerate(path, start=1):
            found = self._find(page, name, size) if page is not None else None
            if found is None:
                return None
            flags, value = found
            if number == len(path):
                return None if flags & _IS_BUCKET else value
            page = self._bucket(value, size) if flags & _IS_BUCKET else None
        return None

    def _newest(self) -> tuple[int, int]:
        """The size of a page, and the root of the newest tree that was written whole."""
        first = self._meta(0)
        sizes = [first[1]] if first else [1 << power for power in range(9, 17)]
        second = next((meta for size in sizes if (meta := self._meta(size))), None)
        found = [meta for meta in (first, second) if meta]
        if not found:
            raise InvalidInputError("no bbolt file: neither meta page is one", where=self._where)
        _, size, root = max(found)
        return size, root

    def _meta(self, offset: int) -> tuple[int, int, int] | None:
        data = os.pread(self._file, _HEADER.size + _META.size, offset)
        if len(data) < _HEADER.size + _META.size or not _HEADER.unpack_from(data)[1] & _IS_META:
            return None
        magic, version, size, _, root, _, _, _, number, checksum = _META.unpack_from(data, _HEADER.size)
        is_size = _SMALLEST_PAGE <= size <= _LARGEST_PAGE and size & (size - 1) == 0
        body = data[_HEADER.size : _HEADER.size + _META.size - 8]
        if (magic, version, is_size, checksum) != (_MAGIC, _VERSION, True, _fnv(body)):
            return None
        return number, size, root

    def _page(self, number: int, size: int) -> _Page:
        head = os.pread(self._file, _HEADER.size, number * size) if number < 1 << 40 else b""
        if len(head) < _HEADER.size:
            raise self._broken(number)
        own, flags, count, overflow = _HEADER.unpack(head)
        length = (overflow + 1) * size
        if own != number or length > _MAX_PAGE_BYTES or not flags & (_IS_BRANCH | _IS_LEAF):
            raise self._broken(number)
        return _Page(data=os.pread(self._file, length, number * size), flags=flags, count=count)

    def _bucket(self, value: bytes, size: int) -> _Page | None:
        if len(value) < _BUCKET.size:
            return None
        root, _ = _BUCKET.unpack_from(value)
        if root:
            return self._page(root, size)
        inline = value[_BUCKET.size :]
        if len(inline) < _HEADER.size:
            return None
        _, flags, count, _ = _HEADER.unpack_from(inline)
        return _Page(data=inline, flags=flags, count=count)

    def _find(self, page: _Page, name: bytes, size: int) -> tuple[int, bytes] | None:
        for _ in range(_MAX_DEPTH):
            if page.flags & _IS_LEAF:
                return next(((flags, value) for key, flags, value in self._leaves(page) if key == name), None)
            below = None
            for key, number in self._branches(page):
                if below is not None and key > name:
                    break
                below = number
            if below is None:
                return None
            page = self._page(below, size)
        raise InvalidInputError(f"a tree deeper than {_MAX_DEPTH} pages", where=self._where)

    def _branches(self, page: _Page) -> Iterator[tuple[bytes, int]]:
        for at in self._elements(page, _BRANCH.size):
            position, length, number = _BRANCH.unpack_from(page.data, at)
            yield self._cut(page, at + position, length), number

    def _leaves(self, page: _Page) -> Iterator[tuple[bytes, int, bytes]]:
        for at in self._elements(page, _LEAF.size):
            flags, position, length, value = _LEAF.unpack_from(page.data, at)
            yield self._cut(page, at + position, length), flags, self._cut(page, at + position + length, value)

    def _elements(self, page: _Page, size: int) -> range:
        end = _HEADER.size + page.count * size
        if end > len(page.data):
            raise InvalidInputError("a page with more elements than it has room for", where=self._where)
        return range(_HEADER.size, end, size)

    def _cut(self, page: _Page, start: int, length: int) -> bytes:
        if start + length > len(page.data):
            raise InvalidInputError("an element that lies outside of its page", where=self._where)
        return page.data[start : start + length]

    def _broken(self, number: int) -> InvalidInputError:
        return InvalidInputError(f"page {number} is none of a tree", where=self._where)


def _fnv(data: bytes) -> int:
    """FNV-1a, 64 bits."""
    found = _FNV_OFFSET
    for one in data:
        found = ((found ^ one) * _FNV_PRIME) & 0xFFFFFFFFFFFFFFFF
    return found
