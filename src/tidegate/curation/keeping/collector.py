# SPDX-License-Identifier: Apache-2.0
"""Garbage collection while everybody goes on: blobs no manifest needs, uploads nobody finishes.

Two steps for each blob, each a transaction that has the lock of its digest; a kill between or within them leaves the
step on the work list, and it is done again (docs/decisions/0013).

1. The rows go, and the removal of the bytes is asked for. Not when a manifest of the repository needs the blob, looked
   at after its rows are locked: a manifest that comes at the same moment either locked them first, and is seen, or
   finds them gone and is refused before anything of it is stored.
2. The bytes go, then the request. Not when a row came back: whoever stores the same bytes holds the same lock from
   before it looks whether they are there until its row is committed.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import uuid4

from sqlalchemy import func, select

from tidegate.clock import Clock, rfc3339
from tidegate.curation.keeping import unneeded
from tidegate.curation.shelf_blobs import Look, ShelfBlobs
from tidegate.events import Event, EventKind
from tidegate.storage.database import Database
from tidegate.storage.keeping_schema import gc_look, gc_removal
from tidegate.storage.outbox import publish
from tidegate.values import Struct, replace

_log = logging.getLogger(__name__)
WHO: Final = "tidegate/gc"
_BATCH: Final = 500


class Collected(Struct, frozen=True, kw_only=True):
    """What one collection did.

    Attributes:
        looked: blobs on the work list that were due.
        needed: of those, how many a manifest needs.
        let_go: how many their repository no longer holds.
        put_off: how many somebody was using; looked at again in a minute.
        removed: blobs whose bytes went.
        freed_bytes: how many those were.
        uploads: unfinished ones that were dropped.
    """

    looked: int = 0
    needed: int = 0
    let_go: int = 0
    put_off: int = 0
    removed: int = 0
    freed_bytes: int = 0
    uploads: int = 0


class Waiting(Struct, frozen=True, kw_only=True):
    """What is on the work list.

    Attributes:
        due: blobs whose grace is over, to be looked at.
        removals: blobs whose bytes are to go.
    """

    due: int
    removals: int


class Phase(StrEnum):
    """Where a collection is."""

    UPLOADS = "uploads"
    LOOKING = "looking"
    REMOVING = "removing"


Progress = Callable[[Phase, int, int], None]
"""Told the phase, how many are done and how many there were to do in it."""


def _silent(_phase: Phase, _done: int, _total: int) -> None:
    return


class Collector:
    """Collects. Several may run at once, in one process or in many.

    Args:
        database: the work list's.
        blobs: whose are collected.
        clock: now.

    Attributes:
        total: what this one has done so far.
    """

    def __init__(self, database: Database, blobs: ShelfBlobs, clock: Clock) -> None:
        self._database = database
        self._blobs = blobs
        self._clock = clock
        self.total = Collected()

    def run(self, *, at: datetime | None = None, progress: Progress = _silent) -> Collected:
        """Collects what is due.

        Args:
            at: as if it were this moment; now when it is None.
            progress: is told after every batch.

        Raises:
            OutsideError: the database or the blob store failed; what was done is done, the rest stays on the list.
        """
        at = at or self._clock()
        progress(Phase.UPLOADS, 0, 1)
        uploads = self._blobs.sweep()
        needed, outcomes = self._look(at, progress)
        removed, freed = self._remove(progress)
        found = Collected(
            looked=needed + len(outcomes),
            needed=needed + outcomes.count(Look.NEEDED),
            let_go=outcomes.count(Look.LET_GO),
            put_off=outcomes.count(Look.IN_USE),
            removed=removed,
            freed_bytes=freed,
            uploads=uploads,
        )
        self.total = replace(
            self.total, removed=self.total.removed + removed, freed_bytes=self.total.freed_bytes + freed
        )
        if removed:
            self._tell(found, at)
        return found

    def waiting(self) -> Waiting:
        """What is on the work list now."""
        with self._database.read() as connection:
            due = connection.scalar(select(func.count()).where(gc_look.c.due_at <= rfc3339(self._clock())))
            asked = connection.scalar(select(func.count()).select_from(gc_removal))
        return Waiting(due=due or 0, removals=asked or 0)

    def _look(self, at: datetime, progress: Progress) -> tuple[int, list[Look]]:
        total, needed, outcomes = self.waiting().due, 0, list[Look]()
        while True:
            with self._database.begin() as connection:
                struck = unneeded.forget_needed(connection, at=at, limit=_BATCH)
                batch = unneeded.due_looks(connection, at=at, limit=_BATCH)
            needed += struck
            for repository, digest in batch:
                outcomes.append(self._blobs.let_go_unneeded(repository, digest, at=at))
            progress(Phase.LOOKING, needed + len(outcomes), total)
            if not struck and not batch:
                return needed, outcomes

    def _remove(self, progress: Progress) -> tuple[int, int]:
        removed, freed, last = 0, 0, ""
        total = self.waiting().removals
        while True:
            with self._database.read() as connection:
                batch = unneeded.removals(connection, after=last, limit=_BATCH)
            for digest in batch:
                size = self._blobs.reclaim(digest)
                if size is not None:
                    removed, freed = removed + 1, freed + size
            progress(Phase.REMOVING, removed, total)
            if not batch:
                return removed, freed
            last = batch[-1]

    def _tell(self, found: Collected, at: datetime) -> None:
        data = {"who": WHO, "removed": found.removed, "freed_bytes": found.freed_bytes, "uploads": found.uploads}
        kind = EventKind.STORAGE_COLLECTED
        with self._database.begin() as connection:
            publish(connection, Event(id=uuid4().hex, kind=kind, subject="blobs", time=at, data=data))
