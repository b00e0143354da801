# SPDX-License-Identifier: Apache-2.0
"""Events written in the transaction of the change they tell, and read back in the order of their commits."""

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import Connection, select, text

from tidegate.clock import now_ms, parse_rfc3339, rfc3339
from tidegate.events import Event, EventKind
from tidegate.storage.announcements import announce
from tidegate.storage.carried import carried
from tidegate.storage.database import PUBLISHED, before_commit
from tidegate.storage.insert import insert_once, insert_or_update
from tidegate.storage.lock_order import Rank, taking
from tidegate.storage.schema import cursor, outbox
from tidegate.values import replace
from tidegate.wire import from_json, to_json

_MAX_EVENT_BYTES: Final = 1 << 20
IN_A_TIDE: Final = text("outbox.tide <> ''")
"""Said with the tide that is asked for: only what is in one is in its index."""
_ORDER_LOCK: Final = 0x71DE  # any number, the same in every replica


def publish(connection: Connection, event: Event) -> bool:
    """Tells a change within the caller's transaction; the same event id again tells nothing.

    Without a tide of its own it is told in the one that is carried (`tidegate.storage.carried`).

    Returns:
        True when the event is new.
    """
    if not event.tide and (tide := carried()):
        event = replace(event, tide=tide)
    if connection.dialect.name != "postgresql":
        return _write(connection, event)
    if connection.scalar(select(outbox.c.offset).where(outbox.c.id == event.id)) is not None:
        return False
    # Offsets are drawn before the commit: without a queue a reader could pass one that is still to come. It is joined
    # last of all, so that nobody who waits in it holds what somebody before him needs: the two would wait for ever.
    before_commit(connection, lambda: _write_in_order(connection, event))
    return True


def _write_in_order(connection: Connection, event: Event) -> None:
    taking(connection, Rank.OUTBOX)
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ORDER_LOCK})
    _write(connection, event)


def _write(connection: Connection, event: Event) -> bool:
    new = insert_once(
        connection,
        outbox,
        id=event.id,
        kind=event.kind.value,
        subject=event.subject,
        time=rfc3339(event.time),
        data=to_json(event.data),
        tide=event.tide,
        written_ms=now_ms(),
    )
    if new:
        if connection.dialect.name == "postgresql" and PUBLISHED not in connection.info:
            announce(connection)
        connection.info[PUBLISHED] = True
    return new


def read_after(
    connection: Connection, offset: int, limit: int, *, kinds: Collection[EventKind] = (), subject: str = ""
) -> list[tuple[int, Event]]:
    """Reads at most `limit` events past an offset, oldest first. 0 is before the first.

    Args:
        connection: to read with.
        offset: where to go on.
        limit: how many at most.
        kinds: only these; empty for all.
        subject: only what is told of it; "" for all.
    """
    query = select(outbox).where(outbox.c.offset > offset).order_by(outbox.c.offset).limit(limit)
    if kinds:
        query = query.where(outbox.c.kind.in_(sorted(kinds)))
    if subject:
        query = query.where(outbox.c.subject == subject)
    return [(row.offset, _event(row)) for row in connection.execute(query)]


def read_these(connection: Connection, offsets: Collection[int]) -> list[tuple[int, Event]]:
    """The events of some offsets, as far as they are there; few enough for one statement."""
    query = select(outbox).where(outbox.c.offset.in_(sorted(offsets))).order_by(outbox.c.offset)
    return [(row.offset, _event(row)) for row in connection.execute(query)]


def newest(connection: Connection) -> int:
    """The offset of the newest event; 0 when there is none."""
    return connection.scalar(select(outbox.c.offset).order_by(outbox.c.offset.desc()).limit(1)) or 0


def position(connection: Connection, consumer: str) -> int:
    """The offset a consumer has reached: 0 when it has seen nothing."""
    found = connection.execute(select(cursor.c.offset).where(cursor.c.consumer == consumer)).scalar()
    return found or 0


def move(connection: Connection, consumer: str, offset: int) -> None:
    """Records that a consumer is done with everything up to and with `offset`."""
    insert_or_update(connection, cursor, consumer=consumer, offset=offset)


def _event(row: Any) -> Event:
    return Event(
        id=row.id,
        kind=EventKind(row.kind),
        subject=row.subject,
        time=parse_rfc3339(row.time),
        data=from_json(row.data, dict[str, Any], what=f"event {row.id}", max_bytes=_MAX_EVENT_BYTES),
        tide=row.tide,
    )
