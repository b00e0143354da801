# SPDX-License-Identifier: Apache-2.0
"""What `/metrics` shows of the work behind the doors, read when it is asked for."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from tidegate import __version__, ledger
from tidegate.assembly.server import Server
from tidegate.curation.feedback.messages import count_messages
from tidegate.curation.feedback.notice import Severity
from tidegate.curation.feedback.times import times_to_fix
from tidegate.curation.keeping.damage import count_lost
from tidegate.storage import schema

_FIX_TIMES_OF: Final = timedelta(days=90)


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
        yield from self._feedback()

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

    def _feedback(self) -> Iterator[Metric]:
        """What owners were told: by severity alone, since owners are as many as there are teams."""
        now = self._server.clock()
        with self._server.database.read() as connection:
            found = times_to_fix(connection, since=now - _FIX_TIMES_OF, at=now)
            messages = count_messages(connection)
        waiting = GaugeMetricFamily("tidegate_feedback_open", "Cases that are not mended.", labels=["severity"])
        took = SummaryMetricFamily(
            "tidegate_feedback_fix_seconds", "From open to mended, of cases of the last 90 days.", labels=["severity"]
        )
        for severity in Severity:
            of_it = [one for one in found if one.severity is severity]
            waiting.add_metric([severity], sum(one.open for one in of_it))
            closed = sum(one.closed for one in of_it)
            took.add_metric([severity], closed, sum(one.mean * one.closed for one in of_it))
        yield waiting
        yield took
        states = GaugeMetricFamily("tidegate_feedback_messages", "Messages to owners by state.", labels=["state"])
        for state, number in messages.items():
            states.add_metric([state], number)
        yield states

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
