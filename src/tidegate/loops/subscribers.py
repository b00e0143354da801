# SPDX-License-Identifier: Apache-2.0
"""Something changed that people subscribed to: write it down for each of them. Recalled: tell those who pulled it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from tidegate.clock import Clock
from tidegate.curation.consumer_pulls import ConsumerPulls, pulls_of
from tidegate.curation.vending.subscriptions import TOLD, end_subscriptions, note_events
from tidegate.events import Event, EventKind
from tidegate.storage import outbox
from tidegate.storage.consumers import BatchConsumer, Consumer
from tidegate.storage.database import PUBLISHED, Database

_RECENTLY: Final = timedelta(days=30)


def note_for_subscribers(database: Database, clock: Clock) -> BatchConsumer:
    """A consumer that writes down what is to be told to whom."""

    def handle(events: Sequence[tuple[int, Event]]) -> None:
        with database.begin() as connection:
            if note_events(connection, events, at=clock()):
                connection.info[PUBLISHED] = True  # wakes who delivers

    return BatchConsumer(name="loops.subscribers", kinds=TOLD, handle=handle)


def end_for_the_removed(database: Database) -> Consumer:
    """A consumer that ends what those subscribed to who were removed; of who may come back it is paused."""

    def handle(event: Event, _offset: int) -> None:
        with database.begin() as connection:
            end_subscriptions(connection, event.subject, until=event.time)

    return Consumer(name="loops.shut_out", kinds=frozenset({EventKind.PRINCIPAL_REMOVED}), handle=handle)


def tell_who_pulled(database: Database, pulls: ConsumerPulls, clock: Clock) -> Consumer:
    """A consumer that tells, for every recalled digest, each consumer who pulled it within 30 days: one event each."""

    def handle(event: Event, _offset: int) -> None:
        pulls.flush()
        with database.begin() as connection:
            found = pulls_of(connection, event.subject, since=clock() - _RECENTLY)
            for name in sorted({one.consumer for one in found}):
                mine = [one for one in found if one.consumer == name]
                data = {
                    "digest": event.subject,
                    "consumer": name,
                    "repositories": sorted({one.repository for one in mine}),
                    "last_pull": max(one.last_at for one in mine),
                    "why": event.data.get("why", ""),
                    "recalled_by": event.id,
                }
                told = Event(
                    id=f"{event.id}:{name}"[:255],
                    kind=EventKind.CONSUMER_EXPOSED,
                    subject=f"consumer:{name}",
                    time=clock(),
                    data=data,
                )
                outbox.publish(connection, told)

    return Consumer(name="loops.pulled", kinds=frozenset({EventKind.IMAGE_RECALLED}), handle=handle)
