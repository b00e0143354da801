# SPDX-License-Identifier: Apache-2.0
"""Messages that are to be sent: written down with what they say, so that each try sends the same under the same id.

Of one thread none overtakes another. What quiet hours held is sent as one message at their end.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Connection, delete, exists, func, select, update

from tidegate.clock import rfc3339
from tidegate.curation.feedback.channel import Channel
from tidegate.curation.feedback.notice import Notice, Severity, Turn
from tidegate.errors import NotFoundError
from tidegate.storage.feedback_schema import feedback_message as table
from tidegate.storage.insert import insert_once
from tidegate.values import Struct
from tidegate.wire import from_json, to_json

RETRY_SECONDS: Final = (5.0, 30.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 36_000.0)
"""Pauses between tries; after the last one it is given up."""
MAX_IN_ONE: Final = 50
"""Notices in the message that follows quiet hours; more go in a second one."""
_HOUR: Final = 3600.0
_KEPT: Final = timedelta(days=90)
_MAX_DOCUMENT_BYTES: Final = 8 << 20
_MAX_PROBLEM_CHARS: Final = 500
_WAITS: Final = table.c.state == "waiting"


class Message(Struct, frozen=True, kw_only=True):
    """One of them, as it is shown.

    Attributes:
        held: quiet hours keep it, or kept it.
        next_at: when it is tried, in seconds since 1970.
    """

    id: str
    case: str
    channel: str
    recipient: str
    turn: Turn
    severity: Severity
    state: str
    held: bool
    attempts: int
    next_at: float
    problem: str
    made_at: str
    ended_at: str


def write(connection: Connection, notice: Notice, channel: Channel, recipient: str, *, at: datetime) -> bool:
    """Writes a message down; again for the same revision is harmless. Returns whether it is new."""
    urgent = notice.severity.rank >= channel.passes.rank
    until = None if urgent or channel.quiet is None else channel.quiet.end_of(at)
    if until is None:
        # What the same thread has said so far goes before it, quiet or not.
        of_thread = (table.c.case_id == notice.case) & (table.c.channel == channel.name) & _WAITS & (table.c.held == 1)
        connection.execute(update(table).where(of_thread).values(held=0, next_at=at.timestamp()))
    unique = f"{notice.case}\0{notice.revision}\0{channel.name}\0{recipient}"
    return insert_once(
        connection,
        table,
        id=sha256(unique.encode()).hexdigest()[:40],
        **_fresh(connection, channel.name, recipient, at),
        case_id=notice.case,
        turn=notice.turn.value,
        severity=notice.severity.value,
        held=int(until is not None),
        next_at=(until or at).timestamp(),
        document=to_json((notice,)).decode(),
    )


def channels_that_wait(connection: Connection, *, at: datetime) -> list[str]:
    """Channels that something is due for."""
    query = select(table.c.channel).where(_WAITS, table.c.next_at <= at.timestamp()).distinct()
    return list(connection.scalars(query.order_by(table.c.channel)))


def next_of(connection: Connection, channel: Channel, *, at: datetime) -> Mapping[str, Any] | None:
    """The message that a channel may send now; None when there is none, or it said enough for this hour."""
    now = at.timestamp()
    if channel.per_hour:
        said = select(func.count()).select_from(table).where(table.c.channel == channel.name)
        if (
            connection.scalar(said.where(table.c.state == "done", table.c.ended > now - _HOUR)) or 0
        ) >= channel.per_hour:
            return None
    earlier = table.alias("earlier")
    in_the_way = exists().where(
        earlier.c.channel == table.c.channel,
        earlier.c.state == "waiting",
        earlier.c.number < table.c.number,
        (earlier.c.case_id == table.c.case_id)
        | ((earlier.c.turn == Turn.DIGEST.value) & (earlier.c.recipient == table.c.recipient)),
    )
    query = select(table).where(table.c.channel == channel.name, _WAITS, table.c.next_at <= now, ~in_the_way)
    row = connection.execute(query.order_by(table.c.next_at, table.c.number).limit(1)).mappings().first()
    return dict(row) if row else None


def gather_held(connection: Connection, channel: Channel, *, at: datetime) -> int:
    """Makes one message of those to a recipient that were held until now; returns how many were gathered."""
    held = select(table).where(
        table.c.channel == channel.name,
        _WAITS,
        table.c.held == 1,
        table.c.attempts == 0,
        table.c.next_at <= at.timestamp(),
    )
    rows = [dict(row) for row in connection.execute(held.order_by(table.c.number)).mappings()]
    number = 0
    for recipient in dict.fromkeys(row["recipient"] for row in rows):
        theirs = [row for row in rows if row["recipient"] == recipient][:MAX_IN_ONE]
        if len(theirs) > 1:
            _gather(connection, channel, recipient, theirs, at)
            number += len(theirs)
    return number


def _gather(
    connection: Connection, channel: Channel, recipient: str, rows: Sequence[Mapping[str, Any]], at: datetime
) -> None:
    names = [row["id"] for row in rows]
    # Of each thread what holds now: what was said on the way there is in it.
    latest = {notice.case: notice for row in rows for notice in notices_in(row)}
    new = sha256("\0".join(names).encode()).hexdigest()[:40]
    insert_once(
        connection,
        table,
        id=new,
        **_fresh(connection, channel.name, recipient, at),
        case_id="",
        turn=Turn.DIGEST.value,
        severity=max((Severity(row["severity"]) for row in rows), key=lambda one: one.rank).value,
        held=0,
        next_at=at.timestamp(),
        document=to_json(tuple(latest.values())).decode(),
    )
    merged = {"state": "merged", "problem": f"sent with others as {new}", "ended_at": rfc3339(at)}
    connection.execute(update(table).where(table.c.id.in_(names), _WAITS).values(merged))


def notices_in(row: Mapping[str, Any]) -> tuple[Notice, ...]:
    """What a message says."""
    return from_json(
        row["document"].encode(), tuple[Notice, ...], what=f"message {row['id']}", max_bytes=_MAX_DOCUMENT_BYTES
    )


def ended(connection: Connection, row: Mapping[str, Any], state: str, problem: str, *, at: datetime) -> None:
    """Records that a message was taken (`done`), or given up (`dead`)."""
    values = {"state": state, "problem": problem[:_MAX_PROBLEM_CHARS], "ended_at": rfc3339(at)}
    connection.execute(_this(row).values(**values, attempts=row["attempts"] + 1, ended=at.timestamp()))


def again(connection: Connection, row: Mapping[str, Any], problem: str, *, at: datetime) -> bool:
    """Records that a try failed; False when it was the last one, and the message is given up."""
    if row["attempts"] >= len(RETRY_SECONDS):
        ended(connection, row, "dead", problem, at=at)
        return False
    values = {"attempts": row["attempts"] + 1, "next_at": at.timestamp() + RETRY_SECONDS[row["attempts"]]}
    connection.execute(_this(row).values(**values, problem=problem[:_MAX_PROBLEM_CHARS]))
    return True


def retry(connection: Connection, name: str, *, at: datetime) -> Message:
    """Has a message that was given up, or waits, tried now.

    Raises:
        NotFoundError: there is none that could be.
    """
    here = (table.c.id == name) & table.c.state.in_(("dead", "waiting"))
    fresh = {"state": "waiting", "attempts": 0, "next_at": at.timestamp(), "held": 0, "problem": "", "ended_at": ""}
    if not connection.execute(update(table).where(here).values(fresh)).rowcount:
        raise NotFoundError("no such message that could be sent again", where=name[:80])
    return _message(connection.execute(select(table).where(table.c.id == name)).mappings().one())


def list_messages(connection: Connection, *, case: str = "", state: str = "", limit: int = 100) -> list[Message]:
    """Messages, the newest first."""
    query = select(table).order_by(table.c.number.desc()).limit(limit)
    if case:
        query = query.where(table.c.case_id == case)
    if state:
        query = query.where(table.c.state == state)
    return [_message(row) for row in connection.execute(query).mappings()]


def count_messages(connection: Connection) -> dict[str, int]:
    """How many there are in each state; none where there are none."""
    query = select(table.c.state, func.count().label("number")).group_by(table.c.state)
    return {row.state: row.number for row in connection.execute(query)}


def forget_old(connection: Connection, *, at: datetime) -> None:
    """Removes what ended long ago."""
    old = (table.c.state != "waiting") & (table.c.ended_at < rfc3339(at - _KEPT))
    connection.execute(delete(table).where(old))


def _fresh(connection: Connection, channel: str, recipient: str, at: datetime) -> dict[str, Any]:
    last = connection.scalar(select(func.max(table.c.number)).where(table.c.channel == channel)) or 0
    return {
        "number": last + 1,
        "channel": channel,
        "recipient": recipient,
        "state": "waiting",
        "attempts": 0,
        "problem": "",
        "made_at": rfc3339(at),
        "ended_at": "",
        "ended": 0.0,
    }


def _this(row: Mapping[str, Any]) -> Any:
    """The message as it was when it was begun: of what another replica did meanwhile nothing is undone."""
    return update(table).where(table.c.id == row["id"], _WAITS, table.c.attempts == row["attempts"])


def _message(row: Mapping[str, Any] | Any) -> Message:
    return Message(
        id=row["id"],
        case=row["case_id"],
        channel=row["channel"],
        recipient=row["recipient"],
        turn=Turn(row["turn"]),
        severity=Severity(row["severity"]),
        state=row["state"],
        held=bool(row["held"]),
        attempts=row["attempts"],
        next_at=row["next_at"],
        problem=row["problem"],
        made_at=row["made_at"],
        ended_at=row["ended_at"],
    )
