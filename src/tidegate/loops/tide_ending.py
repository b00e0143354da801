# SPDX-License-Identifier: Apache-2.0
"""A tide has ended when nothing it led to is open: no decision to remake, nothing shut that runs, no incident, no step.

What comes later opens it again: a container that begins to run what was recalled is part of the same story.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, select, update

from tidegate.clock import Clock, parse_rfc3339, rfc3339
from tidegate.curation.lifecycle import SHUT
from tidegate.events import Event, EventKind
from tidegate.execution.responses import ResponseState
from tidegate.storage import outbox, schema
from tidegate.storage.consumers import Consumer
from tidegate.storage.database import Database
from tidegate.storage.node_schema import incident, node_container, response
from tidegate.storage.outbox import IN_A_TIDE
from tidegate.storage.tide_schema import tide, tide_digest
from tidegate.values import Struct

MAX_OPEN: Final = 1_000
"""Open things of one kind that are told."""
_TIDES_AT_ONCE: Final = 100
_LEADS_ON: Final = frozenset(
    {EventKind.IMAGE_RECALLED, EventKind.OBSERVATION_MADE, EventKind.INCIDENT_OPENED, EventKind.RESPONSE_ORDERED}
)
_CARRIERS: Final = (
    "loops.child_judged",
    "loops.drift_seen",
    "loops.key_revoked",
    "loops.plain_judged",
    "loops.recalled",
    "loops.recalled_running",
    "loops.response_ordered",
    "loops.tide_rising",
)
"""Consumers that go on with a tide: while one has still to see its last event, it is not over."""


class Open(Struct, frozen=True, kw_only=True):
    """One thing that keeps a tide open.

    Attributes:
        what: decision, workload, container, incident or response.
        subject: which: a digest, `cluster/namespace/kind/name`, `node/container`, an id.
        waits_for: who or what ends it.
        since: RFC 3339.
        digest: of the image it is about; "" where it is about none.
    """

    what: str
    subject: str
    waits_for: str
    since: str
    digest: str = ""


def open_in(connection: Connection, name: str, *, limit: int = MAX_OPEN) -> Iterator[Open]:
    """What keeps a tide open, at most so many of each kind; the first costs one look at an index."""
    return chain.from_iterable(
        part(connection, name, limit) for part in (_decisions, _incidents, _responses, _workloads, _containers)
    )


def _decisions(connection: Connection, name: str, limit: int) -> Iterator[Open]:
    query = select(tide_digest).where(tide_digest.c.tide == name, tide_digest.c.judged_at == "")
    for row in connection.execute(query.order_by(tide_digest.c.digest).limit(limit)):
        yield Open(
            what="decision",
            subject=row.digest,
            waits_for="its decision to be remade",
            since=row.found_at,
            digest=row.digest,
        )


def _incidents(connection: Connection, name: str, limit: int) -> Iterator[Open]:
    query = select(incident).where(incident.c.state == "open", incident.c.id.in_(_opened_in(name)))
    for row in connection.execute(query.order_by(incident.c.opened_at, incident.c.id).limit(limit)):
        yield Open(
            what="incident", subject=row.id, waits_for=f"somebody to close it: {row.workload}", since=row.opened_at
        )


def _responses(connection: Connection, name: str, limit: int) -> Iterator[Open]:
    open_ = (ResponseState.ASKED.value, ResponseState.ORDERED.value)
    query = select(response).where(response.c.state.in_(open_), response.c.incident.in_(_opened_in(name)))
    for row in connection.execute(query.order_by(response.c.asked_at, response.c.id).limit(limit)):
        waits = "an approval" if row.state == ResponseState.ASKED.value else row.node
        yield Open(what="response", subject=row.id, waits_for=f"{waits}: {row.step}", since=row.asked_at)


def _workloads(connection: Connection, name: str, limit: int) -> Iterator[Open]:
    table = schema.placement
    query = _shut_in(name, table, table.c.digest == tide_digest.c.digest)
    for row in connection.execute(query.order_by(table.c.cluster, table.c.namespace, table.c.name).limit(limit)):
        yield Open(
            what="workload",
            subject=f"{row.cluster}/{row.namespace}/{row.kind}/{row.name}",
            waits_for=f"{row.owner or 'its owner'} to roll {row.container}",
            since=row.since,
            digest=row.of,
        )


def _containers(connection: Connection, name: str, limit: int) -> Iterator[Open]:
    table, blob = node_container, schema.manifest_blob
    told = _shut_in(name, table, table.c.digest == tide_digest.c.digest)
    same = and_(blob.c.manifest == tide_digest.c.digest, table.c.config != "", table.c.config == blob.c.blob)
    by_parts = _shut_in(name, table, same, blob)
    found: dict[tuple[str, str], Any] = {}
    for query in (told, by_parts):
        for row in connection.execute(query.order_by(table.c.node, table.c.id).limit(limit)):
            found[row.node, row.id] = row
    for row in list(found.values())[:limit]:
        yield Open(
            what="container",
            subject=f"{row.node}/{row.id}",
            waits_for=f"{row.owner or row.pod or row.name} to run something else",
            since=row.since,
            digest=row.of,
        )


def _shut_in(name: str, table: Any, joined: ColumnElement[bool], *through: Any) -> Select[Any]:
    """Rows of a table for the digests of a tide that are shut now."""
    shut = [state.value for state in SHUT]
    return (
        select(table, tide_digest.c.digest.label("of"))
        .select_from(tide_digest, schema.state, table, *through)
        .where(tide_digest.c.tide == name, schema.state.c.digest == tide_digest.c.digest)
        .where(schema.state.c.state.in_(shut), joined)
    )


def _opened_in(name: str) -> Select[Any]:
    table = schema.outbox
    return select(table.c.subject).where(
        table.c.tide == name, IN_A_TIDE, table.c.kind == EventKind.INCIDENT_OPENED.value
    )


def end_tides(database: Database, clock: Clock) -> list[str]:
    """Ends the tides of which nothing is open any more; returns their ids. Again, or by two at once, is harmless."""
    with database.read() as connection:
        query = select(tide.c.id).where(tide.c.ended_at == "").order_by(tide.c.began_at.desc()).limit(_TIDES_AT_ONCE)
        over = [name for name in connection.scalars(query).all() if _is_over(connection, name)]
    for name in over:
        with database.begin() as connection:
            _turn(connection, name, EventKind.TIDE_ENDED, clock())
    return over


def _is_over(connection: Connection, name: str) -> bool:
    if next(open_in(connection, name, limit=1), None) is not None:
        return False
    table, cursor = schema.outbox, schema.cursor
    last = select(func.max(table.c.offset)).where(table.c.tide == name, IN_A_TIDE).scalar_subquery()
    behind = exists().where(cursor.c.consumer.in_(_CARRIERS), cursor.c.offset < last)
    return not connection.scalar(select(behind))


def reopen_tides(database: Database, clock: Clock) -> Consumer:
    """A consumer that opens a tide again when something came that keeps it open."""

    def handle(event: Event, _offset: int) -> None:
        if not event.tide:
            return
        with database.begin() as connection:
            ended = connection.scalar(select(tide.c.ended_at).where(tide.c.id == event.tide))
            if ended and next(open_in(connection, event.tide, limit=1), None) is not None:
                _turn(connection, event.tide, EventKind.TIDE_REOPENED, clock())

    return Consumer(name="loops.tide_reopened", kinds=_LEADS_ON, handle=handle)


def _turn(connection: Connection, name: str, kind: EventKind, at: datetime) -> None:
    ends = kind is EventKind.TIDE_ENDED
    here = (tide.c.id == name) & (tide.c.ended_at == "" if ends else tide.c.ended_at != "")
    values = {"ended_at": rfc3339(at) if ends else ""}
    if not connection.execute(update(tide).where(here).values(**values)).rowcount:
        return
    row = connection.execute(select(tide).where(tide.c.id == name)).one()
    images = connection.scalar(select(func.count()).select_from(tide_digest).where(tide_digest.c.tide == name)) or 0
    seconds = round((at - parse_rfc3339(row.began_at)).total_seconds(), 3)
    data = {"cause": row.cause, "images": images, "seconds": seconds}
    event = Event(id=f"{kind}:{name}:{rfc3339(at)}", kind=kind, subject=name, time=at, data=data, tide=name)
    outbox.publish(connection, event)
