# SPDX-License-Identifier: Apache-2.0
"""What `/metrics` shows of the work behind the doors, read when it is asked for."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from tidegate import __version__, ledger
from tidegate.assembly.server import Server
from tidegate.curation.keeping.damage import count_lost
from tidegate.storage import schema


def register_figures(registry: CollectorRegistry, server: Server) -> None:
    """Adds the figures of a server to what its `/metrics` shows."""
    registry.register(_Figures(server))


class _Figures(Collector):
    def __init__(self, server: Server) -> None:
        self._server = server

    def describe(self) -> list[Metric]:
        """Nothing ahead of time: the names are few and fixed."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The figures of this moment."""
        build = GaugeMetricFamily("tidegate_build_info", "The version that runs.", labels=["version"])
        build.add_metric([__version__], 1)
        yield build
        yield from self._from_database()
        yield GaugeMetricFamily("tidegate_queue_size", "Work that waits or runs.", self._server.durable.unfinished())
        yield from self._garbage()
        yield from self._knowledge()

    def _from_database(self) -> Iterator[Metric]:
        with self._server.database.read() as connection:
            table = schema.state
            rows = connection.execute(select(table.c.state, func.count()).group_by(table.c.state)).all()
            entries = ledger.size(connection)
            names = connection.execute(
                select(schema.intake.c.outcome, func.count()).group_by(schema.intake.c.outcome)
            ).all()
            newest = connection.scalar(select(func.max(schema.outbox.c.offset))) or 0
            cursors = connection.execute(select(schema.cursor)).all()
        states = GaugeMetricFamily("tidegate_manifests", "Manifests by state.", labels=["state"])
        for state, count in rows:
            states.add_metric([state], count)
        yield states
        taken = GaugeMetricFamily("tidegate_intake_names", "Names of upstreams by outcome.", labels=["outcome"])
        for outcome, count in names:
            taken.add_metric([outcome], count)
        yield taken
        yield GaugeMetricFamily("tidegate_ledger_entries", "Entries in the ledger.", entries)
        behind = GaugeMetricFamily("tidegate_events_behind", "Events a consumer has still to see.", labels=["consumer"])
        for row in cursors:
            behind.add_metric([row.consumer], newest - row.offset)
        yield behind

    def _garbage(self) -> Iterator[Metric]:
        collector = self._server.keeping.collector
        waiting = GaugeMetricFamily("tidegate_gc_waiting", "Blobs that wait for collection.", labels=["step"])
        found = collector.waiting()
        waiting.add_metric(["look"], found.due)
        waiting.add_metric(["remove"], found.removals)
        yield waiting
        total = collector.total
        yield CounterMetricFamily("tidegate_gc_removed_blobs", "Blobs this process collected.", total.removed)
        yield CounterMetricFamily("tidegate_gc_freed_bytes", "Bytes this process freed.", total.freed_bytes)
        with self._server.database.read() as connection:
            lost = count_lost(connection)
        yield GaugeMetricFamily("tidegate_blobs_lost", "Damaged blobs without a good copy.", lost)

    def _knowledge(self) -> Iterator[Metric]:
        current = self._server.knowledge.current()
        if current is not None:
            age = (self._server.clock() - current.stamp.made_at).total_seconds()
            yield GaugeMetricFamily("tidegate_knowledge_age_seconds", "Age of the knowledge in force.", age)
