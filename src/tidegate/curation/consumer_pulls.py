# SPDX-License-Identifier: Apache-2.0
"""Which consumer pulled what, and when last: in memory for a moment, then on record; bounded in rows and in age.

A pull costs no write of its own. What a kill takes is the pulls of the last two seconds.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from threading import Event as Flag
from threading import Lock, Thread
from typing import Final

from sqlalchemy import Connection, delete, func, select, tuple_, update

from tidegate.clock import Clock, rfc3339
from tidegate.storage.carry_on import carrying_on
from tidegate.storage.database import Database
from tidegate.storage.insert import insert_once
from tidegate.storage.vending_schema import consumer_pull
from tidegate.values import Struct

_log = logging.getLogger(__name__)
MAX_ROWS: Final = 500_000
KEPT: Final = timedelta(days=90)
_MAX_IN_MEMORY: Final = 10_000
_FLUSH_SECONDS: Final = 2.0
_CLEAN_EVERY: Final = 1800
_MAX_NAME_CHARS: Final = 255

_Key = tuple[str, str, str]


class Pull(Struct, frozen=True, kw_only=True):
    """Pulls of one image from one repository by one consumer."""

    digest: str
    repository: str
    consumer: str
    pulls: int
    first_at: str
    last_at: str


class ConsumerPulls:
    """Takes note of pulls. Safe for threads."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._counts: dict[_Key, int] = {}
        self._lock = Lock()
        self._flushing = Lock()
        self._stopping = Flag()
        self._thread = Thread(target=self._run, name="consumer pulls", daemon=True)

    def note(self, digest: str, repository: str, consumer: str) -> None:
        """Counts a pull; past a bound in memory, pulls by new consumers go uncounted until the next moment."""
        if not consumer:
            return  # tidegate itself
        key = (digest, repository, consumer[:_MAX_NAME_CHARS])
        with self._lock:
            if key in self._counts or len(self._counts) < _MAX_IN_MEMORY:
                self._counts[key] = self._counts.get(key, 0) + 1

    def flush(self) -> None:
        """Puts on record what is in memory.

        Raises:
            OutsideError: the database failed; it stays in memory.
        """
        with self._flushing:  # whoever asks for it waits for one that is under way
            with self._lock:
                counts, self._counts = self._counts, {}
            if counts:
                self._record(counts)

    def _record(self, counts: dict[_Key, int]) -> None:
        moment = rfc3339(self._clock())
        try:
            with self._database.begin() as connection:
                for key, count in sorted(counts.items()):
                    _add(connection, key, count, moment)
        except BaseException:
            with self._lock:
                for key, count in counts.items():
                    self._counts[key] = self._counts.get(key, 0) + count
            raise

    def start(self) -> None:
        """Begins to flush."""
        self._thread.start()

    def stop(self) -> None:
        """Flushes a last time."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        turn = 0
        while True:
            ends = self._stopping.wait(_FLUSH_SECONDS)
            with carrying_on(_log, "putting pulls on record"):
                self.flush()
                if turn % _CLEAN_EVERY == 0:
                    forget_old(self._database, at=self._clock())
            if ends:
                return
            turn += 1


def pulls_of(
    connection: Connection, digest: str, *, since: datetime | None = None, limit: int = 1000
) -> Sequence[Pull]:
    """Who pulled a digest, the latest first."""
    query = (
        select(consumer_pull)
        .where(consumer_pull.c.digest == digest)
        .order_by(consumer_pull.c.last_at.desc(), consumer_pull.c.consumer)
        .limit(limit)
    )
    if since is not None:
        query = query.where(consumer_pull.c.last_at >= rfc3339(since))
    return [Pull(**row) for row in connection.execute(query).mappings()]


def forget_old(database: Database, *, at: datetime) -> None:
    """Removes pulls that are long ago, and the oldest where there are too many."""
    with database.begin() as connection:
        connection.execute(delete(consumer_pull).where(consumer_pull.c.last_at < rfc3339(at - KEPT)))
        left = connection.scalar(select(func.count()).select_from(consumer_pull)) or 0
        if left > MAX_ROWS:
            key = list(consumer_pull.primary_key)
            oldest = select(*key).order_by(consumer_pull.c.last_at, *key).limit(left - MAX_ROWS)
            connection.execute(delete(consumer_pull).where(tuple_(*key).in_(oldest)))


def _add(connection: Connection, key: _Key, count: int, moment: str) -> None:
    named = dict(zip(("digest", "repository", "consumer"), key, strict=True))
    if not insert_once(connection, consumer_pull, **named, pulls=count, first_at=moment, last_at=moment):
        here = [consumer_pull.c[name] == value for name, value in named.items()]
        again = {"pulls": consumer_pull.c.pulls + count, "last_at": moment}
        connection.execute(update(consumer_pull).where(*here).values(again))
