# SPDX-License-Identifier: Apache-2.0
"""The record of containers: those that run, as the sensors of nodes and clusters tell it, and those that ran.

A container is told once by who reports for its node, and once by who reports for its cluster: these are two rows of one
id (`execution.inventory` makes one of them).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, delete, func, insert, literal, select

from tidegate.clock import parse_rfc3339, rfc3339
from tidegate.errors import InvalidInputError
from tidegate.execution.observation import Container
from tidegate.execution.report import PodContainer
from tidegate.storage.node_schema import container_past, node_container
from tidegate.wire import to_json

_TOLD: Final = (
    "name",
    "namespace",
    "pod",
    "image",
    "digest",
    "config",
    "pod_uid",
    "host",
    "started_at",
    "starter",
)
_RUNS: Final = ("image", "digest", "config", "pinned", "glass")
"""What decides whether it may run."""
HISTORY_KEPT: Final = timedelta(days=400)
"""How long what ended stays on record."""
_ROWS_AT_ONCE: Final = 200
"""SQLite takes 32,766 values in one statement."""


def replace_containers(
    connection: Connection, node: str, containers: Sequence[Container], at: datetime
) -> Sequence[str]:
    """Takes down all that runs on a node; what is not among them has ended.

    Returns:
        The ids of those that are new, or run something else than before.
    """
    told = {one.id: _row(node, PodContainer(container=one), at) for one in containers}
    query = select(node_container).where(node_container.c.node == node)
    known = {row["id"]: dict(row) for row in connection.execute(query).mappings()}
    for some in _some([name for name in known if name not in told]):
        _end_where(connection, (node_container.c.node == node) & node_container.c.id.in_(some), at)
    rows = [row | {"since": known[name]["since"]} if name in known else row for name, row in told.items()]
    news = [row for row in rows if row != known.get(row["id"])]
    _delete(connection, node_container, node, [row["id"] for row in news if row["id"] in known])
    _insert(connection, node_container, news)
    return [row["id"] for row in news if _runs_else(row, known.get(row["id"]))]


def apply_changes(connection: Connection, node: str, changes: Sequence[PodContainer], at: datetime) -> Sequence[str]:
    """Takes down what began, changed or ended in a cluster, where a container runs once; the highest number holds.

    Returns:
        As `replace_containers`.
    """
    told = {one.container.id: one for one in sorted(changes, key=lambda one: one.number)}
    known = _known(connection, container_past, node, list(told)) | _known(connection, node_container, node, list(told))
    news = [one for name, one in told.items() if name not in known or known[name]["number"] < one.number]
    rows = [_followed(_row(node, one, at), known.get(one.container.id), one) for one in news]
    ids = [one.container.id for one in news if one.container.id in known]
    _delete(connection, container_past, node, ids)
    _delete(connection, node_container, node, ids)
    _insert(connection, node_container, [row for row, one in zip(rows, news, strict=True) if not one.ended])
    ended = [row | {"until": _end_of(row, one, at)} for row, one in zip(rows, news, strict=True) if one.ended]
    _insert(connection, container_past, ended)
    return [
        row["id"]
        for row, one in zip(rows, news, strict=True)
        if not one.ended and _runs_else(row, known.get(row["id"]))
    ]


def end_untold(connection: Connection, node: str, number: int, at: datetime) -> None:
    """What a cluster told last with a lower number than this has ended."""
    _end_where(connection, (node_container.c.node == node) & (node_container.c.number < number), at)


def count_containers(connection: Connection, node: str) -> int:
    """How many run there."""
    query = select(func.count()).select_from(node_container).where(node_container.c.node == node)
    return int(connection.scalar(query) or 0)


def forget_containers(connection: Connection, node: str, at: datetime) -> None:
    """Whoever told of them does not any more: what ran there is history."""
    _end_where(connection, node_container.c.node == node, at)


def drop_past(connection: Connection, before: datetime) -> int:
    """Lets go of what ended before a moment; returns how much."""
    return connection.execute(delete(container_past).where(container_past.c.until < rfc3339(before))).rowcount


def container_of(row: Mapping[str, Any]) -> Container:
    """The container of a row of either table."""
    return Container(id=row["id"], **{name: row[name] for name in _TOLD})


def _followed(row: dict[str, Any], before: Mapping[str, Any] | None, one: PodContainer) -> dict[str, Any]:
    """A row with what only an earlier telling knew."""
    if before is None:
        return row
    # What it ran is not told any more of a run that another followed.
    kept = [name for name in _RUNS if one.ended and not row[name]]
    return row | {name: before[name] for name in ("since", *kept)}


def _end_of(row: Mapping[str, Any], one: PodContainer, at: datetime) -> str:
    return max(str(row["since"]), _moment(one.ended_at) or rfc3339(at))


def _runs_else(row: Mapping[str, Any], before: Mapping[str, Any] | None) -> bool:
    return before is None or any(before[name] != row[name] for name in _RUNS)


def _row(node: str, one: PodContainer, at: datetime) -> dict[str, Any]:
    container = one.container
    return {
        "node": node,
        "id": container.id,
        **{name: getattr(container, name) for name in _TOLD},
        "owner_kind": one.owner.kind,
        "owner": one.owner.name,
        "labels": to_json(one.labels).decode(),
        "pinned": one.pinned,
        "glass": int(one.glass),
        "since": _moment(container.started_at) or rfc3339(at),
        "number": one.number,
    }


def _moment(text: str) -> str:
    """As every moment is written here; "" for what is none."""
    try:
        return rfc3339(parse_rfc3339(text).replace(microsecond=0)) if text else ""
    except InvalidInputError:
        return ""


def _known(connection: Connection, table: Table, node: str, ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for some in _some(ids):
        query = select(table).where((table.c.node == node) & table.c.id.in_(some)).order_by(table.c.since)
        found |= {row["id"]: dict(row) for row in connection.execute(query).mappings()}
    return found


def _insert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        connection.execute(insert(table), rows)


def _delete(connection: Connection, table: Table, node: str, ids: Sequence[str]) -> None:
    for some in _some(ids):
        connection.execute(delete(table).where((table.c.node == node) & table.c.id.in_(some)))


def _some(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + _ROWS_AT_ONCE] for start in range(0, len(ids), _ROWS_AT_ONCE))


def _end_where(connection: Connection, which: ColumnElement[bool], at: datetime) -> None:
    names = [column.name for column in container_past.c if column.name != "until"]
    until = rfc3339(at)
    ran = select(*(node_container.c[name] for name in names), literal(until)).where(which)
    kept = (container_past.c.node == node_container.c.node) & (container_past.c.id == node_container.c.id)
    is_there = select(container_past.c.id).where(kept & (container_past.c.since == node_container.c.since)).exists()
    connection.execute(insert(container_past).from_select([*names, "until"], ran.where(~is_there)))
    connection.execute(delete(node_container).where(which))
