# SPDX-License-Identifier: Apache-2.0
"""What workers of a queue sleep on: woken by a ring, by the end of work and by the end of all, never left asleep."""

import time
from collections.abc import Callable
from threading import Thread

from tidegate.storage.queue_alarm import QueueAlarm

LONG = 3600.0
"""Longer than any test: a sleeper that nobody wakes fails it."""


def _wakes(alarm: QueueAlarm, act: Callable[[], None]) -> bool:
    """Whether one who sleeps is woken by an act; what `wait` said."""
    said: list[bool] = []
    sleeper = Thread(target=lambda: said.append(alarm.wait(LONG)), daemon=True)
    sleeper.start()
    act()
    sleeper.join(60)
    assert said, "nobody woke the worker"
    return said[0]


def test_a_ring_wakes_and_one_between_two_sleeps_is_not_lost() -> None:
    alarm = QueueAlarm(LONG)
    assert not _wakes(alarm, alarm.ring)
    alarm.ring()
    assert not alarm.wait(LONG)


def test_the_end_wakes_and_stays() -> None:
    alarm = QueueAlarm(LONG)
    assert _wakes(alarm, alarm.set)
    assert alarm.is_set()
    assert alarm.wait(LONG)


def test_while_work_goes_on_it_is_looked_often() -> None:
    alarm = QueueAlarm(LONG)
    alarm.begins()
    assert not alarm.wait(LONG)  # nobody rings: it comes back by itself, in a small part of an hour
    assert not alarm.wait(LONG)


def test_work_that_ends_wakes_who_waits_for_its_place() -> None:
    alarm = QueueAlarm(LONG)
    alarm.begins()
    assert not _wakes(alarm, alarm.ends)


def test_one_who_finds_others_in_the_way_sleeps_longer_in_proportion() -> None:
    alarm = QueueAlarm(1.0)
    alarm.begins()
    began = time.monotonic()
    assert not alarm.wait(4.0)
    assert time.monotonic() - began >= 4 * 0.05
