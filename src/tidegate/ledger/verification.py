# SPDX-License-Identifier: Apache-2.0
"""The whole of a log, checked against its checkpoint: every entry, every hash of every tile, and the root.

Memory does not grow with the log but by 32 bytes for 256 entries. What is wrong is gathered, not told one by one.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from tidegate.errors import InvalidInputError, NotFoundError
from tidegate.ledger.checkpoint import Checkpoint
from tidegate.ledger.proof import EMPTY_ROOT, leaf_hash, node_hash, verify_consistency
from tidegate.ledger.prover import Prover, TileSource
from tidegate.ledger.tile import HEIGHT, WIDTH, Tile, split_entries, split_hashes, subtree_hash, tile_at

MAX_DEFECTS: Final = 1000
"""Defects that are told; there may be more."""
MAX_MISSING_TILES: Final = 100
"""Tiles of which neither hashes nor entries are there, after which the rest is not looked for: a checkpoint may claim
any size."""
_READ_AHEAD: Final = 16


@dataclass(frozen=True, slots=True)
class Defect:
    """Something that is not as it must be.

    Attributes:
        where: a file of the copy, or an entry.
        what: is wrong with it.
    """

    where: str
    what: str


class Defects(list[Defect]):
    """Gathers defects, up to `MAX_DEFECTS`."""

    def tell(self, where: str, what: str) -> None:
        """One more."""
        if len(self) < MAX_DEFECTS:
            self.append(Defect(where, what))


class Frontier:
    """The complete subtrees of a tree that grows to the right, and so its root."""

    def __init__(self) -> None:
        self._open: list[tuple[int, bytes]] = []  # by level, largest first

    def add(self, level: int, root: bytes) -> None:
        """Appends a complete subtree of 2**level leaves; no smaller one may stand before it."""
        while self._open and self._open[-1][0] == level:
            root = node_hash(self._open.pop()[1], root)
            level += 1
        self._open.append((level, root))

    def root(self) -> bytes:
        """The root over all that was added."""
        if not self._open:
            return EMPTY_ROOT
        found = self._open[-1][1]
        for _, left in reversed(self._open[:-1]):
            found = node_hash(left, found)
        return found


Heard = Callable[[int, bytes], object]
"""Is told of each entry that is what its hash says: its index, and its bytes."""


def verify_log(source: TileSource, checkpoint: Checkpoint, defects: Defects, heard: Heard) -> None:
    """Reads the whole log once, in order.

    Raises:
        OutsideError: it cannot be read.
    """
    frontier, roots, missing = Frontier(), [], 0
    for hashes in _leaves(source, checkpoint.size, defects, heard):
        if len(hashes) == WIDTH:
            roots.append(subtree_hash(hashes))
            frontier.add(HEIGHT, roots[-1])
        elif hashes:
            for leaf in hashes:
                frontier.add(0, leaf)
        else:
            roots.append(b"")
            missing += 1
            if missing > MAX_MISSING_TILES:
                defects.tell("checkpoint", f"much of its {checkpoint.size} entries is missing; the rest was not read")
                return
    level = 1
    while roots:
        roots = _level_checked(source, level, checkpoint.size, roots, defects)
        level += 1
    if missing:
        defects.tell("checkpoint", "its root cannot be made: hashes are missing")
    elif frontier.root() != checkpoint.root:
        defects.tell("checkpoint", f"the root over its {checkpoint.size} entries is another one")


def verify_grown(source: TileSource, old: Checkpoint, new: Checkpoint, defects: Defects) -> None:
    """Checks that a checkpoint that was kept is the beginning of a new one.

    Raises:
        OutsideError: the log cannot be read.
    """
    if old.origin != new.origin:
        defects.tell("checkpoint", f"is of {new.origin!r}, the one that was kept of {old.origin!r}")
        return
    if old.size > new.size:
        defects.tell("checkpoint", f"has {new.size} entries, the one that was kept {old.size}: it was rolled back")
        return
    try:
        proof = Prover(source).consistency(old.size, new.size)
        verify_consistency(old_size=old.size, new_size=new.size, old_root=old.root, new_root=new.root, proof=proof)
    except (InvalidInputError, NotFoundError) as error:
        defects.tell("checkpoint", f"does not go on from the one of {old.size} entries that was kept: {error}")


@dataclass(slots=True)
class _Piece:
    """A tile of level 0 and its bundle, as they were read."""

    tile: Tile
    hashes: list[bytes] = field(default_factory=list)
    entries: list[bytes] = field(default_factory=list)


def _leaves(source: TileSource, size: int, defects: Defects, heard: Heard) -> Iterator[list[bytes]]:
    """Yields the hashes of each tile of level 0, made of its entries where they are there; none where nothing is."""
    count = (size + WIDTH - 1) // WIDTH
    for first in range(0, count, _READ_AHEAD):
        tiles = [tile_at(0, index, size) for index in range(first, min(first + _READ_AHEAD, count))]
        found = _read(source, [*tiles, *(tile.bundle for tile in tiles)], defects)
        for tile in tiles:
            piece = _piece(tile, found, defects)
            made = [leaf_hash(entry) for entry in piece.entries]
            for at, (entry, hashed) in enumerate(zip(piece.entries, made, strict=True)):
                if piece.hashes and piece.hashes[at] != hashed:
                    defects.tell(f"entry {tile.first + at}", f"is not what {tile.path} says it hashes to")
                else:
                    heard(tile.first + at, entry)
            yield made or piece.hashes


def _piece(tile: Tile, found: dict[Tile, bytes], defects: Defects) -> _Piece:
    piece = _Piece(tile)
    try:
        if tile in found:
            piece.hashes = split_hashes(found[tile], tile)
    except InvalidInputError as error:
        defects.tell(tile.path, error.what)
    try:
        if tile.bundle in found:
            piece.entries = split_entries(found[tile.bundle], tile.bundle)
    except InvalidInputError as error:
        defects.tell(tile.bundle.path, error.what)
    return piece


def _level_checked(source: TileSource, level: int, size: int, below: Sequence[bytes], defects: Defects) -> list[bytes]:
    """Compares the tiles of a level with the roots of the one below; the roots of those that are full."""
    roots = []
    for index in range((len(below) + WIDTH - 1) // WIDTH):
        tile = tile_at(level, index, size)
        made = below[tile.first : tile.first + tile.width]
        found = _read(source, [tile], defects)
        try:
            told = split_hashes(found[tile], tile) if tile in found else made
        except InvalidInputError as error:
            defects.tell(tile.path, error.what)
            told = made
        for at, (one, other) in enumerate(zip(told, made, strict=True)):
            if other and one != other:
                defects.tell(tile.path, f"hash {at} is not that of the tile below it")
        if tile.width == WIDTH:
            roots.append(subtree_hash(made) if all(made) else b"")
    return roots


def _read(source: TileSource, tiles: Sequence[Tile], defects: Defects) -> dict[Tile, bytes]:
    """Reads what is there; all at once, and one by one only when that failed."""
    try:
        return source.read(tiles)
    except (NotFoundError, InvalidInputError):
        found = {}
        for tile in tiles:
            try:
                found.update(source.read([tile]))
            except (NotFoundError, InvalidInputError) as error:
                defects.tell(tile.path, error.what)
        return found
