# SPDX-License-Identifier: Apache-2.0
"""How entries come into the audit trail: changes within their own transaction, all else in lots, behind the answers.

A change and its entry are there together or not at all. An access that changes nothing waits in memory for half a
second at most, so that pulls cost no transaction each; a kill loses that much. Where the database stands still the
memory is bounded: what is over is counted, told in the log, and told in the trail itself.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Event as Flag
from threading import Lock, Thread
from typing import Final

from sqlalchemy import Connection

from tidegate.clock import Clock
from tidegate.errors import TidegateError
from tidegate.events import Event
from tidegate.identity import audit
from tidegate.identity.audit import AuditEntry
from tidegate.storage.database import Database
from tidegate.storage.outbox import publish

_log = logging.getLogger(__name__)
MAX_WAITING: Final = 50_000
EVERY_SECONDS: Final = 0.5
_LOT: Final = 1000
_MOST_EVENTS: Final = 1000


@dataclass(slots=True)
class Change:
    """What a request may change.

    Attributes:
        entry: makes its entry.
        written: a transaction of the request has it.
    """

    entry: Callable[[], AuditEntry]
    written: bool = False


_CHANGE: Final[ContextVar[Change | None]] = ContextVar("tidegate_change", default=None)


@contextmanager
def changing(change: Change) -> Iterator[None]:
    """What is written to the database within, in this context or in threads that inherit it, is this change."""
    token = _CHANGE.set(change)
    try:
        yield
    finally:
        _CHANGE.reset(token)


class AuditWriter:
    """Writes the trail of one process.

    Args:
        database: gets `write_change` as its `at_commit`.
        clock: when entries were lost.
        max_waiting: entries kept in memory; what is over is lost, and counted.
    """

    def __init__(self, database: Database, clock: Clock, *, max_waiting: int = MAX_WAITING) -> None:
        self._database = database
        self._clock = clock
        self._max_waiting = max_waiting
        self._waiting: deque[AuditEntry] = deque()
        self._events: deque[Event] = deque(maxlen=_MOST_EVENTS)
        self._lost = 0
        self._writing = Lock()
        self._stopping = Flag()
        self._thread: Thread | None = None
        database.at_commit = self._write_change

    def note(self, entry: AuditEntry) -> None:
        """Has an entry written shortly; never waits."""
        if len(self._waiting) >= self._max_waiting:
            self._lost += 1
        else:
            self._waiting.append(entry)

    def tell(self, event: Event) -> None:
        """Has an event published shortly; never waits."""
        self._events.append(event)

    def start(self) -> None:
        """Begins writing."""
        self._thread = Thread(target=self._write_on, name="audit trail", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Writes what waits, and ends."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        self._try()

    def flush(self) -> None:
        """Writes what waits now.

        Raises:
            OutsideError: the database failed; everything still waits.
        """
        with self._writing:
            while self._events:
                with self._database.begin() as connection:
                    publish(connection, self._events[0])
                self._events.popleft()
            missing = self._lost
            if missing:
                _log.error("%d entries of the audit trail could not be kept", missing)
                self._append([audit.lost(missing, at=self._clock())])
                self._lost -= missing
            for _ in range(len(self._waiting) // _LOT + 1):
                lot = [self._waiting.popleft() for _ in range(min(_LOT, len(self._waiting)))]
                try:
                    self._append(lot)
                except Exception:
                    self._waiting.extendleft(reversed(lot))
                    raise

    def _append(self, lot: list[AuditEntry]) -> None:
        if not lot:
            return
        with self._database.begin() as connection:
            audit.append(connection, lot)

    @staticmethod
    def _write_change(connection: Connection) -> None:
        change = _CHANGE.get()
        if change is not None:
            audit.append(connection, [change.entry()])
            change.written = True

    def _write_on(self) -> None:
        while not self._stopping.wait(EVERY_SECONDS):
            self._try()

    def _try(self) -> None:
        try:
            self.flush()
        except TidegateError as error:
            _log.error("the audit trail cannot be written: %s; %d entries wait", error, len(self._waiting))
        except Exception:  # noqa: BLE001 - whatever it was, the next turn may work
            _log.exception("the audit trail cannot be written; %d entries wait", len(self._waiting))
