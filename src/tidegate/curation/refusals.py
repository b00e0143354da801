# SPDX-License-Identifier: Apache-2.0
"""Who was refused an image, or would have been: one row for each consumer, repository, digest and state.

The first time is an event too. In observe mode nothing is withheld, and these rows are what enforcing would change.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, delete, func, select, tuple_, update

from tidegate.artifact import Repository
from tidegate.clock import rfc3339
from tidegate.curation.consumer import Consumer
from tidegate.curation.withheld import WithheldError
from tidegate.events import Event, EventKind
from tidegate.storage.insert import insert_once
from tidegate.storage.outbox import publish
from tidegate.storage.tides import tide_of
from tidegate.storage.vending_schema import refusal
from tidegate.values import Struct

MAX_REFUSALS: Final = 100_000
"""Rows kept; past that the oldest go, a tenth at a time."""
_MAX_NAME_CHARS: Final = 255


class Refusal(Struct, frozen=True, kw_only=True):
    """Pulls of one thing by one consumer that were refused, or would have been.

    Attributes:
        enforced: False when the image was served nevertheless.
        pulls: how many.
    """

    repository: str
    digest: str
    consumer: str
    state: str
    enforced: bool
    reason: str
    remedy: str
    pulls: int
    first_at: str
    last_at: str


def note_refusal(
    connection: Connection,
    repository: Repository,
    withheld: WithheldError,
    consumer: Consumer,
    *,
    enforced: bool,
    at: datetime,
) -> bool:
    """Counts a pull that was refused, in the caller's transaction; the first of its kind is told as an event.

    Returns:
        True for the first.
    """
    name, moment = consumer.name[:_MAX_NAME_CHARS], rfc3339(at)
    key = {"repository": repository, "digest": withheld.digest, "consumer": name, "state": withheld.state.value}
    told = {"reason": withheld.reason, "remedy": withheld.remedy}
    row = {**key, "enforced": int(enforced), **told, "pulls": 1, "first_at": moment, "last_at": moment}
    if not insert_once(connection, refusal, **row):
        again = {**told, "pulls": refusal.c.pulls + 1, "last_at": moment}
        connection.execute(update(refusal).where(*_same({**key, "enforced": int(enforced)})).values(again))
        return False
    _forget_the_oldest(connection)
    data = {**key, **told, "enforced": enforced, "address": consumer.address}
    event = Event(
        id=uuid4().hex,
        kind=EventKind.IMAGE_REFUSED,
        subject=withheld.digest,
        time=at,
        data=data,
        tide=tide_of(connection, withheld.digest),
    )
    publish(connection, event)
    return True


def list_refusals(
    connection: Connection,
    *,
    repository: str = "",
    consumer: str = "",
    enforced: bool | None = None,
    skip: int = 0,
    limit: int = 100,
) -> Sequence[Refusal]:
    """Refusals, the newest first.

    Args:
        connection: for reading.
        repository: only of this one; "" for all.
        consumer: only of this one; "" for all.
        enforced: only those that were refused (True), or only those that would have been (False).
        skip: pass over so many.
        limit: at most so many.
    """
    query = select(refusal).order_by(refusal.c.last_at.desc(), *refusal.primary_key).offset(skip).limit(limit)
    if repository:
        query = query.where(refusal.c.repository == repository)
    if consumer:
        query = query.where(refusal.c.consumer == consumer)
    if enforced is not None:
        query = query.where(refusal.c.enforced == int(enforced))
    rows = connection.execute(query).mappings()
    return [Refusal(**{**row, "enforced": bool(row["enforced"])}) for row in rows]


def _same(key: dict[str, Any]) -> list[ColumnElement[bool]]:
    return [refusal.c[name] == value for name, value in key.items()]


def _forget_the_oldest(connection: Connection) -> None:
    if (connection.scalar(select(func.count()).select_from(refusal)) or 0) <= MAX_REFUSALS:
        return
    key = list(refusal.primary_key)
    oldest = select(*key).order_by(refusal.c.last_at, *key).limit(MAX_REFUSALS // 10)
    connection.execute(delete(refusal).where(tuple_(*key).in_(oldest)))
