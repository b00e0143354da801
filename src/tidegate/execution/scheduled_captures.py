# SPDX-License-Identifier: Apache-2.0
"""Captures by time on record: each ordered once when it is due, within its limits, and known again when it arrives."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, func, insert, select, update

from tidegate.admission.gate import Gate
from tidegate.artifact import Digest
from tidegate.clock import Clock, rfc3339
from tidegate.execution.capture import Capture
from tidegate.execution.capture_schedule import CaptureSchedule, CaptureSchedules
from tidegate.execution.nodes import NodeState, Running, list_nodes, principal_of_node, running_on
from tidegate.execution.report import NodeKind
from tidegate.execution.response_policy import Step, workload_of
from tidegate.execution.responses import ResponseState, Wanted, begin
from tidegate.identity.duties import Actor
from tidegate.storage.capture_schema import capture, capture_order
from tidegate.storage.database import Database
from tidegate.storage.insert import insert_once
from tidegate.storage.keeping_schema import upkeep_turn
from tidegate.storage.lock_order import Rank, taking
from tidegate.storage.node_schema import response
from tidegate.values import Struct

TURN: Final = "due captures"
_LIMITS: Final = "capture limits"
"""Names the row that is held while an order is given."""
MAX_TOLD: Final = 1000
_DAY: Final = timedelta(days=1)
_ON_ITS_WAY: Final = timedelta(hours=1)
"""How long a capture that was made and has not arrived counts among those under way."""
_IDS_AT_ONCE: Final = 500


class _Due(Struct, frozen=True, kw_only=True):
    id: str
    at: datetime
    schedule: CaptureSchedule
    running: Running


class ScheduledContainer(Struct, frozen=True, kw_only=True):
    """A container that is captured by time.

    Attributes:
        schedule: that holds for it, `every` so many seconds.
        next_at: when it is due again; already past for one that waits for its turn.
        last_at: when the last one was due; `state` what became of its order; "" before the first.
        capture: the digest of the last one that arrived; `differs` when something runs or was written there that is a
            program and not of the image.
    """

    node: str
    container: str
    workload: str
    image: str
    schedule: str
    every: int
    next_at: str
    last_at: str = ""
    state: str = ""
    capture: str = ""
    differs: bool = False


class ScheduledCaptures:
    """Orders what is due. Safe for threads, and for replicas.

    Args:
        database: what runs, and what was ordered.
        gate: signs orders.
        schedules: what is due when.
        clock: now.
    """

    def __init__(self, database: Database, gate: Gate, schedules: CaptureSchedules, clock: Clock) -> None:
        self._database = database
        self._gate = gate
        self._schedules = schedules
        self._clock = clock

    def order_due(self) -> Sequence[str]:
        """Orders the captures that are due and not ordered yet, the longest due first; returns their ids.

        Each is a transaction of its own under the name of its due time: who is killed between two has given none
        twice, and what is left is given by whoever looks next.

        Raises:
            OutsideError: the database failed.
        """
        if not self._schedules.schedules:
            return ()
        at = self._clock()
        with self._database.read() as connection:
            due = self._due(connection, at)
        given: list[str] = []
        for one in due:
            with self._database.begin() as connection:
                if not self._has_room(connection, at):
                    break
                if self._order(connection, one, at):
                    given.append(one.id)
        return given

    def told(self, *, limit: int = MAX_TOLD) -> Sequence[ScheduledContainer]:
        """The containers that are captured by time, the next due first.

        Raises:
            OutsideError: the database failed.
        """
        at = self._clock()
        with self._database.read() as connection:
            waiting = {(one.running.node, one.running.container.id): one.at for one in self._due(connection, at)}
            scheduled = self._scheduled(connection)
            last = _last_orders(connection, [running.container.id for running, _ in scheduled])
        found = []
        for running, schedule in scheduled:
            key = running.node, running.container.id
            due = waiting.get(key) or schedule.next_due(*key, at=at)
            order = last.get(key, {})
            found.append(
                ScheduledContainer(
                    node=running.node,
                    container=running.container.id,
                    workload=running.container.workload,
                    image=running.container.image,
                    schedule=schedule.name,
                    every=int(schedule.every.total_seconds()),
                    next_at=rfc3339(due),
                    **order,
                )
            )
        return sorted(found, key=lambda one: (one.next_at, one.node, one.container))[:limit]

    def _scheduled(self, connection: Connection) -> Sequence[tuple[Running, CaptureSchedule]]:
        """What runs where a sensor can be told to capture it, and is captured by time."""
        nodes = {
            one.name for one in list_nodes(connection) if one.state is NodeState.WATCHED and one.kind is NodeKind.NODE
        }
        chosen = (
            (one, self._schedules.schedule_for(workload_of(one.container)))
            for one in running_on(connection)
            if one.node in nodes
        )
        return [(one, schedule) for one, schedule in chosen if schedule is not None]

    def _due(self, connection: Connection, at: datetime) -> Sequence[_Due]:
        found = []
        for running, schedule in self._scheduled(connection):
            key = running.node, running.container.id
            due = schedule.due(*key, since=running.since, at=at)
            if due is not None:
                found.append(_Due(id=schedule.order_id(*key, due), at=due, schedule=schedule, running=running))
        known = _known(connection, [one.id for one in found])
        return sorted((one for one in found if one.id not in known), key=lambda one: (one.at, one.id))

    def _has_room(self, connection: Connection, at: datetime) -> bool:
        """Within the limits; until this transaction ends, nobody else gives an order."""
        taking(connection, Rank.WORK, [_LIMITS])
        insert_once(connection, upkeep_turn, kind=_LIMITS, taken_at="")
        connection.execute(select(upkeep_turn.c.kind).where(upkeep_turn.c.kind == _LIMITS).with_for_update())
        of_day = select(func.count()).where(capture_order.c.ordered_at > rfc3339(at - _DAY))
        under_way = (
            select(func.count())
            .select_from(capture_order.join(response, response.c.id == capture_order.c.id))
            .where(
                (response.c.state == ResponseState.ORDERED.value)
                | (
                    (response.c.state == ResponseState.DONE.value)
                    & (capture_order.c.capture == "")
                    & (response.c.ended_at > rfc3339(at - _ON_ITS_WAY))
                )
            )
        )
        within_day = (connection.scalar(of_day) or 0) < self._schedules.per_day
        return within_day and (connection.scalar(under_way) or 0) < self._schedules.at_once

    def _order(self, connection: Connection, due: _Due, at: datetime) -> bool:
        if _known(connection, [due.id]):
            return False
        keep = due.schedule.keep
        row = {
            "id": due.id,
            "schedule": due.schedule.name,
            "node": due.running.node,
            "container": due.running.container.id,
            "due_at": rfc3339(due.at),
            "ordered_at": rfc3339(at),
            "keep_seconds": 0 if keep is None else int(keep.total_seconds()),
        }
        wanted = Wanted(
            node=due.running.node,
            container=due.running.container,
            step=Step.CAPTURE,
            why=f"due at {rfc3339(due.at)} by the schedule {due.schedule.name}",
            by=Actor(name=f"schedule:{due.schedule.name}", identity=""),
        )
        begin(connection, self._gate, wanted, at=at, id_=due.id)
        connection.execute(insert(capture_order).values(**row))
        return True


def keep_of(connection: Connection, overview: Capture, *, who: str) -> timedelta | None:
    """How long a capture is kept by the schedule that ordered it; None when none did, or another node brings it."""
    row = _order_of(connection, overview, who)
    return timedelta(seconds=row.keep_seconds) if row is not None and row.keep_seconds else None


def arrived_before(connection: Connection, overview: Capture, *, who: str) -> str:
    """The capture that is here already for the same order; "" for none: a node that was killed makes another."""
    row = _order_of(connection, overview, who)
    return "" if row is None else str(row.capture)


def note_arrived(connection: Connection, overview: Capture, digest: Digest, *, who: str) -> str:
    """Notes that a capture that was ordered by time is here; returns its schedule's name, "" when it is of none."""
    row = _order_of(connection, overview, who)
    if row is None:
        return ""
    of_it = (capture_order.c.id == row.id) & (capture_order.c.capture == "")
    connection.execute(update(capture_order).where(of_it).values(capture=digest))
    return str(row.schedule)


