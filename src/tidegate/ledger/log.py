# SPDX-License-Identifier: Apache-2.0
"""The log in its tables. Every call runs inside the caller's transaction: an entry is there when what it tells of is.

Only complete subtrees are stored, once, and never changed: an append writes two rows on average, whatever the size.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, and_, func, insert, or_, select, text

from tidegate.clock import rfc3339
from tidegate.errors import BoundExceededError, NotFoundError, OutsideError
from tidegate.ledger.proof import leaf_hash, node_hash
from tidegate.ledger.tree import Node, consistency_spans, inclusion_spans, nodes_of, span_hash
from tidegate.storage.schema import ledger_entry, ledger_node

MAX_ENTRY_BYTES: Final = 65_535
"""What an entry bundle of C2SP tlog-tiles can hold: log a digest, not a document."""

# Built once: making a statement costs more than running it.
_LAST: Final = select(func.max(ledger_entry.c.index))
_NEW_ENTRY: Final = insert(ledger_entry)
_NEW_NODES: Final = insert(ledger_node)
_POSTGRESQL_LOCK: Final = 0x7469_6465  # any number, the same in every process


def take_turn(connection: Connection) -> None:
    """Waits until nobody else appends, in the caller's transaction: for those who take other locks before they do."""
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
        OutsideError: the stored tree lacks a node it must have.
    """
    if len(entry) > MAX_ENTRY_BYTES:
        raise BoundExceededError("MAX_ENTRY_BYTES", MAX_ENTRY_BYTES, where="ledger entry")
    take_turn(connection)
    index = size(connection)
    connection.execute(_NEW_ENTRY, {"index": index, "entry": entry, "recorded_at": rfc3339(recorded_at)})
    connection.execute(_NEW_NODES, _new_nodes(connection, index, leaf_hash(entry)))
    return index


def size(connection: Connection) -> int:
    """How many entries there are."""
    last = connection.execute(_LAST).scalar()
    return 0 if last is None else int(last) + 1


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
    _check_size(connection, at_size)
    return span_hash((0, at_size), _hashes(connection, nodes_of([(0, at_size)])))


def inclusion_proof(connection: Connection, index: int, at_size: int) -> tuple[bytes, ...]:
    """What `verify_inclusion` needs to see that entry `index` is in the tree of that size.

    Raises:
        NotFoundError: there is no such entry in a tree of that size, or the log is smaller.
    """
    if not 0 <= index < at_size:
        raise NotFoundError(f"no entry {index} in a tree of {at_size}", where="ledger")
    _check_size(connection, at_size)
    spans = inclusion_spans(index, at_size)
    hashes = _hashes(connection, nodes_of(spans))
    return tuple(span_hash(span, hashes) for span in spans)


def consistency_proof(connection: Connection, old_size: int, new_size: int) -> tuple[bytes, ...]:
    """What `verify_consistency` needs to see that nothing in the first `old_size` entries changed since.

    Raises:
        NotFoundError: the log is smaller than `new_size`, or `old_size` is larger than it.
    """
    if not 0 <= old_size <= new_size:
        raise NotFoundError(f"a tree of {new_size} does not start with one of {old_size}", where="ledger")
    _check_size(connection, new_size)
    spans = consistency_spans(old_size, new_size)
    hashes = _hashes(connection, nodes_of(spans))
    return tuple(span_hash(span, hashes) for span in spans)


def _new_nodes(connection: Connection, index: int, leaf: bytes) -> list[dict[str, object]]:
    """The leaf and every subtree it completes."""
    siblings: list[Node] = []
    level = 0
    while index >> level & 1:
        siblings.append((level, (index >> level) - 1))
        level += 1
    hashes = _hashes(connection, siblings)
    rows = [{"level": 0, "index": index, "hash": leaf}]
    for sibling in siblings:
        leaf = node_hash(hashes[sibling], leaf)
        rows.append({"level": sibling[0] + 1, "index": sibling[1] >> 1, "hash": leaf})
    return rows


def _hashes(connection: Connection, nodes: Iterable[Node]) -> dict[Node, bytes]:
    wanted = set(nodes)
    if not wanted:
        return {}
    # Not a row-value IN: SQLite walks the whole table for that, and only looks up each of these.
    places = [and_(ledger_node.c.level == level, ledger_node.c.index == index) for level, index in sorted(wanted)]
    rows = connection.execute(select(ledger_node.c.level, ledger_node.c.index, ledger_node.c.hash).where(or_(*places)))
    found = {(int(level), int(index)): bytes(value) for level, index, value in rows}
    if missing := wanted - found.keys():
        raise OutsideError(f"the tree lacks node {min(missing)}", where="ledger", remedy="restore it from a backup")
    return found


def _check_size(connection: Connection, wanted: int) -> None:
    if not 0 <= wanted <= size(connection):
        raise NotFoundError(f"the log never had {wanted} entries", where="ledger")
