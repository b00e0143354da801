# SPDX-License-Identifier: Apache-2.0
"""Tiles and entry bundles out of the tables. Those that are not full are made of what is in them."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, and_, func, or_, select

from tidegate.errors import NotFoundError, OutsideError
from tidegate.ledger.proof import leaf_hash
from tidegate.ledger.tile import HEIGHT, WIDTH, Tile, pack_entries
from tidegate.storage.ledger_schema import ledger_entry, ledger_tile

# Built once: making a statement costs more than running it.
_LAST: Final = select(func.max(ledger_entry.c.index))
_REMEDY: Final = "restore it from a backup"


def size(connection: Connection) -> int:
    """How many entries there are."""
    last = connection.execute(_LAST).scalar()
    return 0 if last is None else int(last) + 1


def entries_between(connection: Connection, first: int, count: int) -> list[bytes]:
    """Entries from the first on, as they were appended; fewer at the end of the log.

    Raises:
        OutsideError: one in between is missing.
    """
    query = (
        select(ledger_entry.c.index, ledger_entry.c.entry)
        .where(ledger_entry.c.index >= first, ledger_entry.c.index < first + count)
        .order_by(ledger_entry.c.index)
    )
    found = connection.execute(query).all()
    for expected, (index, _) in enumerate(found, start=first):
        if index != expected:
            raise OutsideError(f"entry {expected} is missing", where="ledger", remedy=_REMEDY)
    return [bytes(entry) for _, entry in found]


class StoredTiles:
    """A `TileSource` over the tables, within the caller's transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def read(self, tiles: Sequence[Tile]) -> dict[Tile, bytes]:
        """The bytes of tiles and bundles (`TileSource.read`).

        Raises:
            NotFoundError: the log is not that long.
            OutsideError: the stored tree lacks a tile it must have.
        """
        full = [tile for tile in tiles if not tile.is_bundle and tile.width == WIDTH]
        found = self._full(full)
        for tile in tiles:
            if tile not in found:
                found[tile] = self._made(tile)
        return found

    def _full(self, tiles: Sequence[Tile]) -> dict[Tile, bytes]:
        if not tiles:
            return {}
        # Not a row-value IN: SQLite walks the whole table for that, and only looks up each of these.
        table = ledger_tile
        places = [and_(table.c.level == tile.level, table.c.index == tile.index) for tile in tiles]
        rows = self._connection.execute(select(table.c.level, table.c.index, table.c.hashes).where(or_(*places)))
        return {Tile(int(level), int(index)): bytes(hashes) for level, index, hashes in rows}

    def _made(self, tile: Tile) -> bytes:
        """One that is a bundle, or not full, or of a log that is shorter."""
        if tile.level <= 0:
            entries = entries_between(self._connection, tile.first, tile.width)
            self._check(tile, len(entries))
            return pack_entries(entries) if tile.is_bundle else b"".join(map(leaf_hash, entries))
        roots = roots_between(self._connection, tile.level - 1, tile.first, tile.width)
        self._check(tile, len(roots))
        return b"".join(roots)

    def _check(self, tile: Tile, found: int) -> None:
        if found == tile.width:
            return
        if size(self._connection) >> HEIGHT * max(tile.level, 0) >= tile.first + tile.width:
            raise OutsideError(f"the tree lacks {tile.path}", where="ledger", remedy=_REMEDY)
        raise NotFoundError("the log is not that long", where=tile.path)


def roots_between(connection: Connection, level: int, first: int, count: int) -> list[bytes]:
    """Roots of full tiles of a level, left to right; fewer at the end of the log."""
    table = ledger_tile
    query = (
        select(table.c.root)
        .where(table.c.level == level, table.c.index >= first, table.c.index < first + count)
        .order_by(table.c.index)
    )
    return [bytes(root) for root in connection.scalars(query)]
