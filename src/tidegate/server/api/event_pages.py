# SPDX-License-Identifier: Apache-2.0
"""Events after an offset, read once for all who follow: a hundred streams cost as much as one.

Whoever gets a page may judge it by what the hearing knows: it looked after the events were read.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Final

from tidegate.curation.vending.hearing import Hearing
from tidegate.events import Event
from tidegate.storage import outbox
from tidegate.storage.database import Database

PAGE: Final = 100
_GOOD_FOR_SECONDS: Final = 0.2  # for commits of another process, which raise no signal here
_MAX_PAGES: Final = 64


@dataclass(frozen=True, slots=True)
class _Read:
    events: Sequence[tuple[int, Event]]
    commits: int
    until: float  # monotonic seconds


class EventPages:
    """Pages as of the last commit. Safe for threads."""

    def __init__(self, database: Database, hearing: Hearing) -> None:
        self._database = database
        self._hearing = hearing
        self._read: dict[int, _Read] = {}
        self._lock = Lock()

    def after(self, offset: int) -> Sequence[tuple[int, Event]]:
        """The events past an offset, at most a page.

        Raises:
            OutsideError: the database failed.
        """
        with self._lock:  # whoever comes meanwhile wants the same most often, and finds it read
            found = self._read.get(offset)
            commits = self._database.commits.count
            if found is None or found.commits != commits or time.monotonic() >= found.until:
                found = self._fresh(offset, commits)
                if len(self._read) >= _MAX_PAGES:
                    self._read.clear()
                self._read[offset] = found
            return found.events

    def _fresh(self, offset: int, commits: int) -> _Read:
        until = time.monotonic() + _GOOD_FOR_SECONDS
        with self._database.read() as connection:
            events = outbox.read_after(connection, offset, PAGE)
        if events:
            self._hearing.look()
        return _Read(events, commits, until)
