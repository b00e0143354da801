# SPDX-License-Identifier: Apache-2.0
"""What runs in the cluster as it was heard last, how far it was heard, and what of it the server has: one file.

A change and the place in the stream it was heard at are one transaction, so after a kill the stream goes on where it
was left, and nothing that began and ended meanwhile is missed while the API server remembers it.
"""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Final, Self

from tidegate.errors import OutsideError
from tidegate.execution.report import MAX_CHANGES, Owner, PodContainer
from tidegate.values import Struct, replace
from tidegate.wire import from_json, to_json

MAX_ENDED: Final = 100_000
"""Runs that ended and wait for the server; the oldest are let go."""
MAX_OWNERS: Final = 50_000
_MAX_BODY_BYTES: Final = 128 * 1024
_MAX_TOLD_BYTES: Final = 2 << 20
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS container (
    id TEXT PRIMARY KEY, pod TEXT NOT NULL, number INTEGER NOT NULL, ended INTEGER NOT NULL, untold INTEGER NOT NULL,
    listed INTEGER NOT NULL, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS container_pod ON container (pod);
CREATE INDEX IF NOT EXISTS container_untold ON container (number) WHERE untold = 1;
CREATE TABLE IF NOT EXISTS owner (uid TEXT PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS place (
    id INTEGER PRIMARY KEY CHECK (id = 1), version TEXT NOT NULL, number INTEGER NOT NULL, all_since INTEGER NOT NULL,
    listing INTEGER NOT NULL);
"""


class News(Struct, frozen=True, kw_only=True):
    """What is to be told.

    Attributes:
        changed: oldest first.
        is_all: nothing waits beside it.
        running: how many run, these among them.
        all_since: the least number of what runs.
    """

    changed: tuple[PodContainer, ...]
    is_all: bool
    running: int
    all_since: int


class Known:
    """The file. Safe for threads.

    Args:
        path: of the file; its folder is made.

    Raises:
        OutsideError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._lock = RLock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._file.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + _TABLES)
            # Numbers go on from the time: who lost the file tells with higher ones than before.
            began = time.time_ns() // 1000
            self._file.execute("INSERT OR IGNORE INTO place VALUES (1, '', ?, ?, 0)", (began, began))
        except (OSError, sqlite3.Error) as error:
            raise OutsideError(f"no place for what runs: {error}", where=str(path)) from error

    @property
    def version(self) -> str:
        """Where the stream goes on; "" where all is to be listed. Every method raises OutsideError as the first did."""
        with self._transaction() as file:
            return str(file.execute("SELECT version FROM place").fetchone()[0])

    def move_to(self, version: str) -> None:
        """Goes on from there; "" lists anew."""
        with self._transaction() as file:
            file.execute("UPDATE place SET version = ?", (version,))

    def begin_list(self) -> None:
        """What is not put from here to `end_list` has ended."""
        with self._transaction() as file:
            file.execute("UPDATE place SET version = '', listing = listing + 1")

    def end_list(self, version: str, *, at: str) -> bool:
        """All that is there was put, and the stream goes on from there; True when anything had ended."""
        unlisted = "SELECT DISTINCT pod FROM container WHERE pod <> '' AND listed < (SELECT listing FROM place)"
        with self._transaction() as file:
            ended = [self._leave(file, pod, (), at) for (pod,) in file.execute(unlisted).fetchall()]
            file.execute("UPDATE place SET version = ?", (version,))
        return any(ended)

    def put(self, pods: Sequence[tuple[str, Sequence[PodContainer]]], *, at: str, version: str = "") -> bool:
        """Takes down pods by uid as they are now; True when anything is new of what runs in them.

        Args:
            pods: each with all runs that are told of it.
            at: now, RFC 3339: the end of what is not told any more.
            version: where the stream is then; "" within a list.
        """
        with self._transaction() as file:
            changed = [self._put(file, uid, runs, at) for uid, runs in pods]
            if not version:
                names = [(uid,) for uid, _ in pods]
                file.executemany("UPDATE container SET listed = (SELECT listing FROM place) WHERE pod = ?", names)
            elif any(changed):  # otherwise it may be heard again: it changes nothing then either
                file.execute("UPDATE place SET version = ?", (version,))
        return any(changed)

    def remove(self, uid: str, runs: Sequence[PodContainer], *, at: str, version: str) -> bool:
        """Takes down that a pod is gone, with what was told of it last; True when anything ran."""
        with self._transaction() as file:
            self._put(file, uid, runs, at)
            ended = self._leave(file, uid, (), at)
            file.execute("UPDATE place SET version = ?", (version,))
        return ended

    def news(self) -> News:
        """What the server has not been told yet, as much as one report takes."""
        changed: list[PodContainer] = []
        with self._transaction() as file:
            size = 0
            rows = file.execute("SELECT number, body FROM container WHERE untold = 1 ORDER BY number")
            is_all = True
            for number, body in rows:
                size += len(body)
                if len(changed) == MAX_CHANGES or size > _MAX_TOLD_BYTES:
                    is_all = False
                    break
                changed.append(replace(_read(body), number=number))
            rows.close()
            running = int(file.execute("SELECT count(*) FROM container WHERE ended = 0").fetchone()[0])
            all_since = int(file.execute("SELECT all_since FROM place").fetchone()[0])
        return News(changed=tuple(changed), is_all=is_all, running=running, all_since=all_since)

    def told(self, changed: Sequence[PodContainer]) -> None:
        """The server has these; what changed meanwhile waits again."""
        with self._transaction() as file:
            names = [(one.container.id, one.number) for one in changed]
            file.executemany("UPDATE container SET untold = 0 WHERE id = ? AND number = ?", names)
            file.execute("DELETE FROM container WHERE pod = '' AND untold = 0")

    def tell_again(self) -> None:
        """All that runs is told anew: the server knows it no more."""
        with self._transaction() as file:
            first = self._number(file)
            names = file.execute("SELECT id FROM container WHERE ended = 0 ORDER BY number").fetchall()
            rows = [(first + at, name) for at, (name,) in enumerate(names)]
            file.executemany("UPDATE container SET number = ?, untold = 1 WHERE id = ?", rows)
            file.execute("UPDATE place SET number = ?, all_since = ?", (first + len(rows), first))

    def drop_oldest(self, limit: int = MAX_ENDED) -> int:
        """Lets runs go that ended and wait, where there are too many; returns how many."""
        with self._transaction() as file:
            which = "SELECT id FROM container WHERE ended = 1 AND untold = 1 ORDER BY number DESC LIMIT -1 OFFSET ?"
            return file.execute(f"DELETE FROM container WHERE id IN ({which})", (limit,)).rowcount  # noqa: S608 - a constant

    def owner(self, uid: str) -> Owner | None:
        """What was remembered of an owner; None for nothing."""
        with self._transaction() as file:
            row = file.execute("SELECT kind, name FROM owner WHERE uid = ?", (uid,)).fetchone()
        return Owner(kind=row[0], name=row[1]) if row else None

    def remember_owner(self, uid: str, owner: Owner) -> None:
        """Remembers it; the oldest are forgotten."""
        with self._transaction() as file:
            file.execute("INSERT OR REPLACE INTO owner VALUES (?, ?, ?)", (uid, owner.kind, owner.name))
            file.execute("DELETE FROM owner WHERE rowid <= (SELECT max(rowid) FROM owner) - ?", (MAX_OWNERS,))

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

    def _put(self, file: sqlite3.Connection, uid: str, runs: Sequence[PodContainer], at: str) -> bool:
        known: dict[str, bytes] = dict(file.execute("SELECT id, body FROM container WHERE pod = ?", (uid,)).fetchall())
        changed = False
        for run in runs:
            name = run.container.id
            told = _followed(run, known.get(name))
            body = to_json(told)
            if body == known.get(name):
                continue
            changed = True
            file.execute(
                "INSERT OR REPLACE INTO container VALUES (?, ?, ?, ?, 1, (SELECT listing FROM place), ?)",
                (name, uid, self._number(file), int(told.ended), body),
            )
        return self._leave(file, uid, [run.container.id for run in runs], at) or changed

    def _leave(self, file: sqlite3.Connection, uid: str, kept: Sequence[str], at: str) -> bool:
        """Runs of a pod that are not told of any more have ended; True when one had not, as far as was known."""
        rows = file.execute("SELECT id, body, ended, untold FROM container WHERE pod = ?", (uid,)).fetchall()
        left = [row for row in rows if row[0] not in kept]
        for name, body, ended, untold in left:
            if ended and not untold:
                file.execute("DELETE FROM container WHERE id = ?", (name,))
                continue
            over = body if ended else to_json(replace(_read(body), ended=True, ended_at=at))
            number = "" if ended else f", number = {self._number(file)}"
            file.execute(
                f"UPDATE container SET pod = '', ended = 1, untold = 1, body = ?{number} WHERE id = ?",  # noqa: S608 - a number
                (over, name),
            )
        return any(not ended for _, _, ended, _ in left)

    def _number(self, file: sqlite3.Connection) -> int:
        file.execute("UPDATE place SET number = max(number + 1, ?)", (time.time_ns() // 1000,))
        return int(file.execute("SELECT number FROM place").fetchone()[0])

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._lock:
                self._file.execute("BEGIN IMMEDIATE")
                try:
                    yield self._file
                except BaseException:
                    self._file.execute("ROLLBACK")
                    raise
                self._file.execute("COMMIT")
        except sqlite3.Error as error:
            raise OutsideError(f"what runs cannot be kept: {error}", where="cluster") from error


def _followed(run: PodContainer, before: bytes | None) -> PodContainer:
    """A run that ended, with what it ran where only an earlier word told."""
    if before is None or not run.ended:
        return run
    was = _read(before).container
    found = run.container
    if found.digest or found.config:
        return run
    return replace(run, container=replace(found, digest=was.digest, config=was.config))


def _read(body: bytes) -> PodContainer:
    return from_json(body, PodContainer, what="container", max_bytes=_MAX_BODY_BYTES)
