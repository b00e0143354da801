# SPDX-License-Identifier: Apache-2.0
"""Walks a tar stream in one pass over whole chunks: v7, ustar, GNU and pax (POSIX.1-2017), sparse files included.

Chunks are a multiple of 512 bytes and always filled, so a header never lies across two of them, and content that is not
wanted is passed over by arithmetic.
"""

from collections.abc import Callable, Iterator
from io import BytesIO
from struct import Struct
from typing import Final, Protocol
from zlib import adler32

from tidegate.bounds import MIB
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.scan import sparse
from tidegate.scan.entry import Entry, EntryKind, normalise, shown
from tidegate.scan.limits import ScanLimits
from tidegate.scan.tar_header import BLOCK, Extension, is_sound, number, old_prefix, read_pax, refuse_deciding_globals

_HEADER: Final = Struct("100s8s16x12s12x8sB100s6s82x155s12x")
_ADLER: Final = 65521
_KEPT_FIELDS: Final = 4096
_GROWN_BYTES: Final = 4 * MIB
_SCRATCH_BYTES: Final = MIB
_MAX_SCRATCH_BYTES: Final = 8 * MIB
_ZEROS: Final = bytes(BLOCK)
_DOT: Final = ord(".")
_KINDS: Final = {
    **dict.fromkeys(b"\x0007S", EntryKind.FILE),
    ord("1"): EntryKind.HARD_LINK,
    ord("2"): EntryKind.SYMBOLIC_LINK,
    ord("5"): EntryKind.FOLDER,
}
_HEADER_ONLY: Final = frozenset(b"123456")
_EXTENDS: Final = frozenset(b"xXgLK")
_SPARSE: Final = ord("S")
_SHORT_NAME: Final = 255


class Chunks(Protocol):
    """Where the walk gets its stream from."""

    where: str

    def next_chunk(self) -> memoryview:
        """The next bytes, a multiple of 512 but for the last, empty at the end; the chunk before becomes invalid."""
        ...


