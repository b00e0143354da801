# SPDX-License-Identifier: Apache-2.0
"""The log in its tables. Every call runs inside the caller's transaction: an entry is there when what it tells of is.

An append writes its entry and nothing else; each 256th closes a tile, made of the 255 entries before it, once and for
all, and each 65,536th one above. So what it costs does not depend on how long the log is.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, insert, select, text

from tidegate.clock import rfc3339
from tidegate.errors import BoundExceededError, NotFoundError, OutsideError
from tidegate.ledger.proof import leaf_hash
from tidegate.ledger.prover import Prover
from tidegate.ledger.stored import StoredTiles, entries_between, roots_between, size
from tidegate.ledger.tile import HEIGHT, MAX_ENTRY_BYTES, WIDTH, subtree_hash
from tidegate.storage.ledger_schema import ledger_entry, ledger_tile
from tidegate.storage.lock_order import Rank, taking

# Built once: making a statement costs more than running it.
_NEW_ENTRY: Final = insert(ledger_entry)
_NEW_TILE: Final = insert(ledger_tile)
_POSTGRESQL_LOCK: Final = 0x7469_6465  # any number, the same in every process


def take_turn(connection: Connection) -> None:
    """Waits until nobody else appends, in the caller's transaction: for those who take other locks before they do."""
    taking(connection, Rank.LEDGER)
    if connection.dialect.name == "postgresql":
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _POSTGRESQL_LOCK})


def append(connection: Connection, entry: bytes, recorded_at: datetime) -> int:
    """Adds an entry.

    Two transactions never get one index: PostgreSQL's wait for each other here until the first ends, SQLite has one
    writer at a time.

    Returns:
        Its index, counted from 0.

    Raises:
        BoundExceededError: it is longer than `MAX_ENTRY_BYTES`.
        OutsideError: the stored tree lacks what it must have.
    """
    return append_all(connection, (entry,), recorded_at)


def append_all(connection: Connection, entries: Sequence[bytes], recorded_at: datetime) -> int:
    """Adds entries, one after another.

    Returns:
        The index of the first.

    Raises:
        BoundExceededError: one is longer than `MAX_ENTRY_BYTES`; none is added.
        OutsideError: the stored tree lacks what it must have.
    """
    if any(len(entry) > MAX_ENTRY_BYTES for entry in entries):
        raise BoundExceededError("MAX_ENTRY_BYTES", MAX_ENTRY_BYTES, where="ledger entry")
    take_turn(connection)
    first = size(connection)
    at = rfc3339(recorded_at)
    rows = [{"index": first + number, "entry": entry, "recorded_at": at} for number, entry in enumerate(entries)]
    if rows:
        connection.execute(_NEW_ENTRY, rows)
        _close_tiles(connection, first, first + len(rows))
    return first


def entry_at(connection: Connection, index: int) -> bytes:
    """An entry, as it was appended.

    Raises:
        NotFoundError: there is none at that index.
    """
    found = connection.execute(select(ledger_entry.c.entry).where(ledger_entry.c.index == index)).scalar()
    if found is None:
        raise NotFoundError(f"no entry {index}", where="ledger")
    return bytes(found)


def root(connection: Connection, at_size: int) -> bytes:
    """The root over the first `at_size` entries; the hash of nothing for 0.

    Raises:
        NotFoundError: the log is smaller.
    """
    return _prover(connection, at_size).root(at_size)


def inclusion_proof(connection: Connection, index: int, at_size: int) -> tuple[bytes, ...]:
    """What `verify_inclusion` needs to see that entry `index` is in the tree of that size.

    Raises:
        NotFoundError: there is no such entry in a tree of that size, or the log is smaller.
    """
    return _prover(connection, at_size).inclusion(index, at_size)


def consistency_proof(connection: Connection, old_size: int, new_size: int) -> tuple[bytes, ...]:
    """What `verify_consistency` needs to see that nothing in the first `old_size` entries changed since.

    Raises:
        NotFoundError: the log is smaller than `new_size`, or `old_size` is larger than it.
    """
    return _prover(connection, new_size).consistency(old_size, new_size)


def _prover(connection: Connection, wanted: int) -> Prover:
    if not 0 <= wanted <= size(connection):
        raise NotFoundError(f"the log never had {wanted} entries", where="ledger")
    return Prover(StoredTiles(connection))


def _close_tiles(connection: Connection, before: int, after: int) -> None:
    """Writes the tiles that were full for the first time when the log grew."""
    for index in range(before // WIDTH, after // WIDTH):
        entries = entries_between(connection, index * WIDTH, WIDTH)
        _close(connection, 0, index, [leaf_hash(entry) for entry in entries])
    level, before, after = 1, before >> 2 * HEIGHT, after >> 2 * HEIGHT
    while after > before:
        for index in range(before, after):
            _close(connection, level, index, roots_between(connection, level - 1, index * WIDTH, WIDTH))
        level, before, after = level + 1, before >> HEIGHT, after >> HEIGHT


def _close(connection: Connection, level: int, index: int, hashes: list[bytes]) -> None:
    if len(hashes) != WIDTH:
        raise OutsideError(
            f"the tree lacks a tile below level {level}", where="ledger", remedy="restore it from a backup"
        )
    row = {"level": level, "index": index, "root": subtree_hash(hashes), "hashes": b"".join(hashes)}
    connection.execute(_NEW_TILE, row)
