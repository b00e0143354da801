# SPDX-License-Identifier: Apache-2.0
"""Orders are carried out once, and only so many that take something out of service in an hour."""

from pathlib import Path

import pytest

from tidegate.execution.observation import Container
from tidegate.execution.order import Order
from tidegate.execution.response_policy import Step
from tidegate.reporting.spool import Spool
from tidegate.sensor.containing import Containing

_CONTAINER = Container(id="ab" * 32, name="web")


def _order(number: int, step: Step) -> Order:
    return Order(
        id=f"{number:032x}",
        node="node-1",
        container=_CONTAINER.id,
        step=step,
        why="a test",
        issued_at="2026-11-30T00:00:00Z",
        expires_at="2026-11-30T00:05:00Z",
    )


def test_a_capture_takes_nothing_out_of_service_and_counts_in_no_hour(tmp_path: Path) -> None:
    made: list[str] = []

    def capture(order: Order, _found: object) -> str:
        made.append(order.id)
        return "captured"

    with Spool(tmp_path / "spool.db") as spool:
        carry = Containing(spool, lambda _: (_CONTAINER, [1]), most_per_hour=0, capture=capture)
        for number in (1, 2, 1):
            outcome = carry(_order(number, Step.CAPTURE))
            assert (outcome.done, outcome.what) == (True, "captured")
        refused = carry(_order(3, Step.FREEZE))
    assert made == [f"{number:032x}" for number in (1, 2)], "each once"
    assert (refused.done, "max_responses_per_hour" in refused.what) == (False, True)


def test_where_nothing_can_be_kept_a_capture_says_so(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool.db") as spool:
        carry = Containing(spool, lambda _: (_CONTAINER, [1]), most_per_hour=9)
        outcome = carry(_order(1, Step.CAPTURE))
    assert (outcome.done, "captures are kept nowhere" in outcome.what) == (False, True)


@pytest.mark.parametrize("step", [Step.CAPTURE, Step.FREEZE])
def test_what_does_not_run_any_more_is_told(tmp_path: Path, step: Step) -> None:
    with Spool(tmp_path / "spool.db") as spool:
        outcome = Containing(spool, lambda _: None, most_per_hour=9)(_order(1, step))
    assert (outcome.done, outcome.what) == (False, "it does not run here any more")
