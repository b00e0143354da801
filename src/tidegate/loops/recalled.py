# SPDX-License-Identifier: Apache-2.0
"""An image was recalled: say which workloads run it, and whose they are."""

from tidegate.artifact import Digest
from tidegate.clock import Clock
from tidegate.events import Event, EventKind
from tidegate.execution.placements import Placement, running
from tidegate.storage import outbox
from tidegate.storage.consumers import Consumer
from tidegate.storage.database import Database


def name_exposed_workloads(database: Database, clock: Clock) -> Consumer:
    """A consumer that tells, for every recalled digest, each workload it runs in: one event a workload."""

    def handle(event: Event, offset: int) -> None:
        with database.begin() as connection:
            for placement in running(connection, Digest(event.subject)):
                outbox.publish(connection, _exposed(event, offset, placement, clock))

    return Consumer(name="loops.recalled", kinds=frozenset({EventKind.IMAGE_RECALLED}), handle=handle)


def _exposed(event: Event, offset: int, placement: Placement, clock: Clock) -> Event:
    workload = f"{placement.cluster}/{placement.namespace}/{placement.kind}/{placement.name}"
    return Event(
        id=f"{event.id}:{offset}:{workload}:{placement.container}",
        kind=EventKind.WORKLOAD_EXPOSED,
        subject=workload,
        time=clock(),
        data={
            "digest": event.subject,
            "container": placement.container,
            "reference": str(placement.reference),
            "owner": placement.owner,
            "since": placement.since,
            "why": event.data.get("why", ""),
            "recalled_by": event.id,
        },
    )