def _order_of(connection: Connection, overview: Capture, who: str) -> "Row[Any] | None":
    """The order that a capture says it was made for, if it is of that node and container, and the node brings it."""
    if not overview.order or principal_of_node(connection, overview.node) != who:
        return None
    its = (
        (capture_order.c.id == overview.order)
        & (capture_order.c.node == overview.node)
        & (capture_order.c.container == overview.container.id)
    )
    return connection.execute(select(capture_order).where(its)).first()


def _known(connection: Connection, ids: Sequence[str]) -> frozenset[str]:
    found: set[str] = set()
    for start in range(0, len(ids), _IDS_AT_ONCE):
        some = list(ids[start : start + _IDS_AT_ONCE])
        found.update(connection.scalars(select(capture_order.c.id).where(capture_order.c.id.in_(some))))
    return frozenset(found)


def _last_orders(connection: Connection, containers: Sequence[str]) -> dict[tuple[str, str], dict[str, Any]]:
    found: dict[tuple[str, str], dict[str, Any]] = {}
    arrived: dict[tuple[str, str], dict[str, Any]] = {}
    for start in range(0, len(containers), _IDS_AT_ONCE):
        some = list(containers[start : start + _IDS_AT_ONCE])
        query = (
            select(capture_order, response.c.state, capture.c.differs)
            .join(response, response.c.id == capture_order.c.id)
            .outerjoin(capture, capture.c.digest == capture_order.c.capture)
            .where(capture_order.c.container.in_(some))
            .order_by(capture_order.c.due_at)
        )
        for row in connection.execute(query):
            key = (row.node, row.container)
            if row.capture:
                arrived[key] = {"capture": row.capture, "differs": bool(row.differs)}
            found[key] = {"last_at": row.due_at, "state": row.state, **arrived.get(key, {})}
    return found
