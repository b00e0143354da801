# SPDX-License-Identifier: Apache-2.0
"""The entries of a layer, packed: path, kind, mode, size and nature in a few bytes each, and digests of files.

A packed tree is `<4sQ` (magic, bytes of the outline), the outline, and the digests. The outline is a zstd stream of
blocks; a block is `<II` (entries, bytes of names), the names with a NUL between them, then for each entry one byte of
kind, one of marks, two of mode and eight of size, little-endian. Marks hold the nature in the low two bits, and which
digests there are. Digests lie end to end as they are, because nothing makes them smaller: sha256, then sha1, then md5,
each where it was computed. Those of empty files are not stored. A later entry of a path wins.
"""

import hashlib
import sys
from array import array
from bisect import bisect_left
from collections.abc import ItemsView, Iterator, Mapping
from io import BytesIO
from itertools import pairwise
from struct import Struct
from typing import Final, NamedTuple

import zstandard

from tidegate.bounds import MIB
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.inventory.custody import FileNature
from tidegate.scan.entry import Entry, path_text

MAX_BLOCK_BYTES: Final = 64 * MIB
FILE: Final = "f"
KIND_WORDS: Final = (FILE, "d", "l", "h", "o")
"""How `tidegate.oci.squash` calls the kinds, in the order of `EntryKind`."""
NATURES: Final = (FileNature.DATA, FileNature.PROGRAM, FileNature.SCRIPT)
"""Natures by their number in the marks."""

_MAGIC: Final = b"tgt3"
_OPENING: Final = Struct("<4sQ")
_BLOCK_ENTRIES: Final = 4096
_HEAD: Final = Struct("<II")
_LEVEL: Final = 1
_DENSE_FROM: Final = 100_000
_KIND_BITS: Final = 3
_HASH_MASK: Final = (1 << 64) - (1 << _KIND_BITS)
_NATURE_MASK: Final = 3
_DIGESTS_MASK: Final = 28
_HAS_SHA256: Final = 4
_HAS_SHA1: Final = 8
_HAS_MD5: Final = 16
_SHA256_BYTES: Final = 32
_SHA1_BYTES: Final = 20
_MD5_BYTES: Final = 16
_OF_NOTHING: Final = (
    hashlib.sha256().digest(),
    hashlib.sha1(usedforsecurity=False).digest(),
    hashlib.md5(usedforsecurity=False).digest(),
)
_MARKS: Final = {
    0: 0,
    _SHA256_BYTES: _HAS_SHA256,
    _SHA256_BYTES + _SHA1_BYTES: _HAS_SHA256 | _HAS_SHA1,
    _SHA256_BYTES + _MD5_BYTES: _HAS_SHA256 | _HAS_MD5,
    _SHA256_BYTES + _SHA1_BYTES + _MD5_BYTES: _HAS_SHA256 | _HAS_SHA1 | _HAS_MD5,
}
"""Which digests there are, by their length end to end."""
_PLACES: Final = {
    marks: (length, _SHA256_BYTES + (_SHA1_BYTES if marks & _HAS_SHA1 else 0)) for length, marks in _MARKS.items()
}
"""Length of the digests, and the end of sha1 in them, by their marks."""

_Block = tuple[list[bytes], bytes, bytes, "array[int]", "array[int]"]


class TreeEntry(NamedTuple):
    """One entry of a layer as it was packed.

    Attributes:
        path: as text (`tidegate.scan.entry.path_text`), no leading slash; "" is the root itself.
        kind: one of `KIND_WORDS`.
        mode: permission bits with setuid, setgid and sticky.
        size: content bytes of a file; 0 for everything else.
        nature: by the first bytes of a file; DATA for everything else.
        sha256: raw, of a file's content; b"" where it was not computed. The same for `sha1` and `md5`, which are
            computed only where a distribution's package could own the file. A hard link has none.
    """

    path: str
    kind: str
    mode: int
    size: int
    nature: FileNature
    sha256: bytes
    sha1: bytes
    md5: bytes


class TreeWriter:
    """Packs entries as they come; holds no more than one block of them."""

    def __init__(self) -> None:
        self._packer = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compressobj()
        self._packed = BytesIO()
        self._packed.write(bytes(_OPENING.size))
        self._digests = bytearray()
        self._entries: list[Entry] = []
        self._marks = bytearray()

    @property
    def packed_bytes(self) -> int:
        """Bytes packed so far."""
        return self._packed.tell() + len(self._digests)

    def add(self, entry: Entry, nature: int = 0, digests: bytes = b"") -> None:
        """Takes one entry; its name holds no NUL.

        Args:
            entry: its size is below 2^63.
            nature: index into `NATURES`.
            digests: of a file's content, end to end: none, or sha256, then sha1 and md5, where they were computed.
        """
        self._entries.append(entry)
        if digests:
            self._marks.append(nature | _MARKS[len(digests)])
            if entry.size:
                self._digests += digests
        else:
            self._marks.append(nature)
        if len(self._marks) >= _BLOCK_ENTRIES:
            self._flush()

    def finish(self) -> bytes:
        """The packed tree; the writer is of no use afterwards."""
        if self._entries:
            self._flush()
        self._packed.write(self._packer.flush())
        outline = self._packed.tell() - _OPENING.size
        self._packed.write(self._digests)
        self._digests.clear()
        self._packed.seek(0)
        self._packed.write(_OPENING.pack(_MAGIC, outline))
        return self._packed.getvalue()

    def _flush(self) -> None:
        names, kinds, modes, sizes, _ = zip(*self._entries, strict=True)
        joined = b"\0".join(names)
        columns = (array("H", modes), array("Q", sizes))
        if sys.byteorder == "big":
            for column in columns:
                column.byteswap()
        head = _HEAD.pack(len(names), len(joined))
        block = b"".join((head, joined, bytes(kinds), self._marks, *map(array.tobytes, columns)))
        self._packed.write(self._packer.compress(block))
        self._entries.clear()
        self._marks.clear()


