# SPDX-License-Identifier: Apache-2.0
"""Encrypted copies that were asked for, as rows: how far each is, and which of its layers are encrypted already.

The same wish for the same keys is the same job: asked again while it is under way or done, nothing new begins. After a
failure it is tried anew, and goes on where it was.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Connection, delete, select, update

from tidegate.artifact import Descriptor, Digest, Repository, Tag
from tidegate.clock import rfc3339
from tidegate.errors import NotFoundError
from tidegate.storage.encryption_schema import encrypted_layer, encryption_job
from tidegate.storage.insert import insert_once
from tidegate.storage.lock_order import Rank, taking
from tidegate.values import Struct
from tidegate.wire import from_json, to_json

_MAX_BYTES: Final = 1 << 20
_MAX_PROBLEM_CHARS: Final = 2000


class JobState(StrEnum):
    """How far a copy is."""

    ASKED = "asked"
    DONE = "done"
    FAILED = "failed"


class Order(Struct, frozen=True, kw_only=True):
    """What is wanted, and by whom, as they were when they asked."""

    plain: Digest
    source: Repository
    target: Repository
    tag: Tag | None
    consumers: tuple[str, ...]
    who: str
    groups: tuple[str, ...] = ()
    address: str = ""
    is_anonymous: bool = False


class NotWrapped(Struct, frozen=True, kw_only=True):
    """An image whose keys are not in the copy for a consumer: they are released when that is so no more.

    Attributes:
        image: the plain one.
        why: in one line.
    """

    consumer: str
    image: Digest
    why: str


class CopyJob(Struct, frozen=True, kw_only=True):
    """One copy on its way.

    Attributes:
        id: the same for the same wish.
        problem: why it failed; "" otherwise.
        encrypted: the copy; "" before it is done.
        withheld: for whom keys were not wrapped.
        done_bytes, total_bytes: of plain layers; 0 of 0 before it began.
    """

    id: str
    attempt: int
    state: JobState
    problem: str
    plain: Digest
    encrypted: str
    source: str
    target: str
    consumers: tuple[str, ...]
    who: str
    withheld: tuple[NotWrapped, ...]
    done_bytes: int
    total_bytes: int
    asked_at: str
    done_at: str


def job_number(order: Order, kids: Sequence[str]) -> str:
    """The number of a job: of what is copied whereto, and for which keys."""
    return sha256(to_json([order.plain, order.target, order.tag, order.who, sorted(kids)])).hexdigest()[:32]


def ask_for(connection: Connection, number: str, order: Order, *, at: datetime) -> CopyJob:
    """Puts a job on record, or under way again when it failed, in the caller's transaction."""
    asked = {"state": JobState.ASKED, "problem": "", "wanted": to_json(order).decode(), "asked_at": rfc3339(at)}
    new = {"id": number, "attempt": 1, "plain": order.plain, "encrypted": "", "withheld": "[]", "done_at": ""}
    taking(connection, Rank.WORK, [f"copy {number}"])
    if not insert_once(connection, encryption_job, **new, **asked, done_bytes=0, total_bytes=0):
        known = find_job(connection, number, is_held=True)
        if known.state is JobState.FAILED:
            change_job(connection, number, **asked, attempt=known.attempt + 1)
    return find_job(connection, number)


def renew(connection: Connection, number: str, *, at: datetime) -> CopyJob:
    """Puts a job that was done under way again: what it made is there no more."""
    known = find_job(connection, number, is_held=True)
    if known.state is JobState.DONE:
        again = {"state": JobState.ASKED, "encrypted": "", "done_at": "", "asked_at": rfc3339(at), "done_bytes": 0}
        change_job(connection, number, **again, attempt=known.attempt + 1)
    return find_job(connection, number)


def find_job(connection: Connection, number: str, *, is_held: bool = False) -> CopyJob:
    """One job; with `is_held` nobody else changes it until the caller's transaction ends.

    Raises:
        NotFoundError: there is none.
    """
    query = select(encryption_job).where(encryption_job.c.id == number)
    if is_held:
        taking(connection, Rank.WORK, [f"copy {number}"])
    row = connection.execute(query.with_for_update() if is_held else query).mappings().first()
    if row is None:
        raise NotFoundError("no such copy was asked for", where=number[:80])
    return _job(row)


