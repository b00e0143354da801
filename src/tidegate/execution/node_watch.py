# SPDX-License-Identifier: Apache-2.0
"""Notices that a node's sensor says nothing any more, and that an order was not carried out in time."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from threading import Event as Flag
from threading import Thread
from typing import Final

from tidegate.clock import Clock
from tidegate.execution.container_record import HISTORY_KEPT, drop_past
from tidegate.execution.nodes import has_late, note_silence
from tidegate.execution.responses import expire, has_overdue
from tidegate.storage.carry_on import carrying_on
from tidegate.storage.database import Database

_log = logging.getLogger(__name__)
_LOOK_EVERY_SECONDS: Final = 2.0
_TRIM_EVERY: Final = timedelta(hours=1)


class NodeWatch:
    """Looks every two seconds, in every replica: what one of them told another does not tell again.

    Args:
        database: what is looked at.
        silent_after: how long a node may say nothing; after a start of this server it has so long to be heard again.
        clock: now.
    """

    def __init__(self, database: Database, silent_after: timedelta, clock: Clock) -> None:
        self._database = database
        self._silent_after = silent_after
        self._clock = clock
        self._began_at: datetime | None = None
        self._trimmed_at: datetime | None = None
        self._stopping = Flag()
        self._thread = Thread(target=self._run, name="nodes", daemon=True)

    def start(self) -> None:
        """Starts."""
        self._thread.start()

    def stop(self) -> None:
        """Ends after the look in hand."""
        self._stopping.set()
        self._thread.join()

    def once(self) -> Sequence[str]:
        """Looks; returns the nodes and orders that were told of."""
        at = self._clock()
        began = self._began_at = self._began_at or at
        listens = at - began >= self._silent_after
        with self._database.read() as connection:
            late = listens and has_late(connection, after=self._silent_after, at=at)
            overdue = has_overdue(connection, at=at)
        if not late and not overdue:
            return ()
        with self._database.begin() as connection:
            silent = note_silence(connection, after=self._silent_after, at=at) if late else ()
        with self._database.begin() as connection:
            return [*silent, *expire(connection, at=at)]

    def _run(self) -> None:
        while not self._stopping.is_set():
            with carrying_on(_log, "nodes"):
                self.once()
                self._trim()
            self._stopping.wait(_LOOK_EVERY_SECONDS)

    def _trim(self) -> None:
        at = self._clock()
        if self._trimmed_at is None or at - self._trimmed_at >= _TRIM_EVERY:
            with self._database.begin() as connection:
                drop_past(connection, at - HISTORY_KEPT)
            self._trimmed_at = at
