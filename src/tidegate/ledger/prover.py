# SPDX-License-Identifier: Apache-2.0
"""Roots and proofs, made of tiles wherever they lie: tables, a folder, a URL."""

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from tidegate.errors import NotFoundError
from tidegate.ledger.tile import HEIGHT, MAX_SIZE, WIDTH, Tile, split_hashes, subtree_hash, tile_at
from tidegate.ledger.tree import Node, Span, consistency_spans, inclusion_spans, nodes_of, span_hash

_KEPT_TILES: Final = 64


class TileSource(Protocol):
    """Where tiles are read from. What it gives is not believed: a proof made of it is checked against a root."""

    def read(self, tiles: Sequence[Tile]) -> dict[Tile, bytes]:
        """The bytes of tiles and bundles.

        Raises:
            NotFoundError: one of them is not there.
            OutsideError: it cannot be read.
        """
        ...


class Prover:
    """Makes roots and proofs for trees of any size that the source holds.

    Args:
        source: of tiles. An instance keeps those it read, so make a new one when the log may have grown.
    """

    def __init__(self, source: TileSource) -> None:
        self._source = source
        self._hashes: dict[Tile, list[bytes]] = {}

    def root(self, size: int) -> bytes:
        """The root over the first `size` entries; the hash of nothing for 0.

        Raises:
            NotFoundError: a tile is not there.
            InvalidInputError: one has another length than it must have.
        """
        _check(0 <= size <= MAX_SIZE, f"no tree has {size} entries")
        return self._over([(0, size)], size)[0]

    def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """What `verify_inclusion` needs to see that entry `index` is in the tree of that size.

        Raises:
            NotFoundError: a tree of that size has no such entry, or a tile is not there.
            InvalidInputError: a tile has another length than it must have.
        """
        _check(0 <= index < size <= MAX_SIZE, f"no entry {index} in a tree of {size}")
        return self._over(inclusion_spans(index, size), size)

    def consistency(self, old_size: int, new_size: int) -> tuple[bytes, ...]:
        """What `verify_consistency` needs to see that nothing in the first `old_size` entries changed since.

        Raises:
            NotFoundError: `old_size` is the larger one, or a tile is not there.
            InvalidInputError: a tile has another length than it must have.
        """
        _check(0 <= old_size <= new_size <= MAX_SIZE, f"a tree of {new_size} does not start with one of {old_size}")
        return self._over(consistency_spans(old_size, new_size), new_size)

    def _over(self, spans: Sequence[Span], size: int) -> tuple[bytes, ...]:
        hashes = self._nodes(nodes_of(spans), size)
        return tuple(span_hash(span, hashes) for span in spans)

    def _nodes(self, nodes: Iterable[Node], size: int) -> dict[Node, bytes]:
        places = {node: _place(node, size) for node in nodes}
        self._read({tile for tile, _, _ in places.values()})
        return {node: subtree_hash(self._hashes[tile][start:end]) for node, (tile, start, end) in places.items()}

    def _read(self, tiles: set[Tile]) -> None:
        missing = sorted(tiles - self._hashes.keys(), key=lambda tile: (tile.level, tile.index))
        if not missing:
            return
        if len(self._hashes) > _KEPT_TILES:
            self._hashes = {tile: found for tile, found in self._hashes.items() if tile in tiles}
        for tile, content in self._source.read(missing).items():
            self._hashes[tile] = split_hashes(content, tile)


def _place(node: Node, size: int) -> tuple[Tile, int, int]:
    """The tile that holds a node's leaves of its own level, and which of its hashes these are."""
    level, inner = divmod(node[0], HEIGHT)
    first = node[1] << inner
    tile = tile_at(level, first // WIDTH, size)
    return tile, first - tile.first, first - tile.first + (1 << inner)


def _check(condition: bool, otherwise: str) -> None:
    if not condition:
        raise NotFoundError(otherwise, where="ledger")
