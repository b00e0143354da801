# SPDX-License-Identifier: Apache-2.0
"""Consumers of the outbox: each event at least once, in order, then the cursor moves; by one replica at a time.

A consumer that fails is tried again with the same event, later and later: nothing behind it overtakes, nothing is lost.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event as Flag
from threading import Thread
from typing import Final

from tidegate.errors import TidegateError
from tidegate.events import Event, EventKind
from tidegate.storage import outbox
from tidegate.storage.carried import carrying
from tidegate.storage.database import Database
from tidegate.storage.leases import LeaseLostError, Leases

_log = logging.getLogger(__name__)
_BATCH: Final = 100
_RETRY_SECONDS: Final = (0.5, 1.0, 2.0, 5.0, 15.0, 60.0)
_LOOK_AGAIN_SECONDS: Final = 5.0  # for events committed by another process, which wakes nobody here


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """Who wants which events.

    Attributes:
        name: its cursor's key; stays the same for ever.
        kinds: others are passed over.
        handle: takes the event and its offset; must be idempotent. Raising means "again".
    """

    name: str
    kinds: frozenset[EventKind]
    handle: Callable[[Event, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchConsumer:
    """Who wants which events, many at a time.

    Attributes:
        name: its cursor's key; stays the same for ever.
        kinds: others are passed over.
        handle: takes events with their offsets, in their order; must be idempotent. Raising means "all of them again".
    """

    name: str
    kinds: frozenset[EventKind]
    handle: Callable[[Sequence[tuple[int, Event]]], None]


class ConsumerThread:
    """Drives one consumer until it is stopped."""

    def __init__(self, database: Database, consumer: Consumer | BatchConsumer, leases: Leases) -> None:
        self._database = database
        self._consumer = consumer
        self._leases = leases
        self._lease = f"consumer:{consumer.name}"
        self._stopping = Flag()
        self._thread = Thread(target=self._run, name=f"consumer {consumer.name}", daemon=True)

    def start(self) -> None:
        """Starts where the cursor stands."""
        self._thread.start()

    def stop(self) -> None:
        """Ends after the event in hand."""
        self._stopping.set()
        self._database.commits.notify()
        self._thread.join()

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            seen = self._database.commits.count
            try:
                if not self._leases.hold(self._lease):
                    self._stopping.wait(self._leases.look_again_seconds)
                    continue
                more = self._advance()
            except LeaseLostError:
                continue
            except Exception as error:  # noqa: BLE001 - said below
                # Whatever it was, the event is still there and is tried again: nothing is skipped.
                known = isinstance(error, TidegateError)
                _log.warning("consumer %s: %s; trying again", self._consumer.name, error, exc_info=not known)
                self._stopping.wait(_RETRY_SECONDS[min(failures, len(_RETRY_SECONDS) - 1)])
                failures += 1
                continue
            failures = 0
            if not more:
                self._database.commits.wait(seen, timeout=_LOOK_AGAIN_SECONDS)

    def _advance(self) -> bool:
        """Handles what is there, at most one batch; True when there may be more."""
        name = self._consumer.name
        with self._database.read() as connection:
            batch = outbox.read_after(connection, outbox.position(connection, name), _BATCH)
        if isinstance(self._consumer, BatchConsumer):
            if wanted := [one for one in batch if one[1].kind in self._consumer.kinds]:
                self._consumer.handle(wanted)
            if batch:
                self._move(batch[-1][0])
        elif not self._handled(self._consumer, batch):
            return False
        return len(batch) == _BATCH

    def _handled(self, consumer: Consumer, batch: Sequence[tuple[int, Event]]) -> bool:
        """Handles one after the other; False when it was stopped before the last."""
        for offset, event in batch:
            if self._stopping.is_set():
                return False
            if event.kind in consumer.kinds:
                with carrying(event.tide):
                    consumer.handle(event, offset)
                self._move(offset)
        if batch and batch[-1][1].kind not in consumer.kinds:
            self._move(batch[-1][0])
        return True

    def _move(self, offset: int) -> None:
        with self._database.begin() as connection:
            self._leases.confirm(connection, self._lease)
            outbox.move(connection, self._consumer.name, offset)