def order_of(connection: Connection, number: str) -> Order:
    """What was wanted.

    Raises:
        NotFoundError: there is no such job.
    """
    text = connection.scalar(select(encryption_job.c.wanted).where(encryption_job.c.id == number))
    if text is None:
        raise NotFoundError("no such copy was asked for", where=number[:80])
    return from_json(str(text).encode(), Order, what=f"order {number}", max_bytes=_MAX_BYTES)


def list_jobs(connection: Connection, *, state: JobState | None = None, limit: int = 100) -> Sequence[CopyJob]:
    """Jobs, the newest first."""
    query = select(encryption_job).order_by(encryption_job.c.asked_at.desc(), encryption_job.c.id).limit(limit)
    if state is not None:
        query = query.where(encryption_job.c.state == state)
    return [_job(row) for row in connection.execute(query).mappings()]


def change_job(connection: Connection, number: str, **values: Any) -> None:
    """Changes a job, in the caller's transaction."""
    if "problem" in values:
        values["problem"] = str(values["problem"])[:_MAX_PROBLEM_CHARS]
    taking(connection, Rank.WORK, [f"copy {number}"])
    connection.execute(update(encryption_job).where(encryption_job.c.id == number).values(**values))


def end_job(
    connection: Connection, number: str, encrypted: Digest, withheld: Sequence[NotWrapped], *, at: datetime
) -> None:
    """Puts on record that a copy is there, in the transaction in which it is; its layers are remembered no longer."""
    told = {"encrypted": encrypted, "withheld": to_json(withheld).decode(), "done_at": rfc3339(at)}
    done = {"done_bytes": encryption_job.c.total_bytes}
    change_job(connection, number, state=JobState.DONE, problem="", **told, **done)
    connection.execute(delete(encrypted_layer).where(encrypted_layer.c.job == number))


def find_layer(connection: Connection, number: str, layer: Descriptor) -> Descriptor | None:
    """What became of a layer of a job; None when it is not encrypted yet."""
    here = (encrypted_layer.c.job == number) & (encrypted_layer.c.layer == _key(layer))
    text = connection.scalar(select(encrypted_layer.c.made).where(here))
    return None if text is None else from_json(str(text).encode(), Descriptor, what="layer", max_bytes=_MAX_BYTES)


def keep_layer(connection: Connection, number: str, layer: Descriptor, made: Descriptor) -> None:
    """Remembers what became of a layer, in the caller's transaction; who remembered first is right."""
    insert_once(connection, encrypted_layer, job=number, layer=_key(layer), made=to_json(made).decode())


def forget_layer(connection: Connection, number: str, layer: Descriptor) -> None:
    """Forgets what became of a layer: it is there no more."""
    here = (encrypted_layer.c.job == number) & (encrypted_layer.c.layer == _key(layer))
    connection.execute(delete(encrypted_layer).where(here))


def _key(layer: Descriptor) -> str:
    return sha256(to_json([layer.digest, layer.media_type, layer.annotations])).hexdigest()


def _job(row: Any) -> CopyJob:
    order = from_json(row["wanted"].encode(), Order, what=row["id"], max_bytes=_MAX_BYTES)
    withheld = from_json(row["withheld"].encode(), tuple[NotWrapped, ...], what=row["id"], max_bytes=_MAX_BYTES)
    plain_names = ("id", "attempt", "problem", "encrypted", "done_bytes", "total_bytes", "asked_at", "done_at")
    return CopyJob(
        **{name: row[name] for name in plain_names},
        state=JobState(row["state"]),
        plain=order.plain,
        source=f"{order.source}@{order.plain}",
        target=f"{order.target}:{order.tag}" if order.tag else str(order.target),
        consumers=order.consumers,
        who=order.who,
        withheld=withheld,
    )
