# SPDX-License-Identifier: Apache-2.0
"""What webhooks did, put on record where everything else is: an event each, and where images run from now on."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection

from tidegate.artifact import Digest
from tidegate.errors import BoundExceededError
from tidegate.events import Event, EventKind
from tidegate.execution.placements import Place, Placed, place_containers
from tidegate.execution.reviews.record import Act, Record
from tidegate.storage import outbox
from tidegate.storage.database import Database
from tidegate.storage.tides import tide_of_any
from tidegate.values import replace

MAX_RECORDS: Final = 200
_TOLD_AS: Final[Mapping[Act, EventKind]] = {
    Act.ADMITTED: EventKind.WORKLOAD_ADMITTED,
    Act.DENIED: EventKind.WORKLOAD_DENIED,
    Act.GLASS_BROKEN: EventKind.GLASS_BROKEN,
    Act.CONNECTED: EventKind.CONNECTION_OPENED,
    Act.CONNECTION_DENIED: EventKind.CONNECTION_REFUSED,
    Act.ALLOWED: EventKind.ACT_ALLOWED,
    Act.CONFIGURATION_ADMITTED: EventKind.CONFIGURATION_ADMITTED,
    Act.CONFIGURATION_DENIED: EventKind.CONFIGURATION_DENIED,
    Act.CHANGED: EventKind.WORKLOAD_CHANGED,
}
_OF_CONFIGURATION: Final = frozenset({EventKind.CONFIGURATION_ADMITTED, EventKind.CONFIGURATION_DENIED})
_RUNS: Final = frozenset({Act.ADMITTED, Act.GLASS_BROKEN})


def put_on_record(database: Database, records: Sequence[Record], by: str) -> int:
    """Tells each record once, however often it is handed in; returns how many were new.

    Args:
        database: of the server.
        records: at most `MAX_RECORDS`.
        by: the webhook, as it is let in.

    Raises:
        BoundExceededError: more at once.
        OutsideError: the database failed.
    """
    if len(records) > MAX_RECORDS:
        raise BoundExceededError("MAX_RECORDS", MAX_RECORDS, where="request")
    new = 0
    with database.begin() as connection:
        for one in records:
            # What runs is written first: the order of events is joined last of all (`outbox.publish`).
            if one.act in _RUNS and not one.is_made and one.name:
                placed, owner = _placed(one), one.owner[:1000]
                place_containers(connection, _place(one), placed, owner=owner, at=one.at, by=one.by[:1000])
            new += outbox.publish(connection, _told_in_its_tide(connection, _event(one, by), one))
    return new


def _told_in_its_tide(connection: Connection, event: Event, one: Record) -> Event:
    if one.act is not Act.DENIED:
        return event
    return replace(event, tide=tide_of_any(connection, one.images.values()))


def _event(one: Record, by: str) -> Event:
    kind = _TOLD_AS[one.act]
    return Event(
        id=f"{one.cluster}:{one.id}:{one.act}"[:200],
        kind=kind,
        subject=f"{one.cluster}/{one.namespace}/{one.kind}/{one.name}",
        time=one.at,
        data=_of_configuration(one, by) if kind in _OF_CONFIGURATION else _of_workload(one, by),
    )


def _of_workload(one: Record, by: str) -> dict[str, Any]:
    data: dict[str, Any] = {"digests": dict(one.images), "owner": one.owner, "reasons": list(one.reasons)}
    said: dict[str, Any] = {
        "user": one.by,
        "webhook": by,
        "request": one.id,
        "operation": one.operation,
        "subresource": one.subresource,
        "policy": one.policy,
        "verdicts": dict(one.verdicts),
        "rule": one.rule,
        "digest": one.content,
        "explained": [{"path": change.path, "why": change.why} for change in one.changes],
    }
    return data | {name: value for name, value in said.items() if value}


def _of_configuration(one: Record, by: str) -> dict[str, Any]:
    return {
        "digest": one.content,
        "rule": one.rule,
        "reasons": list(one.reasons),
        "used_by": [],
        "user": one.by,
        "webhook": by,
        "request": one.id,
        "operation": one.operation,
    }


def _place(one: Record) -> Place:
    return Place(cluster=one.cluster, namespace=one.namespace, kind=one.kind, name=one.name)


def _placed(one: Record) -> list[Placed]:
    return [
        Placed(container=name[:255], digest=Digest(digest), reference=one.references.get(name, ""))
        for name, digest in one.images.items()
        if digest
    ]
