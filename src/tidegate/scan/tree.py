# SPDX-License-Identifier: Apache-2.0
"""The entries of a layer, packed: path, kind, mode and size in a few bytes each.

A packed tree is a zstd stream of blocks. A block is `<II` (entries, bytes of names), the names with a NUL between them,
one byte of kind, two of mode and eight of size for each entry, little-endian. A later entry of a path wins.
"""

import sys
from array import array
from bisect import bisect_left
from collections.abc import ItemsView, Iterator, Mapping
from io import BytesIO
from itertools import pairwise
from struct import Struct
from typing import Final

import zstandard

from tidegate.bounds import MIB
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.scan.entry import Entry, EntryKind, path_text

MAX_BLOCK_BYTES: Final = 64 * MIB
FILE: Final = "f"
KIND_WORDS: Final = (FILE, "d", "l", "h", "o")
"""How `tidegate.oci.squash` calls the kinds, in the order of `EntryKind`."""

_BLOCK_ENTRIES: Final = 4096
_HEAD: Final = Struct("<II")
_LEVEL: Final = 1
_DENSE_FROM: Final = 100_000
_KIND_BITS: Final = 3
_HASH_MASK: Final = (1 << 64) - (1 << _KIND_BITS)


class TreeWriter:
    """Packs entries as they come; holds no more than one block of them."""

    def __init__(self) -> None:
        self._packer = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compressobj()
        self._packed = BytesIO()
        self._names: list[bytes] = []
        self._kinds = bytearray()
        self._modes = array("H")
        self._sizes = array("Q")

    @property
    def packed_bytes(self) -> int:
        """Bytes packed so far."""
        return self._packed.tell()

    def add(self, entry: Entry) -> None:
        """Takes one entry; its name holds no NUL."""
        name, kind, mode, size, _ = entry
        self._names.append(name)
        self._kinds.append(kind)
        self._modes.append(mode)
        self._sizes.append(size)
        if len(self._names) >= _BLOCK_ENTRIES:
            self._flush()

    def finish(self) -> bytes:
        """The packed tree."""
        if self._names:
            self._flush()
        self._packed.write(self._packer.flush())
        return self._packed.getvalue()

    def _flush(self) -> None:
        names = b"\0".join(self._names)
        columns = (self._modes, self._sizes)
        if sys.byteorder == "big":
            for column in columns:
                column.byteswap()
        block = b"".join((_HEAD.pack(len(self._names), len(names)), names, self._kinds, *map(array.tobytes, columns)))
        self._packed.write(self._packer.compress(block))
        self._names.clear()
        self._kinds.clear()
        del self._modes[:], self._sizes[:]


def entries(packed: bytes) -> Iterator[Entry]:
    """Unpacks a tree, in the order of the layer; links come without their target.

    Raises:
        InvalidInputError: it is not a packed tree.
    """
    for names, kinds, modes, sizes in _blocks(packed):
        for name, kind, mode, size in zip(names, kinds, modes, sizes, strict=True):
            yield Entry(name, EntryKind(kind), mode, size, b"")


def kinds_by_path(packed: bytes) -> Mapping[str, str]:
    """The kind of every path, as `tidegate.oci.squash` wants it.

    Raises:
        InvalidInputError: it is not a packed tree.
    """
    kinds: dict[str, str] = {}
    for names, codes, _, _ in _blocks(packed):
        kinds.update(zip(map(path_text, names), map(KIND_WORDS.__getitem__, codes), strict=True))
        if len(kinds) > _DENSE_FROM:
            kinds.clear()
            return DenseTree(packed)
    return kinds


class DenseTree(Mapping[str, str]):
    """`kinds_by_path` of a large tree in eight bytes an entry: sorted hashes of the paths, the kind in the low bits.

    Python keys its hashes anew in every process, so nobody can make two paths of an image meet.
    """

    def __init__(self, packed: bytes) -> None:
        self._packed = packed
        hashes = array("Q")
        for names, codes, _, _ in _blocks(packed):
            hashes.extend([_hash(path_text(name)) | code for name, code in zip(names, codes, strict=True)])
        self._hashes = self._latest(array("Q", sorted(hashes)))

    def __getitem__(self, path: str) -> str:
        key = _hash(path)
        at = bisect_left(self._hashes, key)
        if at == len(self._hashes) or self._hashes[at] & _HASH_MASK != key:
            raise KeyError(path)
        return KIND_WORDS[self._hashes[at] & ~_HASH_MASK]

    def __iter__(self) -> Iterator[str]:
        for names, _, _, _ in _blocks(self._packed):
            yield from map(path_text, names)

    def __len__(self) -> int:
        return len(self._hashes)

    def items(self) -> ItemsView[str, str]:
        """Paths and kinds in the order of the layer; a path that comes twice comes twice."""
        return _Items(self)

    def _latest(self, hashes: "array[int]") -> "array[int]":
        """Keeps the last kind of each path that comes more than once."""
        again = {key & _HASH_MASK for key, after in pairwise(hashes) if (key ^ after) & _HASH_MASK == 0}
        if not again:
            return hashes
        last = dict.fromkeys(again, 0)
        for path, word in self.items():
            key = _hash(path)
            if key in again:
                last[key] = key | KIND_WORDS.index(word)
        kept = [key for key in hashes if key & _HASH_MASK not in again]
        return array("Q", sorted([*kept, *last.values()]))


class _Items(ItemsView[str, str]):
    """Without a look-up for each."""

    _mapping: DenseTree

    def __iter__(self) -> Iterator[tuple[str, str]]:
        for names, codes, _, _ in _blocks(self._mapping._packed):  # noqa: SLF001 - a view of the class above
            yield from zip(map(path_text, names), map(KIND_WORDS.__getitem__, codes), strict=True)


def _hash(path: str) -> int:
    return hash(path) & _HASH_MASK


def _blocks(packed: bytes) -> Iterator[tuple[list[bytes], bytes, "array[int]", "array[int]"]]:
    reader = zstandard.ZstdDecompressor().stream_reader(BytesIO(packed))
    try:
        while head := reader.read(_HEAD.size):
            count, size = _HEAD.unpack(head.ljust(_HEAD.size))
            if size > MAX_BLOCK_BYTES or count > MAX_BLOCK_BYTES:
                raise BoundExceededError("MAX_BLOCK_BYTES", MAX_BLOCK_BYTES, where="packed tree")
            names = reader.read(size).split(b"\0")
            kinds = reader.read(count)
            modes, sizes = array("H"), array("Q")
            modes.frombytes(reader.read(2 * count))
            sizes.frombytes(reader.read(8 * count))
            if sys.byteorder == "big":
                modes.byteswap()
                sizes.byteswap()
            if not len(names) == len(kinds) == len(modes) == len(sizes) == count or max(kinds) >= len(KIND_WORDS):
                raise InvalidInputError("cannot be read back", where="packed tree")
            yield names, kinds, modes, sizes
    except (zstandard.ZstdError, ValueError) as error:
        raise InvalidInputError(f"cannot be read back: {error}", where="packed tree") from error
