# SPDX-License-Identifier: Apache-2.0
"""When captures by time are due, and how their schedules are read."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.execution.capture_schedule import CaptureSchedule, CaptureSchedules
from tidegate.execution.capture_schedule_file import load_capture_schedules
from tidegate.execution.drift_rules import DriftRule, Workload
from tidegate.rules.reading import DocumentError

START = datetime(2026, 8, 22, tzinfo=UTC)
HEAD = "apiVersion: tidegate.dev/v1\nkind: CaptureSchedule\nmetadata: {name: a}\nspec:\n"
_MOMENTS = st.integers(0, 40 * 86400)
_TIMES = st.integers(600, 10 * 86400)


def schedule(seconds: int, *, at_start: bool = False) -> CaptureSchedule:
    return CaptureSchedule(places=DriftRule(name="s"), every=timedelta(seconds=seconds), at_start=at_start)


@given(_TIMES, st.lists(_MOMENTS, min_size=1, max_size=50), st.text(max_size=5))
def test_each_due_time_has_one_name_whoever_looks_and_how_often(every: int, looks: list[int], node: str) -> None:
    one = schedule(every)
    seen: dict[datetime, set[str]] = {}
    for look in looks:
        due = one.due(node, "c", since=START, at=START + timedelta(seconds=look))
        if due is not None:
            assert START <= due <= START + timedelta(seconds=look)
            seen.setdefault(due, set()).add(one.order_id(node, "c", due))
    assert all(len(names) == 1 for names in seen.values())
    assert len({name for names in seen.values() for name in names}) == len(seen)
    assert len(seen) <= max(looks) // every + 1


@given(_TIMES, _MOMENTS)
def test_the_next_is_after_now_and_no_longer_away_than_the_time_between(every: int, look: int) -> None:
    at = START + timedelta(seconds=look)
    following = schedule(every).next_due("n", "c", at=at)
    assert timedelta(0) < following - at <= timedelta(seconds=every)
    assert schedule(every).due("n", "c", since=START, at=following) == following


def test_containers_are_not_all_due_at_once() -> None:
    at = START + timedelta(days=1)
    due = {schedule(86400).due("n", f"{number}", since=START - timedelta(days=9), at=at) for number in range(200)}
    assert len(due) > 150


def test_what_has_just_begun_is_due_only_where_it_is_said() -> None:
    at = START + timedelta(seconds=5)
    assert schedule(86400 * 100).due("n", "c", since=START, at=at) is None
    assert schedule(86400 * 100, at_start=True).due("n", "c", since=START, at=at) == START


def test_schedules_are_read_and_the_first_that_fits_holds() -> None:
    text = HEAD + (
        "  schedules:\n    - {name: pay, namespaces: [pay*], every: 6h, keep: 30d, atStart: true}\n"
        "    - {name: rest, every: 7d}\n  limits: {atOnce: 3, perDay: 50}\n"
    )
    read = load_capture_schedules({"a.yaml": text})
    assert (read.at_once, read.per_day) == (3, 50)
    pay, rest = read.schedules
    assert (pay.every, pay.keep, pay.at_start) == (timedelta(hours=6), timedelta(days=30), True)
    assert (rest.every, rest.keep, rest.at_start) == (timedelta(days=7), None, False)
    assert read.schedule_for(Workload(namespace="payments")) == pay
    assert read.schedule_for(Workload()) == rest
    assert load_capture_schedules({}) == CaptureSchedules()
    assert CaptureSchedules().schedule_for(Workload()) is None


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("  schedules: [{name: a}]\n", "every"),
        ("  schedules: [{name: a, every: 5m}]\n", "between 10m and 366d"),
        ("  schedules: [{name: a, every: 367d}]\n", "between 10m and 366d"),
        ("  schedules: [{name: a, every: sometimes}]\n", "duration"),
        ("  schedules: [{name: a, every: 1d, keep: 1h}]\n", "between 1d and"),
        ("  schedules: [{name: a, every: 1d, keep: 900w}]\n", "between 1d and"),
        ("  schedules: [{name: a, every: 1d}, {name: a, every: 2d}]\n", "a second is called 'a'"),
        ("  schedules: [{name: a, every: 1d, memory: all}]\n", "memory"),
        ("  limits: {atOnce: 1000}\n", "100"),
    ],
)
def test_what_is_wrong_in_a_document_is_refused_with_its_place(spec: str, reason: str) -> None:
    with pytest.raises(DocumentError, match=r"a\.yaml:") as refused:
        load_capture_schedules({"a.yaml": HEAD + spec})
    assert reason in f"{refused.value} {refused.value.remedy}"
