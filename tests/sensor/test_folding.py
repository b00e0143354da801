# SPDX-License-Identifier: Apache-2.0
"""The same thing is told once, then with its number."""

from tidegate.execution.drift_rules import Mode
from tidegate.execution.observation import Act, Observation, Origin
from tidegate.sensor import folding
from tidegate.sensor.folding import FOLD_SECONDS, Folding
from tidegate.values import replace

SEEN = Observation(
    at="2026-11-30T00:00:00Z", act=Act.EXECUTED, path="/x", origin=Origin.ADDED, refused=True,
    mode=Mode.ENFORCE, rule="r", program="sh", pid=1, container=None,
)  # fmt: skip


def test_repetitions_are_counted_and_others_are_told_at_once() -> None:
    told: list[Observation] = []
    now = [0.0]
    fold = Folding(told.append, clock=lambda: now[0])
    for pid in range(5):
        fold(replace(SEEN, pid=pid))
    fold(replace(SEEN, path="/y"))
    fold.flush()
    assert [(one.path, one.count) for one in told] == [("/x", 1), ("/y", 1)]
    now[0] = FOLD_SECONDS
    fold.flush()
    assert [(one.path, one.count, one.pid) for one in told[2:]] == [("/x", 4, 4)]
    fold(SEEN)
    assert told[-1].count == 1, "after that it is told at once again"


def test_more_different_things_than_are_remembered_are_all_told() -> None:
    told: list[Observation] = []
    fold = Folding(told.append)
    many = folding.MAX_OPEN + 10
    for number in range(many):
        fold(replace(SEEN, path=f"/{number}"))
    assert len(told) == many
    fold(replace(SEEN, path=f"/{many - 1}"))
    assert len(told) == many + 1


def test_what_is_left_is_told_at_the_end() -> None:
    told: list[Observation] = []
    fold = Folding(told.append)
    fold(SEEN)
    fold(SEEN)
    fold.flush(all_of_it=True)
    assert [one.count for one in told] == [1, 1]
