# SPDX-License-Identifier: Apache-2.0
"""Captures by time on record: ordered once when due, within limits, whatever is killed; on both engines."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from admitting_gate import admitting_gate
from keeping_stand import Hands, objects, postgres
from sqlalchemy import Connection, select, update

from backing import ALONE, SHARED, backing_of
from tidegate.admission.gate import Gate
from tidegate.artifact import Digest
from tidegate.clock import rfc3339
from tidegate.execution.capture import CapturedContainer
from tidegate.execution.capture_schedule import CaptureSchedule, CaptureSchedules
from tidegate.execution.captures import MAX_CAPTURE_BYTES, Captures
from tidegate.execution.drift_rules import DriftRule
from tidegate.execution.kept_capture import KeptCapture
from tidegate.execution.nodes import note_silence, take_report
from tidegate.execution.observation import Container
from tidegate.execution.order import Outcome
from tidegate.execution.report import Report
from tidegate.execution.response_policy import Step
from tidegate.execution.responses import Response, begin, conclude, list_responses
from tidegate.execution.scheduled_captures import ScheduledCaptures
from tidegate.sensor.forensics.capturing import Wanted, capture
from tidegate.sensor.forensics.memory import MemoryChoice
from tidegate.storage.blobs import BlobBounds
from tidegate.storage.database import Database
from tidegate.storage.node_schema import response
from tidegate.storage.schema import outbox
from tidegate.values import replace

__all__ = ["objects", "postgres"]
HOURLY = CaptureSchedule(
    places=DriftRule(name="hourly", containers=("web*",)),
    every=timedelta(hours=1),
    at_start=True,
    keep=timedelta(days=3),
)
ALL = CaptureSchedules(schedules=(HOURLY,), at_once=100, per_day=1000)


@dataclass
class Stand:
    database: Database
    gate: Gate
    clock: Hands
    captures: Captures
    folder: Path

    def scheduled(self, schedules: CaptureSchedules = ALL) -> ScheduledCaptures:
        return ScheduledCaptures(self.database, self.gate, schedules, self.clock)

    def run(self, count: int, *, node: str = "node-1", name: str = "web") -> list[str]:
        """Containers that a node tells of, `{name}-0` and so on."""
        ids = [Digest.of(f"{node} {number}".encode()).hex for number in range(count)]
        told = tuple(Container(id=one, name=f"{name}-{number}") for number, one in enumerate(ids))
        with self.database.begin() as connection:
            report = Report(run="0" * 32, containers=told)
            take_report(connection, node, report, principal=f"robot:{node}", at=self.clock())
        return ids

    def ordered(self) -> Sequence[Response]:
        with self.database.read() as connection:
            return list_responses(connection)

    def done(self, one: Response) -> None:
        with self.database.begin() as connection:
            conclude(connection, one.id, one.node, Outcome(done=True, what="captured"), at=self.clock())

    def arrive(self, one: Response, *, who: str = "", order: str = "", words: str = "") -> KeptCapture:
        """A capture of this very process in the name of an order."""
        container = CapturedContainer(id=one.container, name=one.workload, image="shop/web:1")
        wanted = Wanted(
            node=one.node,
            container=container,
            pids=(os.getpid(),),
            order=order or one.id,
            reason=words,
            memory=MemoryChoice.NONE,
        )
        file = self.folder / f"{one.id}.tar"
        capture(wanted, file, self.clock)
        return self.captures.take_in(file, who=who or f"robot:{one.node}")

    def events(self, kind: str) -> int:
        with self.database.read() as connection:
            return len(connection.scalars(select(outbox.c.kind).where(outbox.c.kind == kind)).all())


@pytest.fixture(params=[ALONE, pytest.param(SHARED, marks=pytest.mark.tools)])
def stand(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stand]:
    backing = backing_of(request)
    database, clock, gate = backing.database(tmp_path), Hands(), admitting_gate()
    store = backing.store(tmp_path, database, BlobBounds(max_blob_bytes=MAX_CAPTURE_BYTES))
    captures = Captures(database, store, gate, timedelta(days=90), clock)
    yield Stand(database, gate, clock, captures, tmp_path)
    database.close()


def test_each_is_ordered_once_for_each_time_it_is_due(stand: Stand) -> None:
    stand.run(3)
    scheduled = stand.scheduled()
    assert len(scheduled.order_due()) == 3
    assert scheduled.order_due() == []
    stand.clock.at += timedelta(hours=1)
    stand.run(3)
    assert len(stand.scheduled().order_due()) == 3  # another server, after a restart
    assert scheduled.order_due() == []
    orders = stand.ordered()
    assert {one.step for one in orders} == {Step.CAPTURE}
    assert {one.asked_by for one in orders} == {"schedule:hourly"}
    assert len({one.id for one in orders}) == len(orders) == 6
    assert all("by the schedule hourly" in one.why for one in orders)
    assert stand.events("execution.response.ordered") == 6


def test_who_is_killed_between_two_has_given_none_twice_and_left_none_out(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand.run(5)
    given: list[str] = []

    def killed(connection: Connection, *rest: object, **more: object) -> object:
        made = begin(connection, *rest, **more)  # type: ignore[arg-type]  # as it was called
        given.append(str(made.id))
        if len(given) == 3:
            raise KeyboardInterrupt
        return made

    monkeypatch.setattr("tidegate.execution.scheduled_captures.begin", killed)
    with pytest.raises(KeyboardInterrupt):
        stand.scheduled().order_due()
    assert len(stand.ordered()) == 2
    monkeypatch.undo()
    assert len(stand.scheduled().order_due()) == 3
    assert len(stand.ordered()) == 5


def test_two_replicas_at_the_same_moment_give_each_order_once_and_keep_the_limits(stand: Stand) -> None:
    stand.run(12)
    limited = replace(ALL, at_once=7)
    with ThreadPoolExecutor(4) as threads:
        given = list(threads.map(lambda _: stand.scheduled(limited).order_due(), range(4)))
    ids = [one for some in given for one in some]
    assert len(ids) == len(set(ids)) == len(stand.ordered()) == 7


def test_no_more_than_so_many_at_once_and_in_a_day(stand: Stand) -> None:
    stand.run(6)
    scheduled = stand.scheduled(replace(ALL, at_once=2, per_day=5))
    assert len(scheduled.order_due()) == 2
    assert scheduled.order_due() == []
    for one in stand.ordered():
        stand.done(one)
    assert scheduled.order_due() == []  # made, and on their way
    for one in stand.ordered():
        stand.arrive(one)
    assert len(scheduled.order_due()) == 2
    for one in stand.ordered():
        stand.done(one)
    stand.clock.at += timedelta(hours=2)  # those that never arrived count no longer among those under way
    stand.run(6)
    assert len(scheduled.order_due()) == 1
    for one in stand.ordered():
        stand.done(one)
    stand.clock.at += timedelta(days=1)
    stand.run(6)
    assert len(scheduled.order_due()) == 2


def test_nothing_is_ordered_where_nobody_would_hear_it_and_nothing_for_other_workloads(stand: Stand) -> None:
    stand.run(1, node="node-2", name="db")
    assert stand.scheduled().order_due() == []
    stand.run(1)
    stand.clock.at += timedelta(minutes=5)
    with stand.database.begin() as connection:
        assert note_silence(connection, after=timedelta(minutes=1), at=stand.clock.at) == ["node-1", "node-2"]
    assert stand.scheduled().order_due() == []
    assert stand.scheduled().told() == []
    stand.run(1)
    assert len(stand.scheduled().order_due()) == 1
    assert stand.scheduled(CaptureSchedules()).order_due() == ()


def test_it_is_kept_as_long_as_its_schedule_says_and_stands_in_it(stand: Stand) -> None:
    (container,) = stand.run(1)
    scheduled = stand.scheduled()
    (before,) = scheduled.told()
    assert (before.container, before.state, before.capture) == (container, "", "")
    assert before.next_at <= rfc3339(stand.clock.at)
    scheduled.order_due()
    (order,) = stand.ordered()
    stand.done(order)
    kept = stand.arrive(order)
    assert kept.keep_until == rfc3339(stand.clock.at + timedelta(days=3))
    (after,) = scheduled.told()
    assert (after.capture, after.state, after.differs) == (kept.digest, "done", False)
    assert rfc3339(stand.clock.at) < after.next_at <= rfc3339(stand.clock.at + timedelta(hours=1))


def test_one_that_a_killed_node_made_twice_is_kept_once(stand: Stand) -> None:
    stand.run(1)
    stand.scheduled().order_due()
    (order,) = stand.ordered()
    first = stand.arrive(order, words="before the kill")
    assert stand.arrive(order, words="after it") == first
    assert [one.digest for one in stand.captures.find()] == [first.digest]


def test_nobody_else_brings_a_capture_for_an_order_of_a_node(stand: Stand) -> None:
    stand.run(1)
    stand.run(1, node="node-2")
    stand.scheduled().order_due()
    mine, other = sorted(stand.ordered(), key=lambda one: one.node)
    default = rfc3339(stand.clock.at + timedelta(days=90))
    assert stand.arrive(mine, who="robot:node-2").keep_until == default
    assert stand.arrive(other, order=mine.id).keep_until == default
    assert [one.capture for one in stand.scheduled().told()] == ["", ""]


def test_what_is_not_of_the_image_is_told(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate.sensor.forensics.capturing._origin", lambda *_: "added")
    stand.run(1)
    stand.scheduled().order_due()
    (order,) = stand.ordered()
    kept = stand.arrive(order)
    assert kept.overview.differs
    assert stand.events("execution.capture.differs") == 1
    assert [one.differs for one in stand.scheduled().told()] == [True]


def test_an_order_that_nobody_took_is_not_given_again_before_the_next_time(stand: Stand) -> None:
    stand.run(1)
    scheduled = stand.scheduled()
    scheduled.order_due()
    (order,) = stand.ordered()
    with stand.database.begin() as connection:
        connection.execute(update(response).values(state="expired"))
    assert scheduled.order_due() == []
    assert [one.state for one in scheduled.told()] == ["expired"]
    assert order.id == stand.ordered()[0].id
