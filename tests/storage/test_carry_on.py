# SPDX-License-Identifier: Apache-2.0
"""Threads that do something again and again go on after an error that nobody foresaw."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection

from migrated import migrated
from tidegate.admission.remembered_restrictions import RememberedRestrictions
from tidegate.curation import consumer_pulls
from tidegate.curation.consumer_pulls import ConsumerPulls
from tidegate.curation.vending.delivery import Delivery
from tidegate.curation.vending.delivery_pool import DeliveryPool
from tidegate.curation.vending.hearing import Hearing
from tidegate.curation.vending.subscriber import Subscribers
from tidegate.curation.vending.webhook_key import WebhookKey
from tidegate.curation.vending.webhook_sender import WebhookSender
from tidegate.events import Event, EventKind
from tidegate.identity import upkeep
from tidegate.identity.audit_writer import AuditWriter
from tidegate.identity.directory import Directory
from tidegate.identity.permissions import Permissions
from tidegate.identity.throttle import Throttle
from tidegate.identity.upkeep import IdentityUpkeep
from tidegate.outbound import Outbound
from tidegate.storage.database import Database
from tidegate.storage.leases import Leases

NOW = datetime(2027, 1, 1, tzinfo=UTC)


class Stumbling(Database):
    """A database that fails in a way nobody foresaw, twice, whatever is not the test itself."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.left = 2
        self.fallen = threading.Event()

    @contextmanager
    def begin(self, *, alone: bool = False) -> Iterator[Connection]:
        """Fails, or works."""
        if self.left and threading.current_thread() is not threading.main_thread():
            self.left -= 1
            raise ZeroDivisionError("a defect")
        with super().begin(alone=alone) as connection:
            yield connection
        self.fallen.set()


def clock() -> datetime:
    return NOW


def pulls(database: Database) -> ConsumerPulls:
    made = ConsumerPulls(database, clock)
    made.note("sha256:" + "0" * 64, "team/app", "anna")
    return made


def trail(database: Database) -> AuditWriter:
    made = AuditWriter(database, clock)
    made.tell(Event(id="1", kind=EventKind.AUDIT_BROKEN, subject="audit", time=NOW, data={"why": "a try"}))
    return made


def deliveries(database: Database) -> DeliveryPool:
    sender = WebhookSender(database, Outbound(), key=WebhookKey(bytes(32)), source="https://x.test", clock=clock)
    directory = Directory(database)
    permissions, restrictions = Permissions(directory, clock), RememberedRestrictions(database)
    hearing = Hearing(database, directory, permissions, restrictions, zones={}, clock=clock)
    subscribers = Subscribers(directory, permissions, lambda: True, clock)
    work = Delivery(database, sender, subscribers, hearing, clock=clock)
    return DeliveryPool(database, work, directory, Leases(database, "one"))


def identity(database: Database) -> IdentityUpkeep:
    directory, throttle = Directory(database), Throttle(database, clock)
    return IdentityUpkeep(database, directory, throttle, clock, keep_trail=lambda: None)


@pytest.mark.parametrize("build", [pulls, trail, deliveries, identity])
def test_a_thread_outlives_a_defect(
    build: Callable[[Database], ConsumerPulls | AuditWriter | DeliveryPool | IdentityUpkeep],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(upkeep, "_EVERY_SECONDS", 0.01)
    monkeypatch.setattr(consumer_pulls, "_FLUSH_SECONDS", 0.01)
    url = f"sqlite:///{tmp_path / 'state.db'}"
    migrated(url)
    database = Stumbling(url)
    running = build(database)
    running.start()
    try:
        assert database.fallen.wait(120), "it ended with the first failure"
    finally:
        running.stop()
        database.close()
