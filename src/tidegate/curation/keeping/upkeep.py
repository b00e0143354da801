# SPDX-License-Identifier: Apache-2.0
"""Upkeep by time: each kind of work has its turn, taken by one of all replicas, and what it did is on record."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from threading import Event as Flag
from threading import Thread
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update

from tidegate.clock import Clock, parse_rfc3339, rfc3339
from tidegate.storage.carry_on import carrying_on
from tidegate.storage.database import Database
from tidegate.storage.insert import insert_once
from tidegate.storage.keeping_schema import upkeep_run, upkeep_turn
from tidegate.values import Struct
from tidegate.wire import from_json, to_json

_log = logging.getLogger(__name__)
MAX_RUNS: Final = 1000
"""Runs of one kind on record; of more, the newest."""
_LOOK_EVERY_SECONDS: Final = 5.0
_MAX_TOLD_BYTES: Final = 1 << 24


class Run(Struct, frozen=True, kw_only=True):
    """One run of upkeep that did something, or that somebody asked for."""

    kind: str
    began_at: datetime
    ended_at: datetime
    who: str
    told: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One kind of upkeep.

    Attributes:
        every: between two turns.
        run: returns what was done, or None when there was nothing to tell.
    """

    kind: str
    every: timedelta
    run: Callable[[], object | None]


def take_turn(connection: Connection, kind: str, *, every: timedelta, at: datetime) -> bool:
    """True when it is time for a kind of upkeep, and nobody else has taken the turn."""
    if insert_once(connection, upkeep_turn, kind=kind, taken_at=rfc3339(at)):
        return True
    due = (upkeep_turn.c.kind == kind) & (upkeep_turn.c.taken_at <= rfc3339(at - every))
    return connection.execute(update(upkeep_turn).where(due).values(taken_at=rfc3339(at))).rowcount == 1


def record_run(
    connection: Connection, kind: str, told: object, *, who: str, began_at: datetime, ended_at: datetime
) -> None:
    """Puts a run on record; the oldest beyond `MAX_RUNS` go."""
    row = {"kind": kind, "began_at": rfc3339(began_at), "ended_at": rfc3339(ended_at), "who": who}
    connection.execute(insert(upkeep_run).values(**row, told=to_json(told)))
    newest = select(upkeep_run.c.id).where(upkeep_run.c.kind == kind).order_by(upkeep_run.c.id.desc())
    oldest_kept = connection.scalar(newest.offset(MAX_RUNS - 1).limit(1))
    if oldest_kept is not None:
        connection.execute(delete(upkeep_run).where(upkeep_run.c.kind == kind, upkeep_run.c.id < oldest_kept))


def list_runs(connection: Connection, kind: str, *, limit: int) -> Sequence[Run]:
    """Runs of a kind, the newest first."""
    query = select(upkeep_run).where(upkeep_run.c.kind == kind).order_by(upkeep_run.c.id.desc()).limit(limit)
    return [
        Run(
            kind=row.kind,
            began_at=parse_rfc3339(row.began_at),
            ended_at=parse_rfc3339(row.ended_at),
            who=row.who,
            told=from_json(row.told, dict[str, Any], what="run of upkeep", max_bytes=_MAX_TOLD_BYTES),
        )
        for row in connection.execute(query)
    ]


class UpkeepThread:
    """Gives every task its turn until it is stopped.

    Args:
        database: whose turns are taken.
        tasks: those without a time between turns have none.
        clock: now.
        flush: called every few seconds and at the end, in every replica.
    """

    def __init__(
        self, database: Database, tasks: Sequence[Task], clock: Clock, *, flush: Callable[[], object] | None = None
    ) -> None:
        self._database = database
        self._tasks = tuple(task for task in tasks if task.every)
        self._clock = clock
        self._flush = flush
        self._stopping = Flag()
        self._thread = Thread(target=self._run, name="upkeep", daemon=True)

    def start(self) -> None:
        """Starts."""
        self._thread.start()

    def stop(self) -> None:
        """Ends after the task in hand."""
        self._stopping.set()
        self._thread.join()
        if self._flush is not None:
            self._safely("flush", self._flush)

    def _run(self) -> None:
        while not self._stopping.is_set():
            if self._flush is not None:
                self._safely("flush", self._flush)
            for task in self._tasks:
                self._safely(task.kind, partial(self._take, task))
            self._stopping.wait(_LOOK_EVERY_SECONDS)

    def _safely(self, kind: str, call: Callable[[], object]) -> None:
        with carrying_on(_log, kind):
            call()

    def _take(self, task: Task) -> None:
        began_at = self._clock()
        with self._database.begin() as connection:
            if not take_turn(connection, task.kind, every=task.every, at=began_at):
                return
        told = task.run()
        if told is not None:
            who, ended_at = f"tidegate/{task.kind}", self._clock()
            with self._database.begin() as connection:
                record_run(connection, task.kind, told, who=who, began_at=began_at, ended_at=ended_at)
