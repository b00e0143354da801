# SPDX-License-Identifier: Apache-2.0
"""When a manifest was last pulled from a repository, and how often: noted in memory, written down in batches.

A kill loses what was noted since the last writing: `FLUSH_SECONDS` at most. Nothing else depends on it than how long
something is kept, and rules speak of days.
"""

from datetime import datetime
from threading import Lock
from typing import Final

from sqlalchemy import case
from sqlalchemy.dialects import postgresql, sqlite

from tidegate.artifact import Digest, Repository
from tidegate.clock import Clock, rfc3339
from tidegate.storage.database import Database
from tidegate.storage.keeping_schema import pull

FLUSH_SECONDS: Final = 5.0
MAX_HELD: Final = 20_000
"""Manifests noted and not written yet; one more has them written at once."""
_BATCH: Final = 500


class PullNotes:
    """Notes pulls. Safe for threads."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._lock = Lock()
        self._held: dict[tuple[Repository, Digest], tuple[int, datetime]] = {}

    def note(self, repository: Repository, digest: Digest) -> None:
        """Notes a pull; costs no more than an entry in a dictionary, most of the time."""
        key, at = (repository, digest), self._clock()
        with self._lock:
            self._held[key] = (self._held.get(key, (0, at))[0] + 1, at)
            full = len(self._held) > MAX_HELD
        if full:
            self.flush()

    def flush(self) -> int:
        """Writes down what was noted; returns of how many manifests.

        Raises:
            OutsideError: the database failed; what was noted is noted still.
        """
        with self._lock:
            held, self._held = self._held, {}
        # In one order for all replicas, so that no two wait for each other.
        rows = [
            {"repository": repository, "digest": digest, "count": count, "last_at": rfc3339(at)}
            for (repository, digest), (count, at) in sorted(held.items())
        ]
        try:
            for start in range(0, len(rows), _BATCH):
                self._write(rows[start : start + _BATCH])
        except BaseException:
            with self._lock:
                for key, (count, at) in held.items():
                    known = self._held.get(key, (0, at))
                    self._held[key] = (known[0] + count, max(known[1], at))
            raise
        return len(rows)

    def _write(self, rows: list[dict[str, object]]) -> None:
        with self._database.begin() as connection:
            insert = (sqlite.insert if self._database.is_sqlite else postgresql.insert)(pull).values(rows)
            new = insert.excluded
            changed = {
                "count": pull.c.count + new["count"],
                "last_at": case((new.last_at > pull.c.last_at, new.last_at), else_=pull.c.last_at),
            }
            connection.execute(insert.on_conflict_do_update(index_elements=["repository", "digest"], set_=changed))
