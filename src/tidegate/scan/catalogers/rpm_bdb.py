# SPDX-License-Identifier: Apache-2.0
"""rpm's database as a Berkeley DB hash table: `Packages`, written by rpm before 4.16, in the machine's byte order.

After Berkeley DB's `db_page.h`: a first page of metadata, then pages of one size. A hash page holds keys and values
in turn; a value too long for a page stands as the first of a chain of overflow pages. Keys are rpm's own numbers of
packages, of which 0 keeps a counter.
"""

import struct
from collections.abc import Iterator
from typing import Final

from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.scan.catalogers.harvest import MAX_PACKAGES
from tidegate.values import Struct, field

_MAGIC: Final = 0x061561
_MAGIC_AT: Final = 12
_VERSIONS: Final = frozenset({7, 8, 9, 10})
_META_BYTES: Final = 72
_META_TYPE: Final = 8
_HASH_TYPES: Final = frozenset({2, 13})
_OVERFLOW_TYPE: Final = 7
_PAGE_SIZES: Final = frozenset(1 << bits for bits in range(9, 17))
_PAGE_HEADER_BYTES: Final = 26
_ON_PAGE: Final = 1
_OFF_PAGE: Final = 3
_OFF_PAGE_BYTES: Final = 12
_COUNTER_BYTES: Final = 4


def is_one(content: bytes) -> bool:
    """True for a Berkeley DB hash table of either byte order."""
    return _byte_order(content) != ""


def blobs(content: bytes, where: str) -> Iterator[bytes | InvalidInputError]:
    """The package headers in a database, in the order of its pages.

    Yields:
        One header's bytes at a time; an error in the place of a damaged one.

    Raises:
        InvalidInputError: its metadata is not that of a hash table, it is encrypted, or a bound is exceeded.
    """
    table = _table(content, where)
    count = 0
    for page in range(1, len(content) // table.page_size):
        for value in table.values(page):
            if isinstance(value, bytes) and len(value) == _COUNTER_BYTES:
                continue
            count += 1
            if count > MAX_PACKAGES:
                raise BoundExceededError("MAX_PACKAGES", MAX_PACKAGES, where=where)
            yield value


def _byte_order(content: bytes) -> str:
    magic = content[_MAGIC_AT : _MAGIC_AT + 4]
    return {_MAGIC.to_bytes(4, "little"): "<", _MAGIC.to_bytes(4, "big"): ">"}.get(magic, "")


def _table(content: bytes, where: str) -> "_Table":
    order = _byte_order(content)
    if len(content) < _META_BYTES:
        raise InvalidInputError("a Berkeley DB shorter than its metadata", where=where)
    version, page_size, encryption, kind = struct.unpack_from(order + "IIBB", content, _MAGIC_AT + 4)
    if kind != _META_TYPE or version not in _VERSIONS or page_size not in _PAGE_SIZES:
        raise InvalidInputError(f"not a Berkeley DB hash table of a known version ({version})", where=where)
    if encryption:
        raise InvalidInputError("an encrypted Berkeley DB", where=where)
    return _Table(content=content, order=order, page_size=page_size)


class _Table(Struct, kw_only=True):
    content: bytes
    order: str
    page_size: int
    # A page of a sound table is in one chain only. Those of a hostile one must not be read over and over.
    followed: set[int] = field(default_factory=set)

    def values(self, page: int) -> Iterator[bytes | InvalidInputError]:
        start = page * self.page_size
        entries, kind = self._unpack("HxxxB", start + 20)
        if kind not in _HASH_TYPES or not entries:
            return
        if _PAGE_HEADER_BYTES + 2 * entries > self.page_size:
            yield InvalidInputError(f"page {page} of a Berkeley DB says it has {entries} entries")
            return
        offsets = self._unpack(f"{entries}H", start + _PAGE_HEADER_BYTES)
        for index in range(1, entries, 2):  # keys are the even ones
            offset, end = offsets[index], offsets[index - 1]  # items grow down from the page's end
            if not _PAGE_HEADER_BYTES <= offset < end <= self.page_size:
                yield InvalidInputError(f"page {page} of a Berkeley DB has an entry outside of it")
                continue
            yield self._value(start + offset, end - offset)

    def _value(self, start: int, size: int) -> bytes | InvalidInputError:
        kind = self.content[start]
        if kind == _ON_PAGE:
            return self.content[start + 1 : start + size]
        if kind == _OFF_PAGE and size >= _OFF_PAGE_BYTES:
            page, length = self._unpack("II", start + 4)
            return self._chained(page, length)
        return InvalidInputError(f"a Berkeley DB entry of the unknown kind {kind}")

    def _chained(self, page: int, length: int) -> bytes | InvalidInputError:
        parts: list[bytes] = []
        left = length
        while left > 0:
            start = page * self.page_size
            if not page or start + self.page_size > len(self.content) or page in self.followed:
                return InvalidInputError(f"a chain of Berkeley DB pages breaks off with {left} bytes missing")
            self.followed.add(page)
            following, _, used, kind = self._unpack("IHHxB", start + 16)
            if kind != _OVERFLOW_TYPE or not 0 < used <= self.page_size - _PAGE_HEADER_BYTES:
                return InvalidInputError(f"page {page} of a Berkeley DB is no overflow page")
            part = self.content[start + _PAGE_HEADER_BYTES : start + _PAGE_HEADER_BYTES + min(used, left)]
            parts.append(part)
            left -= len(part)
            page = following
        return b"".join(parts)

    def _unpack(self, form: str, start: int) -> tuple[int, ...]:
        return struct.unpack_from(self.order + form, self.content, start)
