# SPDX-License-Identifier: Apache-2.0
"""An image was admitted or lost its standing, a tag moved, a workload came: what runs of that line is judged anew.

Found by one join from the repository to what runs, so a change costs what it concerns. What time alone changes, and
what a new scan tells of an image that keeps its state, is looked at every quarter of an hour.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection, func, select

from tidegate.clock import Clock
from tidegate.events import Event, EventKind
from tidegate.evidence import SCAN
from tidegate.execution.updates.judge import Judged
from tidegate.execution.updates.known import Runs
from tidegate.execution.updates.proposals import close_gone, lock_key, open_repositories, take_up
from tidegate.execution.updates.running import repositories_since, running_at, running_images_of
from tidegate.loops.known_images import KnownImages
from tidegate.storage import outbox
from tidegate.storage.consumers import Consumer
from tidegate.storage.database import Database
from tidegate.storage.schema import repository_manifest, statement

KINDS: Final = frozenset(
    {
        EventKind.IMAGE_ADMITTED,
        EventKind.IMAGE_RESTRICTED,
        EventKind.IMAGE_DEPRECATED,
        EventKind.IMAGE_RECALLED,
        EventKind.IMAGE_RETIRED,
        EventKind.TAG_MOVED,
        EventKind.WORKLOAD_ADMITTED,
    }
)
_SCANS_SEEN: Final = "loops.newer_scans"
_PARTS_OF_A_PLACE: Final = 4
_AT_ONCE: Final = 100
"""Judgements put on record in one transaction."""
_LOOKED_BACK: Final = timedelta(minutes=30)
Known = Callable[[Connection], KnownImages]


class NewerAdmitted:
    """Judges what runs, and puts what it finds on record.

    Args:
        known: the record, for one round.
    """

    def __init__(self, database: Database, known: Known, clock: Clock) -> None:
        self._database = database
        self._known = known
        self._clock = clock

    def consumer(self) -> Consumer:
        """A consumer that does so for what an event concerns."""

        def handle(event: Event, offset: int) -> None:
            del offset
            if event.kind is EventKind.WORKLOAD_ADMITTED:
                self._workload(event.subject)
            else:
                self.judge({str(one) for one in event.data.get("repositories") or [event.data.get("repository", "")]})

        return Consumer(name="loops.newer_admitted", kinds=KINDS, handle=handle)

    def look(self) -> None:
        """Judges anew what is open, and what was scanned or came since the last look."""
        with self._database.read() as connection:
            repositories = open_repositories(connection)
            last = outbox.position(connection, _SCANS_SEEN)
            scanned, newest = _scanned_since(connection, last)
            came = repositories_since(connection, self._clock() - _LOOKED_BACK)
        self.judge(repositories | scanned | came)
        if newest > last:
            with self._database.begin() as connection:
                outbox.move(connection, _SCANS_SEEN, newest)

    def judge(self, repositories: Collection[str]) -> None:
        """Judges what runs images of repositories."""
        wanted = {one for one in repositories if one}
        if not wanted:
            return
        with self._database.read() as connection:
            runs = running_images_of(connection, wanted)
            known = self._known(connection)
            found = [known.judge(one) for one in settled(runs)]
        self._record(found)
        with self._database.begin() as connection:
            close_gone(connection, runs, wanted, at=self._clock())

    def _workload(self, subject: str) -> None:
        parts = subject.split("/")
        if len(parts) != _PARTS_OF_A_PLACE:
            return
        with self._database.read() as connection:
            known = self._known(connection)
            found = [known.judge(one) for one in settled(running_at(connection, *parts))]
        self._record(found)

    def _record(self, found: Sequence[Judged]) -> None:
        ordered = sorted(found, key=lambda one: lock_key(one.runs))
        for start in range(0, len(ordered), _AT_ONCE):
            with self._database.begin() as connection:
                for one in ordered[start : start + _AT_ONCE]:
                    take_up(connection, one, at=self._clock())


def settled(runs: Sequence[Runs]) -> list[Runs]:
    """Those whose containers run one image: where there are two, somebody is changing it just now."""
    images = Counter((one.cluster, one.namespace, one.kind, one.name, one.container) for one in runs)
    return [one for one in runs if images[one.cluster, one.namespace, one.kind, one.name, one.container] == 1]


def _scanned_since(connection: Connection, last: int) -> tuple[set[str], int]:
    """Repositories of images scanned past a place in the ledger, and the newest such place."""
    held = repository_manifest
    newest = int(connection.scalar(select(func.max(statement.c.ledger_index))) or 0)
    query = (
        select(held.c.repository)
        .join(statement, statement.c.subject == held.c.digest)
        .where(statement.c.ledger_index > last, statement.c.predicate_type == SCAN)
        .distinct()
    )
    return set(connection.scalars(query)), newest
