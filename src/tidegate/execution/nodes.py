# SPDX-License-Identifier: Apache-2.0
"""Nodes and clusters with a sensor, what runs there and what was seen: each observation once, as an event.

A node belongs to the principal that first reported for it; nobody else speaks for it until it is forgotten.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, select, update

from tidegate.clock import parse_rfc3339, rfc3339
from tidegate.errors import NotFoundError, RefusedError
from tidegate.events import Event, EventKind
from tidegate.execution.container_record import (
    apply_changes,
    container_of,
    count_containers,
    end_untold,
    forget_containers,
    replace_containers,
)
from tidegate.execution.network.flow_record import take_flows
from tidegate.execution.observation import Container, Observation
from tidegate.execution.report import NodeKind, Report, Sent, Taken, check_node
from tidegate.storage import outbox
from tidegate.storage.insert import insert_once
from tidegate.storage.lock_order import Rank, taking
from tidegate.storage.node_schema import node, node_container
from tidegate.values import Struct
from tidegate.wire import to_builtins

_UNKNOWN: Final = -1


class NodeState(StrEnum):
    """How a node's sensor is."""

    WATCHED = "watched"
    SILENT = "silent"
    """It said nothing for too long."""
    ENDED = "ended"
    """It said that it ends."""


class Node(Struct, frozen=True, kw_only=True):
    """A node, or a cluster.

    Attributes:
        principal: who reports for it.
        since: when it came to its state.
        lost: observations its sensor dropped.
        containers: how many run there; -1 when that is not known.
        current_at: when a cluster's API server was heard last; "" for a node.
    """

    name: str
    kind: NodeKind = NodeKind.NODE
    principal: str
    version: str
    state: NodeState
    since: datetime
    seen_at: datetime
    lost: int
    containers: int
    current_at: str = ""


class Running(Struct, frozen=True, kw_only=True):
    """A container that runs on a node."""

    node: str
    container: Container
    since: datetime


def take_report(
    connection: Connection,
    name: str,
    report: Report,
    *,
    principal: str,
    at: datetime,
    changed: Callable[[Sequence[str]], None] = lambda _: None,
) -> Taken:
    """Takes a report, in the caller's transaction: what is in it already is not taken twice.

    Args:
        connection: the caller's.
        name: of the node or cluster.
        report: what its sensor says.
        principal: who brings it.
        at: now.
        changed: is told the ids of containers that are new, or run something else than before.

    Raises:
        InvalidInputError: not a node's name.
        RefusedError: the node belongs to another principal.
    """
    check_node(name)
    taking(connection, Rank.WORK, [f"node:{name}"])
    before = _hold(connection, name)
    if before is None:
        _join(connection, name, report, principal, at)
    elif before.principal != principal:
        raise RefusedError(
            "another principal reports for this node", where=name, remedy="have an administrator forget the node"
        )
    known = before.containers if before is not None and before.run == report.run else _UNKNOWN
    if report.kind is NodeKind.CLUSTER:
        changed(apply_changes(connection, name, report.changed, at))
        known = _compared(connection, name, report, at)
    elif report.containers is not None:
        changed(replace_containers(connection, name, report.containers, at))
        known = len(report.containers)
    state = NodeState.ENDED if report.ends else NodeState.WATCHED
    values: dict[str, Any] = {
        "kind": report.kind.value,
        "run": report.run,
        "version": report.version,
        "state": state.value,
        "containers": known,
        "current_at": report.current_at[:32],
    }
    if before is not None and before.state != state:
        values["since"] = rfc3339(at)
        kind = EventKind.NODE_ENDED if report.ends else EventKind.NODE_BACK
        _tell(connection, kind, name, at, {"run": report.run, "was": before.state})
    values |= {"seen_at": rfc3339(at), "lost": max(report.lost, before.lost if before is not None else 0)}
    connection.execute(update(node).where(node.c.name == name).values(**values))
    if report.flows is not None and report.kind is NodeKind.NODE:
        take_flows(connection, name, report.flows, at)
    new = sum(outbox.publish(connection, observed(name, sent, at)) for sent in report.observations)
    unsure = known == _UNKNOWN and (report.kind is NodeKind.NODE or report.running >= 0)
    return Taken(new=new, unknown_containers=unsure and not report.ends)


def observed(name: str, sent: Sent, at: datetime) -> Event:
    """The event of an observation: of one node and id always the same."""
    seen = sent.seen
    where = seen.container.id if seen.container else "node"
    data = {"node": name, "observation": to_builtins(seen)}
    return Event(
        id=f"observation:{name}:{sent.id}",
        kind=EventKind.OBSERVATION_MADE,
        subject=f"{name}/{where}",
        time=at,
        data=data,
    )


