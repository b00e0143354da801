# SPDX-License-Identifier: Apache-2.0
"""Consumers of the outbox: at least once, in order, nothing skipped, going on where they were."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Event as Flag

import pytest

from migrated import migrated
from tidegate.errors import OutsideError
from tidegate.events import Event, EventKind
from tidegate.storage import outbox
from tidegate.storage.consumers import Consumer, ConsumerThread
from tidegate.storage.database import Database
from tidegate.storage.leases import Leases

AT = datetime(2026, 6, 1, tzinfo=UTC)
WANTED = frozenset({EventKind.IMAGE_ADMITTED})


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    migrated(url)
    found = Database(url)
    yield found
    found.close()


def tell(database: Database, *names: str, kind: EventKind = EventKind.IMAGE_ADMITTED) -> None:
    with database.begin() as connection:
        for name in names:
            outbox.publish(connection, Event(id=name, kind=kind, subject=name, time=AT, data={}))


def position(database: Database, name: str) -> int:
    with database.read() as connection:
        return outbox.position(connection, name)


class Seen:
    """Collects what a consumer is handed, and tells when the last wanted one came."""

    def __init__(self, last: str, *, fail_first: int = 0) -> None:
        self.names: list[str] = []
        self.done = Flag()
        self._last = last
        self._failures = fail_first

    def __call__(self, event: Event, _offset: int) -> None:
        self.names.append(event.id)
        if self._failures:
            self._failures -= 1
            raise OutsideError("the disk is full")
        if event.id == self._last:
            self.done.set()


def drive(database: Database, seen: Seen) -> None:
    thread = ConsumerThread(database, Consumer(name="test", kinds=WANTED, handle=seen), Leases(database, "one"))
    thread.start()
    assert seen.done.wait(120)
    thread.stop()


def test_events_come_in_order_before_and_after_the_start(database: Database) -> None:
    tell(database, *(f"early-{number}" for number in range(150)))
    seen = Seen("late-9")
    thread = ConsumerThread(database, Consumer(name="test", kinds=WANTED, handle=seen), Leases(database, "one"))
    thread.start()
    tell(database, *(f"late-{number}" for number in range(10)))
    assert seen.done.wait(120)
    thread.stop()
    assert seen.names == [f"early-{n}" for n in range(150)] + [f"late-{n}" for n in range(10)]


def test_other_kinds_are_passed_over_and_not_read_again(database: Database) -> None:
    tell(database, "other-1", "other-2", kind=EventKind.IMAGE_REJECTED)
    tell(database, "mine")
    tell(database, "other-3", kind=EventKind.IMAGE_REJECTED)
    seen = Seen("mine")
    drive(database, seen)
    assert seen.names == ["mine"]
    assert position(database, "test") >= 3


def test_a_failure_is_tried_again_before_anything_behind_it(database: Database) -> None:
    tell(database, "first", "second")
    seen = Seen("second", fail_first=2)
    drive(database, seen)
    assert seen.names == ["first", "first", "first", "second"]


def test_a_new_thread_goes_on_where_the_last_was(database: Database) -> None:
    tell(database, "one", "two")
    drive(database, Seen("two"))
    tell(database, "three")
    again = Seen("three")
    drive(database, again)
    assert again.names == ["three"]
