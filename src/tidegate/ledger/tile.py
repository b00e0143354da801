# SPDX-License-Identifier: Apache-2.0
"""Tiles and entry bundles of C2SP tlog-tiles: where they lie, and what is in them. Arithmetic only."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

from tidegate.errors import InvalidInputError
from tidegate.ledger.proof import node_hash

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
"""Hashes of a full tile, entries of a full bundle."""
HASH_BYTES: Final = 32
MAX_ENTRY_BYTES: Final = 65_535
"""What the length before an entry can say: log a digest, not a document."""
MAX_BUNDLE_BYTES: Final = WIDTH * (2 + MAX_ENTRY_BYTES)
MAX_SIZE: Final = 1 << 62
"""Entries of the largest tree read here."""

_ENTRIES: Final = "entries"
_MAX_LEVEL: Final = 63
_PATH: Final = re.compile(
    r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/){0,6})([0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Tile:
    """One file of a log.

    Attributes:
        level: 0 over the entries, 1 over full tiles of level 0, and so on; -1 for an entry bundle.
        index: within its level, from 0.
        width: hashes or entries in it: 256, or fewer at the right edge of a tree.
    """

    level: int
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Where it lies under the log's prefix: `tile/0/x001/x234/067.p/5`."""
        groups = [f"{self.index % 1000:03}"]
        rest = self.index // 1000
        while rest:
            groups.append(f"x{rest % 1000:03}")
            rest //= 1000
        level = _ENTRIES if self.is_bundle else str(self.level)
        part = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{level}/{'/'.join(reversed(groups))}{part}"

    @classmethod
    def parse(cls, path: str) -> Self:
        """Reads a path as the specification writes it, and in no other way.

        Raises:
            InvalidInputError: it is no tile's.
        """
        found = _PATH.fullmatch(path)
        if found is None:
            raise InvalidInputError("no tile's path", where=path[:120])
        level = -1 if found[1] == _ENTRIES else int(found[1])
        index = int(found[2].replace("x", "").replace("/", "") + found[3])
        tile = cls(level, index, int(found[4] or WIDTH))
        if tile.path != path or level > _MAX_LEVEL or tile.width > WIDTH or tile.first >= MAX_SIZE:
            raise InvalidInputError("no tile's path", where=path[:120])
        return tile

    @property
    def is_bundle(self) -> bool:
        """True for one that holds entries, not hashes."""
        return self.level < 0

    @property
    def bundle(self) -> "Tile":
        """The entries that a tile of level 0 holds the hashes of."""
        return Tile(-1, self.index, self.width)

    @property
    def first(self) -> int:
        """The number of its first hash in its level, or of its first entry."""
        return self.index * WIDTH


def tile_at(level: int, index: int, size: int) -> Tile:
    """The tile at a place of a tree of `size` entries, as wide as it is there.

    Raises:
        InvalidInputError: a tree of that size has none there.
    """
    width = min((size >> HEIGHT * max(level, 0)) - index * WIDTH, WIDTH)
    if index < 0 or width <= 0:
        raise InvalidInputError(f"a tree of {size} has no tile {index} at level {level}", where="ledger")
    return Tile(level, index, width)


def tiles_of(size: int) -> Iterator[Tile]:
    """Every tile of hashes in a tree of `size` entries: level by level, left to right."""
    level = 0
    while hashes := size >> HEIGHT * level:
        for index in range((hashes + WIDTH - 1) // WIDTH):
            yield tile_at(level, index, size)
        level += 1


def split_hashes(content: bytes, tile: Tile, *, where: str = "") -> list[bytes]:
    """The hashes of a tile.

    Raises:
        InvalidInputError: there are more or fewer than its width says.
    """
    if len(content) != tile.width * HASH_BYTES:
        expected = tile.width * HASH_BYTES
        raise InvalidInputError(f"holds {len(content)} bytes, not {expected}", where=where or tile.path)
    return [content[at : at + HASH_BYTES] for at in range(0, len(content), HASH_BYTES)]


def subtree_hash(hashes: Sequence[bytes]) -> bytes:
    """The hash over a complete subtree: a power of two of hashes, left to right."""
    level = list(hashes)
    while len(level) > 1:
        level = [node_hash(level[at], level[at + 1]) for at in range(0, len(level), 2)]
    return level[0]


def pack_entries(entries: Sequence[bytes]) -> bytes:
    """Entries as a bundle: each after its length, two bytes big-endian."""
    return b"".join(part for entry in entries for part in (len(entry).to_bytes(2, "big"), entry))


def split_entries(content: bytes, tile: Tile, *, where: str = "") -> list[bytes]:
    """The entries of a bundle.

    Raises:
        InvalidInputError: there are more or fewer than its width says, or it ends within one.
    """
    where = where or tile.path
    entries: list[bytes] = []
    at = 0
    while at < len(content) and len(entries) < tile.width:
        end = at + 2 + int.from_bytes(content[at : at + 2], "big")
        if end > len(content) or at + 2 > len(content):
            raise InvalidInputError(f"ends within entry {tile.first + len(entries)}", where=where)
        entries.append(content[at + 2 : end])
        at = end
    if len(entries) != tile.width or at != len(content):
        raise InvalidInputError(f"does not hold {tile.width} entries and nothing else", where=where)
    return entries
