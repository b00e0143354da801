# SPDX-License-Identifier: Apache-2.0
"""What waits to be sent to the server, in a file that survives whoever is killed; bounded, and what is dropped counted.

One SQLite file, written by all of the sensor's processes. It is in WAL mode with `synchronous=NORMAL`: what was taken
survives every kill; a power cut may cost its last moments. When it is full, what comes is dropped and not what waits:
the beginning of an attack tells more than the noise that is made to hide it.
"""

import logging
import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Final, Self

from tidegate.clock import rfc3339, system_clock
from tidegate.errors import InvalidInputError, OutsideError
from tidegate.execution.drift_rules import Mode
from tidegate.execution.observation import Act, Observation
from tidegate.execution.report import Sent
from tidegate.wire import from_json, to_json

_log = logging.getLogger(__name__)
MAX_WAITING: Final = 20_000
"""Observations; at most about 160 MiB."""
_MAX_BODY_BYTES: Final = 64 * 1024
_WAIT_SECONDS: Final = 2.0
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS waiting (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS lost (id INTEGER PRIMARY KEY CHECK (id = 1), number INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS carried_out (id TEXT PRIMARY KEY, at TEXT NOT NULL, outcome TEXT NOT NULL);
INSERT OR IGNORE INTO lost VALUES (1, 0);
"""


class Spool:
    """The file. Safe for threads and processes.

    Args:
        path: of the file; its folder is made.
        limit: observations that may wait.

    Raises:
        OutsideError: it cannot be opened.
    """

    def __init__(self, path: Path, *, limit: int = MAX_WAITING) -> None:
        self._limit = limit
        self._lock = Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False)
            self._file.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + _TABLES)
        except (OSError, sqlite3.Error) as error:
            raise OutsideError(f"no place for what is to be sent: {error}", where=str(path)) from error
        self._untold = 0

    def put(self, seen: Observation) -> bool:
        """Takes an observation; False when it was dropped and counted. Never raises."""
        body = to_json(seen)
        with self._lock:
            try:
                with self._transaction() as file:
                    (waiting,) = file.execute(
                        "SELECT coalesce(max(number) - min(number) + 1, 0) FROM waiting"
                    ).fetchone()
                    fits = waiting < self._limit and len(body) <= _MAX_BODY_BYTES
                    if fits:
                        file.execute("INSERT INTO waiting (id, body) VALUES (?, ?)", (uuid.uuid4().hex, body))
                    more = self._untold + (not fits)
                    if more:
                        file.execute("UPDATE lost SET number = number + ?", (more,))
            except sqlite3.Error as error:  # the disk is full, or somebody holds it for too long
                if not self._untold:
                    _log.error("what was seen cannot be kept: %s", error)
                self._untold += 1
                return False
            self._untold = 0
            return fits

    def first(self, limit: int) -> Sequence[tuple[int, Sent]]:
        """The oldest that wait, with their numbers.

        Raises:
            OutsideError: the file cannot be read.
        """
        with self._reading() as file:
            rows = file.execute("SELECT number, id, body FROM waiting ORDER BY number LIMIT ?", (limit,)).fetchall()
        return [(number, Sent(id=name, seen=_observation(body))) for number, name, body in rows]

    def after(self, number: int) -> Sequence[tuple[int, Sent]]:
        """What waits past a number, oldest first, at most a hundred. Raises as `first`."""
        query = "SELECT number, id, body FROM waiting WHERE number > ? ORDER BY number LIMIT 100"
        with self._reading() as file:
            rows = file.execute(query, (number,)).fetchall()
        return [(at, Sent(id=name, seen=_observation(body))) for at, name, body in rows]

    def forget(self, through: int) -> None:
        """Lets go what the server has, up to and with a number. Raises as `first`."""
        with self._reading() as file:
            file.execute("DELETE FROM waiting WHERE number <= ?", (through,))

    def drop(self, number: int) -> None:
        """Lets one go that the server will never take, and counts it. Raises as `first`."""
        with self._reading() as file:
            file.execute("DELETE FROM waiting WHERE number = ?", (number,))
            file.execute("UPDATE lost SET number = number + 1")

    @property
    def waiting(self) -> int:
        """How many wait. Raises as `first`."""
        with self._reading() as file:
            return int(file.execute("SELECT count(*) FROM waiting").fetchone()[0])

    @property
    def lost(self) -> int:
        """How many were dropped since the file was made. Raises as `first`."""
        with self._reading() as file:
            return int(file.execute("SELECT number FROM lost").fetchone()[0])

    def outcome_of(self, order: str) -> str | None:
        """What became of an order that was carried out, or begun; None for one that was not. Raises as `first`."""
        with self._reading() as file:
            row = file.execute("SELECT outcome FROM carried_out WHERE id = ?", (order,)).fetchone()
        return str(row[0]) if row else None

    def note_outcome(self, order: str, outcome: str, *, at: str) -> None:
        """Remembers what became of an order. Raises as `first`."""
        with self._reading() as file:
            file.execute("INSERT OR REPLACE INTO carried_out VALUES (?, ?, ?)", (order, at, outcome))

    def carried_out_since(self, at: str) -> int:
        """How many orders were begun since a moment (RFC 3339, UTC). Raises as `first`."""
        with self._reading() as file:
            return int(file.execute("SELECT count(*) FROM carried_out WHERE at >= ?", (at,)).fetchone()[0])

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._lock, self._transaction() as file:
                yield file
        except sqlite3.Error as error:
            raise OutsideError(f"what is to be sent cannot be read: {error}", where="spool") from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._file.execute("BEGIN IMMEDIATE")
        try:
            yield self._file
        except BaseException:
            self._file.execute("ROLLBACK")
            raise
        self._file.execute("COMMIT")


def _observation(body: bytes) -> Observation:
    try:
        return from_json(body, Observation, what="spool", max_bytes=_MAX_BODY_BYTES)
    except InvalidInputError as error:  # of another version, or damaged: it must not stop what comes behind it
        return Observation(at=rfc3339(system_clock()), act=Act.LOST, mode=Mode.ALERT, what=f"unreadable: {error}"[:500])