def observed_elsewhere(name: str, key: str, seen: Observation, at: datetime) -> Event:
    """The event of what another tool saw, of one key always the same."""
    return observed(name, Sent(id=sha256(key.encode()).hexdigest()[:32], seen=seen), at)


def note_silence(connection: Connection, *, after: timedelta, at: datetime) -> Sequence[str]:
    """Tells of nodes that said nothing for too long, each once; returns their names."""
    late = _late(after, at)
    silent = []
    for row in connection.execute(select(node).where(late).order_by(node.c.name)).mappings().all():
        taking(connection, Rank.WORK, [f"node:{row['name']}"])
        still = (node.c.name == row["name"]) & late
        values = {"state": NodeState.SILENT.value, "since": rfc3339(at)}
        if connection.execute(update(node).where(still).values(**values)).rowcount:
            data = {"last_seen_at": row["seen_at"], "run": row["run"], "containers": row["containers"]}
            _tell(connection, EventKind.NODE_SILENT, row["name"], at, data)
            silent.append(row["name"])
    return silent


def has_late(connection: Connection, *, after: timedelta, at: datetime) -> bool:
    """True when `note_silence` would tell of a node."""
    return connection.scalar(select(node.c.name).where(_late(after, at)).limit(1)) is not None


def list_nodes(connection: Connection) -> Sequence[Node]:
    """Nodes, by name."""
    return [_node(row) for row in connection.execute(select(node).order_by(node.c.name)).mappings()]


def forget_node(connection: Connection, name: str, *, at: datetime) -> None:
    """Takes a node out: it is gone for good, or gets another principal. What ran there is history.

    Raises:
        NotFoundError: nobody reports for such a node.
    """
    forget_containers(connection, name, at)
    if not connection.execute(delete(node).where(node.c.name == name)).rowcount:
        raise NotFoundError("no such node", where=name)


def principal_of_node(connection: Connection, name: str) -> str | None:
    """Who reports for a node; None when nobody does."""
    found: str | None = connection.scalar(select(node.c.principal).where(node.c.name == name))
    return found


def running_on(connection: Connection, name: str = "") -> Sequence[Running]:
    """What runs on a node, or on all, by node and id."""
    query = select(node_container).order_by(node_container.c.node, node_container.c.id)
    if name:
        query = query.where(node_container.c.node == name)
    return [_running(row) for row in connection.execute(query).mappings()]


def running_in(connection: Connection, namespace: str) -> Sequence[Running]:
    """What runs in a namespace, or in none where it is "", by node and id."""
    query = select(node_container).where(node_container.c.namespace == namespace)
    query = query.order_by(node_container.c.node, node_container.c.id)
    return [_running(row) for row in connection.execute(query).mappings()]


def _late(after: timedelta, at: datetime) -> ColumnElement[bool]:
    return (node.c.state == NodeState.WATCHED.value) & (node.c.seen_at < rfc3339(at - after))


def _hold(connection: Connection, name: str) -> Any:
    return connection.execute(select(node).where(node.c.name == name).with_for_update()).first()


def _join(connection: Connection, name: str, report: Report, principal: str, at: datetime) -> None:
    told = rfc3339(at)
    new = insert_once(
        connection,
        node,
        name=name,
        kind=report.kind.value,
        principal=principal,
        run=report.run,
        version=report.version,
        state=NodeState.WATCHED.value,
        since=told,
        seen_at=told,
        lost=0,
        containers=_UNKNOWN,
    )
    if not new and principal_of_node(connection, name) != principal:  # another was first, just now
        raise RefusedError("another principal reports for this node", where=name)
    _tell(connection, EventKind.NODE_JOINED, name, at, {"principal": principal, "run": report.run})


def _compared(connection: Connection, name: str, report: Report, at: datetime) -> int:
    """How many containers run in a cluster, when both sides know the same; -1 while more is told, or they differ."""
    if report.all_since:
        end_untold(connection, name, report.all_since, at)
    if report.running < 0:
        return _UNKNOWN
    known = count_containers(connection, name)
    return known if known == report.running else _UNKNOWN


def _tell(connection: Connection, kind: EventKind, name: str, at: datetime, data: Mapping[str, Any]) -> None:
    event = Event(id=f"{kind}:{name}:{data['run']}:{rfc3339(at)}", kind=kind, subject=name, time=at, data=data)
    outbox.publish(connection, event)


def _node(row: RowMapping) -> Node:
    return Node(
        name=row["name"],
        kind=NodeKind(row["kind"]),
        principal=row["principal"],
        version=row["version"],
        state=NodeState(row["state"]),
        since=parse_rfc3339(row["since"]),
        seen_at=parse_rfc3339(row["seen_at"]),
        lost=row["lost"],
        containers=row["containers"],
        current_at=row["current_at"],
    )


def _running(row: RowMapping) -> Running:
    return Running(node=row["node"], container=container_of(dict(row)), since=parse_rfc3339(row["since"]))
