# SPDX-License-Identifier: Apache-2.0
"""What is on record of tides: that one began, which digests it touches, how their decisions were remade."""

from collections.abc import Collection, Iterable
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final

from sqlalchemy import Connection, insert, select, update

from tidegate.clock import now_ms, rfc3339
from tidegate.storage.carried import carried
from tidegate.storage.insert import insert_once
from tidegate.storage.schema import outbox
from tidegate.storage.tide_schema import tide, tide_digest

_ID_CHARS: Final = 20
_MAX_WHY_CHARS: Final = 1000


class Cause(StrEnum):
    """What begins a tide."""

    KNOWLEDGE = "knowledge"
    RECALL = "recall"
    KEY = "key"


def tide_named(cause: Cause, *parts: str) -> str:
    """The id of the tide of one change: the same change always has the same."""
    return sha256("\0".join((cause, *parts)).encode()).hexdigest()[:_ID_CHARS]


def begin_tide(
    connection: Connection,
    name: str,
    cause: Cause,
    *,
    subject: str,
    event: str,
    why: str,
    at: datetime,
    digests: Collection[str] = (),
) -> bool:
    """Puts a tide on record with what it touches, in the transaction of what causes it.

    Returns:
        False when it is on record already: another replica, or the same again after a kill.
    """
    new = insert_once(
        connection,
        tide,
        id=name,
        cause=cause.value,
        subject=subject,
        event=event,
        why=why[:_MAX_WHY_CHARS],
        began_at=rfc3339(at),
        began_ms=now_ms(),
        ended_at="",
    )
    if new and digests:
        rows = [_row(name, digest, rfc3339(at)) for digest in sorted(set(digests))]
        connection.execute(insert(tide_digest), rows)
    return new


def touch(connection: Connection, name: str, digests: Iterable[str], *, at: datetime) -> None:
    """Adds digests whose decisions are to be remade in a tide; those that are in it stay as they are."""
    for digest in sorted(set(digests)):
        insert_once(connection, tide_digest, **_row(name, digest, rfc3339(at)))


def note_judged(connection: Connection, digest: str, state: str, *, at: datetime) -> None:
    """Records what became of a digest in the tide that is carried, in the transaction of its decision."""
    name, moment = carried(), rfc3339(at)
    if not name:
        return
    insert_once(connection, tide_digest, **_row(name, digest, moment))
    here = (tide_digest.c.tide == name) & (tide_digest.c.digest == digest)
    connection.execute(update(tide_digest).where(here).values(judged_at=moment, judged_ms=now_ms(), state=state))


def to_judge(connection: Connection, name: str) -> list[str]:
    """Digests of a tide whose decisions were not remade yet, sorted."""
    here = (tide_digest.c.tide == name) & (tide_digest.c.judged_at == "")
    return list(connection.scalars(select(tide_digest.c.digest).where(here).order_by(tide_digest.c.digest)))


def tide_of(connection: Connection, digest: str) -> str:
    """The tide carried; else the newest that touches a digest, one that is open before one that ended; "" for none."""
    if (name := carried()) or not digest:
        return name
    query = (
        select(tide.c.id)
        .join(tide_digest, tide_digest.c.tide == tide.c.id)
        .where(tide_digest.c.digest == digest)
        .order_by((tide.c.ended_at == "").desc(), tide.c.began_at.desc(), tide.c.id)
        .limit(1)
    )
    return str(connection.scalar(query) or "")


def tide_of_any(connection: Connection, digests: Iterable[str]) -> str:
    """The tide of the first of some digests that has one; "" for none."""
    return next((name for one in sorted(set(digests)) if (name := tide_of(connection, one))), "")


def tide_of_event(connection: Connection, event: str) -> str:
    """The tide carried; else the one that an event was told in; "" for none."""
    return carried() or str(connection.scalar(select(outbox.c.tide).where(outbox.c.id == event)) or "")


def _row(name: str, digest: str, found_at: str) -> dict[str, str | int]:
    made = now_ms()
    return {
        "tide": name,
        "digest": digest,
        "found_at": found_at,
        "found_ms": made,
        "judged_at": "",
        "judged_ms": 0,
        "state": "",
    }
