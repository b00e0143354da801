# SPDX-License-Identifier: Apache-2.0
"""Upkeep that somebody asks a server for: an order on record, done as durable work, which tells how far it is.

It may take hours. Whoever asked looks at the record; a server that is killed goes on with it at its next start, or
another replica does, since what upkeep did is done and is not done again.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from threading import Event as Flag
from threading import Thread
from types import TracebackType
from typing import Any, Final, Self
from uuid import uuid4

from sqlalchemy import Connection, delete, insert, select, update

from tidegate.bounds import MIB
from tidegate.clock import Clock, parse_rfc3339, rfc3339
from tidegate.errors import NotFoundError, TidegateError
from tidegate.storage.database import Database
from tidegate.storage.durable import Steps
from tidegate.storage.keeping_schema import upkeep_order
from tidegate.values import Struct
from tidegate.wire import from_json, to_json

UPKEEP: Final = "upkeep"
"""The name of this work."""

MAX_ORDERS: Final = 200
"""On record; of more, the newest."""
_MAX_TOLD_BYTES: Final = 64 * MIB
_BEAT_SECONDS: Final = 1.0


class OrderKind(StrEnum):
    """What is asked for."""

    GC = "gc"
    RETENTION = "retention"
    PLAN = "plan"  # of retention
    SCRUB = "scrub"


class OrderState(StrEnum):
    """How far it is."""

    ASKED = "asked"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Order(Struct, frozen=True, kw_only=True):
    """One order.

    Attributes:
        argument: what the kind asks for.
        progress: how far it is, in words.
        beat_at: when it was last heard of.
        told: what was done; None until it is.
        problem: what went wrong.
    """

    id: str
    kind: OrderKind
    argument: str
    who: str
    state: OrderState
    asked_at: datetime
    beat_at: datetime
    progress: str = ""
    told: dict[str, Any] | None = None
    problem: str = ""

    @property
    def has_ended(self) -> bool:
        """True when nothing more comes of it."""
        return self.state in {OrderState.DONE, OrderState.FAILED}


Tell = Callable[[str], None]
Act = Callable[[Order, Tell], object]
"""Does what an order asks for, tells how far it is, and returns what was done."""


def order(connection: Connection, kind: OrderKind, *, argument: str = "", who: str, at: datetime) -> Order:
    """Puts an order on record; the oldest beyond `MAX_ORDERS` go."""
    number, now = uuid4().hex, rfc3339(at)
    row = {"id": number, "kind": kind.value, "argument": argument, "who": who, "state": OrderState.ASKED.value}
    connection.execute(insert(upkeep_order).values(**row, asked_at=now, beat_at=now, progress="", told=b"", problem=""))
    newest = select(upkeep_order.c.asked_at).order_by(upkeep_order.c.asked_at.desc())
    oldest_kept = connection.scalar(newest.offset(MAX_ORDERS - 1).limit(1))
    if oldest_kept is not None:
        ended = upkeep_order.c.state.in_([OrderState.DONE.value, OrderState.FAILED.value])
        connection.execute(delete(upkeep_order).where(upkeep_order.c.asked_at < oldest_kept, ended))
    return find(connection, number)


def find(connection: Connection, number: str) -> Order:
    """One order.

    Raises:
        NotFoundError: there is none of this number.
    """
    row = connection.execute(select(upkeep_order).where(upkeep_order.c.id == number)).mappings().first()
    if row is None:
        raise NotFoundError("no such order of upkeep", where=number[:64])
    return _order(row)


def unfinished(connection: Connection) -> list[str]:
    """Numbers of what was asked for and has not ended."""
    going = upkeep_order.c.state.in_([OrderState.ASKED.value, OrderState.RUNNING.value])
    return list(connection.scalars(select(upkeep_order.c.id).where(going).order_by(upkeep_order.c.asked_at)))


class Orders:
    """Does what was ordered.

    Args:
        database: of the record.
        acts: by kind.
        clock: now.
    """

    def __init__(self, database: Database, acts: Mapping[OrderKind, Act], clock: Clock) -> None:
        self._database = database
        self._acts = acts
        self._clock = clock

    def work(self, steps: Steps, argument: str) -> str:
        """An order as durable work; the argument is its number."""
        return steps.run(UPKEEP, self.carry_out, argument)

    def carry_out(self, number: str) -> str:
        """Does one that has not ended, and says what became of it."""
        try:
            with self._database.read() as connection:
                asked = find(connection, number)
        except NotFoundError:
            return "gone"
        if asked.has_ended:
            return asked.state
        try:
            with _Beat(self._database, number, self._clock) as beat:
                told = to_json(self._acts[asked.kind](asked, beat.tell))
        except TidegateError as error:
            return self._end(number, OrderState.FAILED, problem=str(error)[:2000])
        return self._end(number, OrderState.DONE, told=told)

    def _end(self, number: str, state: OrderState, **values: object) -> str:
        with self._database.begin() as connection:
            _write(connection, number, state=state.value, beat_at=rfc3339(self._clock()), **values)
        self._database.commits.notify()
        return state.value


class _Beat:
    """Writes how far an order is, and that it is worked on, once a second."""

    def __init__(self, database: Database, number: str, clock: Clock) -> None:
        self._database = database
        self._number = number
        self._clock = clock
        self._progress = ""
        self._over = Flag()
        self._thread = Thread(target=self._run, name="upkeep order", daemon=True)

    def __enter__(self) -> Self:
        self._write()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def tell(self, progress: str) -> None:
        self._progress = progress

    def _run(self) -> None:
        while not self._over.wait(_BEAT_SECONDS):
            try:
                self._write()
            except TidegateError:
                continue  # the act itself finds out what is wrong with the database

    def _write(self) -> None:
        now = rfc3339(self._clock())
        values = {"state": OrderState.RUNNING.value, "beat_at": now, "progress": self._progress[:200]}
        with self._database.begin() as connection:
            _write(connection, self._number, **values)


def _write(connection: Connection, number: str, **values: object) -> None:
    connection.execute(update(upkeep_order).where(upkeep_order.c.id == number).values(**values))


def _order(row: Mapping[Any, Any]) -> Order:
    told = row["told"]
    return Order(
        id=row["id"],
        kind=OrderKind(row["kind"]),
        argument=row["argument"],
        who=row["who"],
        state=OrderState(row["state"]),
        asked_at=parse_rfc3339(row["asked_at"]),
        beat_at=parse_rfc3339(row["beat_at"]),
        progress=row["progress"],
        told=from_json(told, dict[str, Any], what="order of upkeep", max_bytes=_MAX_TOLD_BYTES) if told else None,
        problem=row["problem"],
    )
