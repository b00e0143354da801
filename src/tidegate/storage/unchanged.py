# SPDX-License-Identifier: Apache-2.0
"""Answers read from the database, kept for as long as nobody wrote to it: then asking again would tell the same.

SQLite itself says whether anybody wrote, in whatever process (`PRAGMA data_version`); that costs microseconds, no disk
and no thread. On PostgreSQL, where another machine may have written, nothing is kept.
"""

import time
from collections.abc import Hashable
from threading import Lock
from typing import Final, Generic, TypeVar

from tidegate.storage.database import Database

A = TypeVar("A")

_MAX_ENTRIES: Final = 50_000
_MAX_AGE_SECONDS: Final = 1.0
"""Time alone can change an answer: what it stands on expires."""


class Unchanged(Generic[A]):
    """Answers by what was asked. Safe for threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._answers: dict[Hashable, tuple[A, float]] = {}
        self._version: int | None = None
        self._lock = Lock()

    def get(self, asked: Hashable) -> tuple[A | None, int | None]:
        """The answer, None when it must be read; and the version to keep what is read under."""
        version = self._database.version()
        with self._lock:
            if version != self._version:
                self._answers.clear()
                self._version = version
            found = self._answers.get(asked)
        if found is None or time.monotonic() >= found[1]:
            return None, version
        return found[0], version

    def keep(self, asked: Hashable, answer: A, version: int | None) -> None:
        """Keeps an answer that was read after its version was told; one that others wrote past already is dropped."""
        with self._lock:
            if version is None or version != self._version:
                return
            if len(self._answers) >= _MAX_ENTRIES:
                self._answers.clear()
            self._answers[asked] = (answer, time.monotonic() + _MAX_AGE_SECONDS)