def entries_of(tree: bytes) -> Iterator[TreeEntry]:
    """Unpacks a tree with its digests, in the order of the layer: a path that comes twice comes twice, the later wins.

    Raises:
        InvalidInputError: it is not a packed tree.
    """
    at = _OPENING.size + _outline_bytes(tree)
    words, natures, text, places = KIND_WORDS, NATURES, path_text, _PLACES
    for names, kinds, marks, modes, sizes in _blocks(tree):
        for name, kind, mark, mode, size in zip(names, kinds, marks, modes, sizes, strict=True):
            sha256 = sha1 = md5 = b""
            if mark & _HAS_SHA256:
                length, sha1_end = places[mark & _DIGESTS_MASK]
                if size:
                    raw = tree[at : at + length]
                    if len(raw) != length:
                        raise InvalidInputError("its digests are cut short", where="packed tree")
                    at += length
                    sha256, sha1, md5 = raw[:_SHA256_BYTES], raw[_SHA256_BYTES:sha1_end], raw[sha1_end:]
                else:
                    sha256, sha1, md5 = _of_nothing(mark)
            yield TreeEntry(text(name), words[kind], mode, size, natures[mark & _NATURE_MASK], sha256, sha1, md5)


def _of_nothing(mark: int) -> tuple[bytes, bytes, bytes]:
    sha256, sha1, md5 = _OF_NOTHING
    return sha256, sha1 if mark & _HAS_SHA1 else b"", md5 if mark & _HAS_MD5 else b""


def count_of(packed: bytes) -> int:
    """How many entries were packed, those of a path that came twice included.

    Raises:
        InvalidInputError: it is not a packed tree.
    """
    return sum(len(kinds) for _, kinds, *_ in _blocks(packed))


def kinds_by_path(packed: bytes) -> Mapping[str, str]:
    """The kind of every path, as `tidegate.oci.squash` wants it; digests are not looked at.

    Raises:
        InvalidInputError: it is not a packed tree.
    """
    kinds: dict[str, str] = {}
    for names, codes, *_ in _blocks(packed):
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
        for names, codes, *_ in _blocks(packed):
            hashes.extend([_hash(path_text(name)) | code for name, code in zip(names, codes, strict=True)])
        self._hashes = self._latest(array("Q", sorted(hashes)))

    def __getitem__(self, path: str) -> str:
        key = _hash(path)
        at = bisect_left(self._hashes, key)
        if at == len(self._hashes) or self._hashes[at] & _HASH_MASK != key:
            raise KeyError(path)
        return KIND_WORDS[self._hashes[at] & ~_HASH_MASK]

    def __iter__(self) -> Iterator[str]:
        for names, *_ in _blocks(self._packed):
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
        for names, codes, *_ in _blocks(self._mapping._packed):  # noqa: SLF001 - a view of the class above
            yield from zip(map(path_text, names), map(KIND_WORDS.__getitem__, codes), strict=True)


def _hash(path: str) -> int:
    return hash(path) & _HASH_MASK


def _outline_bytes(packed: bytes) -> int:
    """Length of the outline; no bytes at all are an empty tree."""
    if not packed:
        return 0
    magic, outline = _OPENING.unpack(packed[: _OPENING.size].ljust(_OPENING.size))
    if magic != _MAGIC or outline > len(packed) - _OPENING.size:
        raise InvalidInputError("cannot be read back", where="packed tree")
    return int(outline)


def _blocks(packed: bytes) -> Iterator[_Block]:
    outline = memoryview(packed)[_OPENING.size : _OPENING.size + _outline_bytes(packed)]
    reader = zstandard.ZstdDecompressor().stream_reader(outline)
    try:
        while head := reader.read(_HEAD.size):
            count, size = _HEAD.unpack(head.ljust(_HEAD.size))
            if size > MAX_BLOCK_BYTES or count > MAX_BLOCK_BYTES:
                raise BoundExceededError("MAX_BLOCK_BYTES", MAX_BLOCK_BYTES, where="packed tree")
            names = reader.read(size).split(b"\0")
            kinds, marks = reader.read(count), reader.read(count)
            modes, sizes = array("H"), array("Q")
            modes.frombytes(reader.read(2 * count))
            sizes.frombytes(reader.read(8 * count))
            if sys.byteorder == "big":
                modes.byteswap()
                sizes.byteswap()
            is_whole = len(names) == len(kinds) == len(marks) == len(modes) == len(sizes) == count
            is_known = max(kinds) < len(KIND_WORDS) and all(
                mark & _NATURE_MASK < len(NATURES) and mark & ~_NATURE_MASK in _PLACES for mark in set(marks)
            )
            if not (is_whole and is_known):
                raise InvalidInputError("cannot be read back", where="packed tree")
            yield names, kinds, marks, modes, sizes
    except (zstandard.ZstdError, ValueError) as error:
        raise InvalidInputError(f"cannot be read back: {error}", where="packed tree") from error
