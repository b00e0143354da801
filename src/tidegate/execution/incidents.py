# SPDX-License-Identifier: Apache-2.0
"""Incidents: one for each container and rule while it is open, however much is seen; closed by people."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, select, update

from tidegate.clock import parse_rfc3339, rfc3339
from tidegate.errors import InvalidInputError, NotFoundError
from tidegate.events import Event, EventKind
from tidegate.execution.observation import Container, Observation
from tidegate.execution.response_policy import ResponseRule, Severity, severity_of
from tidegate.storage import outbox
from tidegate.storage.insert import insert_once
from tidegate.storage.node_schema import incident
from tidegate.storage.tides import tide_of_event
from tidegate.values import Struct
from tidegate.wire import from_json, to_json

MAX_WHY_CHARS: Final = 1000
_MAX_DOCUMENT_BYTES: Final = 64 * 1024


class Incident(Struct, frozen=True, kw_only=True):
    """An incident.

    Attributes:
        container: where; None for the node itself.
        observations: how many it is of.
        first: the event it began with; `seen` what that told.
        closed_by, why: "" while it is open.
    """

    id: str
    node: str
    container: Container | None
    workload: str
    rule: str
    severity: Severity
    state: str
    opened_at: datetime
    last_at: datetime
    observations: int
    first: str
    seen: Observation
    closed_by: str = ""
    why: str = ""


def open_incident(
    connection: Connection, event: str, node: str, seen: Observation, rule: ResponseRule, *, at: datetime
) -> tuple[str, bool]:
    """Opens an incident, or adds to the open one of this container and rule; again with the same event is harmless.

    Returns:
        Its id, and whether it is new or this event is the one it began with.
    """
    container = seen.container.id if seen.container else ""
    here = (incident.c.node == node) & (incident.c.container == container) & (incident.c.rule == rule.name)
    is_open = here & (incident.c.state == "open")
    row = connection.execute(select(incident.c.id, incident.c.first).where(is_open)).first()
    if row is not None:
        if row.first == event:
            return row.id, True
        values = {"observations": incident.c.observations + seen.count, "last_at": rfc3339(at)}
        connection.execute(update(incident).where(incident.c.id == row.id).values(**values))
        return row.id, False
    name = sha256(f"{event}\0{rule.name}".encode()).hexdigest()[:32]
    workload = seen.container.workload if seen.container else "node"
    new = insert_once(
        connection,
        incident,
        id=name,
        node=node,
        container=container,
        workload=workload,
        rule=rule.name,
        severity=severity_of(rule, seen).value,
        state="open",
        opened_at=rfc3339(at),
        last_at=rfc3339(at),
        observations=seen.count,
        first=event,
        document=to_json(seen).decode(),
        closed_by="",
        why="",
    )
    if new:
        data = {
            "incident": name,
            "node": node,
            "container": container,
            "workload": workload,
            "rule": rule.name,
            "severity": severity_of(rule, seen).value,
            "act": seen.act.value,
            "path": seen.path,
            "observation": event,
        }
        _tell(connection, EventKind.INCIDENT_OPENED, name, data, at)
    return name, new


def close_incident(connection: Connection, name: str, *, by: str, why: str, at: datetime) -> Incident:
    """Closes one, with the reason.

    Raises:
        NotFoundError: there is no such open incident.
        InvalidInputError: no reason.
    """
    if not why.strip() or not why.isprintable() or len(why) > MAX_WHY_CHARS:
        raise InvalidInputError("an incident is closed with a reason", remedy="say what it was, in one line")
    values = {"state": "closed", "closed_by": by, "why": why, "last_at": rfc3339(at)}
    of_it = (incident.c.id == name) & (incident.c.state == "open")
    if not connection.execute(update(incident).where(of_it).values(**values)).rowcount:
        raise NotFoundError("no such open incident", where=name[:64])
    _tell(connection, EventKind.INCIDENT_CLOSED, name, {"incident": name, "who": by, "why": why}, at)
    return find_incident(connection, name)


def opening(name: str) -> str:
    """The id of the event that told of the beginning of an incident."""
    return f"{EventKind.INCIDENT_OPENED}:{name}"


def find_incident(connection: Connection, name: str) -> Incident:
    """One of them.

    Raises:
        NotFoundError: there is none.
    """
    row = connection.execute(select(incident).where(incident.c.id == name)).mappings().first()
    if row is None:
        raise NotFoundError("no such incident", where=name[:64])
    return _incident(row)


def list_incidents(connection: Connection, *, state: str = "", limit: int = 100) -> Sequence[Incident]:
    """Incidents, the newest first."""
    query = select(incident).order_by(incident.c.opened_at.desc(), incident.c.id).limit(limit)
    if state:
        query = query.where(incident.c.state == state)
    return [_incident(row) for row in connection.execute(query).mappings()]


def _tell(connection: Connection, kind: EventKind, name: str, data: dict[str, Any], at: datetime) -> None:
    tide = tide_of_event(connection, opening(name))
    outbox.publish(connection, Event(id=f"{kind}:{name}", kind=kind, subject=name, time=at, data=data, tide=tide))


def _incident(row: RowMapping) -> Incident:
    seen = from_json(row["document"].encode(), Observation, what="incident", max_bytes=_MAX_DOCUMENT_BYTES)
    return Incident(
        **{
            name: row[name]
            for name in ("id", "node", "workload", "rule", "state", "observations", "first", "closed_by", "why")
        },
        container=seen.container,
        severity=Severity(row["severity"]),
        opened_at=parse_rfc3339(row["opened_at"]),
        last_at=parse_rfc3339(row["last_at"]),
        seen=seen,
    )
