# SPDX-License-Identifier: Apache-2.0
"""Tells a tide: its steps with their times, as they were stored with what they tell, and what is still open.

Everything is read by the tide's own id from indexes: a story costs what happened in it, whatever else is on record.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, func, select

from tidegate.errors import NotFoundError
from tidegate.events import EventKind
from tidegate.loops.tide_ending import Open, open_in
from tidegate.storage import schema
from tidegate.storage.outbox import IN_A_TIDE
from tidegate.storage.tide_schema import tide, tide_digest
from tidegate.values import Struct
from tidegate.wire import from_json

MAX_TIDES: Final = 1_000
_MAX_FIXES: Final = 1_000
_MAX_DATA_BYTES: Final = 1 << 20
_FOUND, _JUDGED, _FIXED = "affected found", "decisions remade", "fixed image admitted"
_STEP_OF: Final = {
    EventKind.KNOWLEDGE_UPDATED: "knowledge in force",
    EventKind.KEY_REVOKED: "key revoked",
    EventKind.IMAGE_RECALLED: "recalled",
    EventKind.IMAGE_REJECTED: "rejected",
    EventKind.IMAGE_RESTRICTED: "restricted",
    EventKind.IMAGE_DEPRECATED: "deprecated",
    EventKind.IMAGE_RETIRED: "retired",
    EventKind.IMAGE_QUARANTINED: "judged anew",
    EventKind.IMAGE_ADMITTED: "admitted again",
    EventKind.WORKLOAD_EXPOSED: "workloads named",
    EventKind.CONSUMER_EXPOSED: "consumers told",
    EventKind.IMAGE_REFUSED: "pulls refused",
    EventKind.WORKLOAD_DENIED: "workloads refused",
    EventKind.OBSERVATION_MADE: "seen running",
    EventKind.INCIDENT_OPENED: "incidents opened",
    EventKind.RESPONSE_ASKED: "containment asked",
    EventKind.RESPONSE_ORDERED: "containment ordered",
    EventKind.RESPONSE_DONE: "contained",
    EventKind.RESPONSE_FAILED: "containment failed",
    EventKind.RESPONSE_REFUSED: "containment refused",
    EventKind.RESPONSE_EXPIRED: "containment expired",
    EventKind.FEEDBACK_OPENED: "owners' cases opened",
    EventKind.FEEDBACK_TOLD: "owners told",
    EventKind.FEEDBACK_CLOSED: "owners' cases closed",
    EventKind.UPDATE_PROPOSED: "fixes proposed",
    EventKind.UPDATE_ASKED: "rollouts asked",
    EventKind.UPDATE_ROLLING: "rollouts begun",
    EventKind.UPDATE_DONE: "workloads rolled",
    EventKind.UPDATE_FAILED: "rollouts failed",
    EventKind.INCIDENT_CLOSED: "incidents closed",
    EventKind.TIDE_ENDED: "ended",
    EventKind.TIDE_REOPENED: "opened again",
}
"""What a kind of event is in a story; of the others the kind itself is told."""
_QUIET: Final = frozenset(
    {
        EventKind.IMAGE_ANALYSING,
        EventKind.UPDATE_SUPERSEDED,
        EventKind.UPDATE_CLOSED,
        EventKind.EVIDENCE_ADDED,
    }
)


class Step(Struct, frozen=True, kw_only=True):
    """What happened of one kind.

    Attributes:
        first_at, last_at: RFC 3339.
        after, until: the same as seconds since the tide began.
    """

    name: str
    count: int
    first_at: str
    last_at: str
    after: float
    until: float


class TideLine(Struct, frozen=True, kw_only=True):
    """A tide in a list.

    Attributes:
        cause: knowledge, recall or key.
        subject: what changed: the knowledge file, the image, the key.
        ended_at: "" while something is open.
        images: that it touches.
        shut: of those, how many did not pass any more.
    """

    id: str
    cause: str
    subject: str
    why: str
    began_at: str
    ended_at: str
    images: int
    shut: int


class Story(TideLine, frozen=True, kw_only=True):
    """A tide, whole.

    Attributes:
        seconds: from beginning to end; None while it is open.
        steps: in the order they began in.
        open: what keeps it open.
    """

    seconds: float | None
    steps: tuple[Step, ...]
    open: tuple[Open, ...]


def list_tides(connection: Connection, *, is_open: bool | None = None, limit: int = 100) -> Sequence[TideLine]:
    """Tides, the newest first; only those that are open, or have ended, where that is said."""
    query = select(tide).order_by(tide.c.began_at.desc(), tide.c.id).limit(limit)
    if is_open is not None:
        query = query.where(tide.c.ended_at == "" if is_open else tide.c.ended_at != "")
    return [TideLine(**_head(connection, row)) for row in connection.execute(query).all()]


def tell_tide(connection: Connection, start: str) -> Story:
    """The story of a tide by its id, or how that begins.

    Raises:
        NotFoundError: none begins so, or several do.
    """
    row = _named(connection, start)
    began = row.began_ms
    steps = [step for part in (_events, _digests, _fixes) for step in part(connection, row.id, began)]
    order = [*dict.fromkeys((*list(_STEP_OF.values())[:2], _FOUND, _JUDGED, *_STEP_OF.values()))]
    rank = {name: number for number, name in enumerate(order)}
    return Story(
        **_head(connection, row),
        seconds=next((one.until for one in steps if one.name == "ended"), None) if row.ended_at else None,
        steps=tuple(sorted(steps, key=lambda one: (one.first_at, rank.get(one.name, len(rank))))),
        open=tuple(open_in(connection, row.id)),
    )


def _named(connection: Connection, start: str) -> Row[Any]:
    query = select(tide).where(tide.c.id >= start, tide.c.id < f"{start}g").order_by(tide.c.id).limit(2)
    rows = connection.execute(query).all() if start.isascii() and start.isalnum() else []
    exact = [row for row in rows if row.id == start]
    if len(exact or rows) != 1:
        several = "several tides begin so" if rows else "no such tide"
        raise NotFoundError(several, where=start[:64], remedy="see `tidegate tide list`")
    return (exact or rows)[0]


def _head(connection: Connection, row: Row[Any]) -> dict[str, Any]:
    here = tide_digest.c.tide == row.id
    query = select(tide_digest.c.state, func.count().label("images")).where(here).group_by(tide_digest.c.state)
    counts = {found.state: int(found.images) for found in connection.execute(query)}
    said = {name: getattr(row, name) for name in ("id", "cause", "subject", "why", "began_at", "ended_at")}
    shut = sum(counts.get(state, 0) for state in ("recalled", "rejected"))
    return {**said, "images": sum(counts.values()), "shut": shut}


def _events(connection: Connection, name: str, began: int) -> Iterator[Step]:
    table = schema.outbox
    query = (
        select(
            table.c.kind,
            func.count().label("number"),
            func.min(table.c.written_ms).label("first"),
            func.max(table.c.written_ms).label("last"),
        )
        .where(table.c.tide == name, IN_A_TIDE)
        .group_by(table.c.kind)
    )
    for row in connection.execute(query):
        if row.kind not in _QUIET:
            yield _step(_STEP_OF.get(EventKind(row.kind), row.kind), row.number, row.first, row.last, began)


def _digests(connection: Connection, name: str, began: int) -> Iterator[Step]:
    table = tide_digest
    for step, moment in ((_FOUND, table.c.found_ms), (_JUDGED, table.c.judged_ms)):
        yield from _spanned(connection, step, moment, (table.c.tide == name) & (moment > 0), began)


def _fixes(connection: Connection, name: str, began: int) -> Iterator[Step]:
    """When what is proposed was admitted: it came by itself, and nobody told it which tide it ends."""
    table = schema.outbox
    told = select(table.c.data).where(table.c.tide == name, IN_A_TIDE, table.c.kind == EventKind.UPDATE_PROPOSED.value)
    fixes = {
        str(from_json(data, dict[str, Any], what="proposal", max_bytes=_MAX_DATA_BYTES).get("to_digest", ""))
        for data in connection.scalars(told.order_by(table.c.offset.desc()).limit(_MAX_FIXES))
    }
    came = table.c.subject.in_(sorted(fixes)) & (table.c.kind == EventKind.IMAGE_ADMITTED.value)
    yield from _spanned(connection, _FIXED, table.c.written_ms, came & (table.c.written_ms >= began), began)


def _spanned(
    connection: Connection, name: str, moment: ColumnElement[int], where: ColumnElement[bool], began: int
) -> Iterator[Step]:
    count, first, last = connection.execute(select(func.count(), func.min(moment), func.max(moment)).where(where)).one()
    if count:
        yield _step(name, count, first, last, began)


def _step(name: str, count: int, first: int, last: int, began: int) -> Step:
    return Step(
        name=name,
        count=count,
        first_at=_moment(first),
        last_at=_moment(last),
        after=round((first - began) / 1000, 3),
        until=round((last - began) / 1000, 3),
    )


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