class TarWalk:
    """The entries of a tar stream; a `Walk`.

    Args:
        source: the stream.
        limits: bounds; each over one is a `BoundExceededError` that names it.

    Raises:
        BoundExceededError: while walking: `max_entries`, `max_path_bytes`, `max_path_depth`, `max_link_bytes`,
            `max_header_bytes` or `max_sparse_regions`.
        InvalidInputError: while walking: the archive is malformed or cut, or a path leaves the root.
    """

    def __init__(self, source: Chunks, limits: ScanLimits) -> None:
        self._source = source
        self._view = memoryview(b"")
        self._limits = limits
        self._at = 0
        self._end = 0
        self._left = 0
        self._map: sparse.SparseMap | None = None
        self._parents: dict[bytes, bytes] = {}
        self._scratch = memoryview(b"")
        self.before_refill: Callable[[], None] = _nothing
        self.where = source.where
        self.holes = 0
        self.entries = 0

    def __iter__(self) -> Iterator[Entry]:  # noqa: C901, PLR0912, PLR0915 - the hot loop: a call more an entry is felt
        """Yields entries until two zero blocks or the end of the stream."""
        unpack, max_entries = _HEADER.unpack_from, self._limits.max_entries
        kinds, parents, clean, where = _KINDS.get, self._parents.get, self._clean, self.where
        a_file, other = EntryKind.FILE, EntryKind.OTHER
        modes, sizes, sums = _Modes(where), _Sizes(where), _Sums(where)
        extension: Extension | None = None
        pad = 0
        while True:
            at, view = self._at + self._left + pad, self._view
            if at + BLOCK <= self._end and view[at]:
                self._at, self._left = at, 0
            elif self._next_header(pad):
                at, view = self._at, self._view
            else:
                break
            name, mode, size_field, checksum, flag, link, magic, prefix = unpack(view, at)
            self.entries += 1
            if self.entries > max_entries:
                raise BoundExceededError("max_entries", max_entries, where=where)
            # The low half of adler32 is 1 + the sum of all bytes, modulo 65521: the header's own checksum, 40 x faster.
            if adler32(view[at : at + BLOCK]) & 0xFFFF != sums[checksum]:
                self._check_slowly(at)
            size = sizes[size_field]
            self._at = at + BLOCK
            if flag in _EXTENDS:
                extension = self._extended(flag, size, extension or Extension())
                pad = 0
                continue
            name = name.partition(b"\0")[0]
            if prefix[0]:
                name = self._prefixed(name, magic, prefix, at)
            kind = kinds(flag, other)
            link = link.partition(b"\0")[0] if link[0] else b""
            if extension is not None or flag == _SPARSE:
                entry, stored = self._extend(at, Entry(name, kind, modes[mode], size, link), extension or Extension())
                name, kind, _, size, link = entry
                extension = None
            else:
                stored = size
                self._map = None
                self.holes = 0
            if not flag and name[-1:] == b"/":
                kind = EntryKind.FOLDER
            if kind is not a_file:
                size = 0
                if flag in _HEADER_ONLY or not flag:
                    stored = 0
                link = self._checked_link(kind, link)
            parent, _, plain = name.rpartition(b"/")
            start = parents(parent)
            if start is None or not plain or plain[0] == _DOT or len(plain) > _SHORT_NAME:
                name = clean(name)
            else:
                name = start + plain
            self._left = stored
            pad = -stored % BLOCK
            yield Entry(name, kind, modes[mode], size, link)

    def read(self, limit: int | None = None) -> bytes:
        """The content of the file yielded last, as long as its entry says; once.

        Args:
            limit: bytes after which to stop.

        Raises:
            InvalidInputError: the archive ends inside it.
        """
        if self._map is not None:
            stored = self._left if limit is None else self._map.stored_before(limit)
            return self._map.expand(self._take(stored), limit)
        return self._take(self._left if limit is None else min(limit, self._left))

    def peek(self, count: int) -> bytes | memoryview:
        """The first bytes of the file yielded last, before it is read; at most 512 of them.

        Raises:
            InvalidInputError: the archive ends inside it.
        """
        at = self._at
        if at < self._end and self._map is None:
            return self._view[at : min(at + min(count, self._left), self._end)]
        if not self._left:
            return bytes(min(count, self.holes))
        self._reach_content()
        at = self._at
        stored = bytes(self._view[at : min(at + min(count, self._left), self._end)])
        return stored if self._map is None else self._map.beginning(stored, count)

    def pieces(self) -> Iterator[bytes | memoryview]:
        """The content of the file yielded last in pieces, each valid until the next is taken; once.

        Raises:
            InvalidInputError: the archive ends inside it.
        """
        return self._stored_pieces() if self._map is None else self._map.expanded(self._take)

    def view(self) -> bytes | memoryview:
        """The whole content of the file yielded last, without a copy when it lies within the chunk; once.

        Raises:
            InvalidInputError: the archive ends inside it.
        """
        if self._at >= self._end and self._left:
            self._reach_content()
        at, end = self._at, self._at + self._left
        if end <= self._end and self._map is None:
            return self._view[at:end]
        return self.read() if self._map is not None or self._left > _MAX_SCRATCH_BYTES else self._gathered()

    def _gathered(self) -> memoryview:
        """Content that lies across chunks, in one place; that place is used again, because fresh memory costs more."""
        self.before_refill()  # what was gathered there before
        size, filled = self._left, 0
        if len(self._scratch) < size:
            self._scratch = memoryview(bytearray(max(size, _SCRATCH_BYTES)))
        scratch = self._scratch
        for piece in self._stored_pieces():
            scratch[filled : filled + len(piece)] = piece
            filled += len(piece)
        return scratch[:size]

    def _reach_content(self) -> None:
        """Refills when content begins at the border of a chunk; what is at hand then is a block at least."""
        if self._at >= self._end:
            self._refill_or_fail()
            self._at = 0

    def _stored_pieces(self) -> Iterator[memoryview]:
        while self._left:
            self._reach_content()
            at = self._at
            step = min(self._left, self._end - at)
            self._at = at + step
            self._left -= step
            yield self._view[at : at + step]

    def _next_header(self, pad: int) -> bool:
        """Goes past what is left of the content and its padding (the last file's may be missing) to the next header."""
        at = self._at + self._left
        while at > self._end:
            at -= self._end
            self._refill_or_fail()
        at += pad
        self._left = 0
        if at >= self._end:
            at = 0
            if not self._refill():
                return False
        self._at = at
        if self._end - at < BLOCK:
            raise InvalidInputError("the archive ends inside a header", where=self.where)
        return self._view[at] != 0 or not self._is_end()

    def _is_end(self) -> bool:
        """True at two zero blocks, or at one with nothing behind it."""
        at = self._at
        if self._view[at : at + BLOCK] != _ZEROS:
            return False
        at += BLOCK
        if at >= self._end:
            if not self._refill():
                return True
            at = 0
        if any(self._view[at : min(at + BLOCK, self._end)]):
            raise InvalidInputError("a lone zero block inside the archive", where=self.where)
        return True

    def _check_slowly(self, at: int) -> None:
        if not is_sound(bytes(self._view[at : at + BLOCK]), self.where):
            what = "not a tar archive" if self.entries == 1 else f"the checksum of header {self.entries} is wrong"
            raise InvalidInputError(what, where=self.where)

    def _prefixed(self, name: bytes, magic: bytes, prefix: bytes, at: int) -> bytes:
        is_star = bytes(self._view[at + 508 : at + BLOCK]) == b"tar\0"
        if magic == b"ustar\0":
            prefix = prefix[:131] if is_star else prefix
        elif magic != b"ustar " or not old_prefix(prefix):
            return name
        return prefix.partition(b"\0")[0] + b"/" + name

    def _clean(self, name: bytes) -> bytes:
        """A path normalised; what lies above it is remembered, so that its neighbours cost a look-up."""
        cleaned = normalise(name, self._limits, self.where)
        above = name.rpartition(b"/")[0]
        start = cleaned.rpartition(b"/")[0]
        limits = self._limits
        is_roomy = start.count(b"/") + 2 <= limits.max_path_depth and len(start) + _SHORT_NAME < limits.max_path_bytes
        if is_roomy and len(self._parents) < _KEPT_FIELDS and normalise(above, limits, self.where) == start:
            self._parents[above] = start + b"/" if start else b""
        return cleaned

    def _checked_link(self, kind: EntryKind, link: bytes) -> bytes:
        if kind is EntryKind.FOLDER or kind is EntryKind.OTHER:
            return b""
        if len(link) > self._limits.max_link_bytes:
            raise BoundExceededError("max_link_bytes", self._limits.max_link_bytes, where=self.where)
        return self._clean(link) if kind is EntryKind.HARD_LINK else link

    def _extended(self, flag: int, size: int, extension: Extension) -> Extension:
        if size > self._limits.max_header_bytes:
            raise BoundExceededError("max_header_bytes", self._limits.max_header_bytes, where=self.where)
        data = self._take(size)
        self._take(-size % BLOCK)
        if flag == ord("L"):
            extension.long_name = data.partition(b"\0")[0]
        elif flag == ord("K"):
            extension.long_link = data.partition(b"\0")[0]
        elif flag == ord("g"):
            refuse_deciding_globals(data, self.where)
        else:
            read_pax(data, extension, self.where)
        return extension

    def _extend(self, at: int, entry: Entry, extension: Extension) -> tuple[Entry, int]:
        """Lays extended headers over an entry; returns it and its stored size."""
        name = extension.long_name or extension.name or entry.name
        link = extension.long_link or extension.link or entry.link
        size = stored = entry.size if extension.size is None else extension.size
        self._map = None
        self.holes = 0
        if entry.kind is EntryKind.FILE:
            if bytes(self._view[at + 156 : at + 157]) == b"S":
                header = bytes(self._view[at : at + BLOCK])
                self._map = sparse.old_gnu(header, self._take_block, self._limits, self.where)
            elif extension.is_sparse:
                name = extension.sparse.get("name") or name
                self._map, stored = sparse.pax(extension, size, self._take_block, self._limits, self.where)
            if self._map is not None:
                self._map.check_stored(stored, f"{self.where} {shown(name)}")
                size = self._map.size
                self.holes = size - stored
        return Entry(name, entry.kind, entry.mode, size, link), stored

    def _take_block(self) -> bytes:
        return self._take(BLOCK)

    def _take(self, count: int) -> bytes:
        at = self._at
        if at + count <= self._end:
            self._at = at + count
            self._left = max(0, self._left - count)
            return bytes(self._view[at : at + count])
        taken = BytesIO()
        if count > _GROWN_BYTES:  # at its full size from the first, which growing would overshoot
            taken.seek(count - 1)
            taken.write(b"\0")
            taken.seek(0)
        left = count
        while left:
            if self._at >= self._end:
                self._refill_or_fail()
                self._at = 0
            step = min(left, self._end - self._at)
            taken.write(self._view[self._at : self._at + step])
            self._at += step
            left -= step
        self._left = max(0, self._left - count)
        return taken.getvalue()

    def _refill(self) -> int:
        self.before_refill()
        self._view = self._source.next_chunk()
        self._end = len(self._view)
        return self._end

    def _refill_or_fail(self) -> None:
        if not self._refill():
            raise InvalidInputError("the archive is cut short", where=self.where)


def _nothing() -> None:
    """Nobody waits for the chunk."""


class _Fields(dict[bytes, int]):
    """Fields of headers already read; an image has a few dozen modes, and sizes and checksums come again and again."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self._where = where

    def __missing__(self, field: bytes) -> int:
        value = self.read(field)
        if len(self) < _KEPT_FIELDS:
            self[field] = value
        return value

    def read(self, field: bytes) -> int:
        """A number as it is written."""
        return number(field, self._where)


class _Sizes(_Fields):
    """Sizes."""


class _Modes(_Fields):
    """Permission bits."""

    def read(self, field: bytes) -> int:
        return super().read(field) & 0o7777


class _Sums(_Fields):
    """What the low half of a header's adler32 must be by its checksum; -1 where that has to be looked at closely."""

    def read(self, field: bytes) -> int:
        stated = field.rstrip(b"\0 ")
        value = _octal(stated) if stated.isdigit() else -1
        return (value + sum(field) - 255) % _ADLER if value >= 0 else -1


def _octal(digits: bytes) -> int:
    try:
        return int(digits, 8)
    except ValueError:
        return -1
