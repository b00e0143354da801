# SPDX-License-Identifier: Apache-2.0
"""Takes steps on this node's containers, and takes them back: each once, and not too many in an hour."""

import logging
from collections.abc import Callable
from pathlib import Path

from tidegate.clock import Clock, rfc3339, system_clock
from tidegate.errors import TidegateError, UsageError
from tidegate.execution.carrying import CarriedOnce
from tidegate.execution.drift_rules import Mode
from tidegate.execution.observation import Act, Container, Observation
from tidegate.execution.order import Order, Outcome
from tidegate.execution.response_policy import ON_THE_NODE, Step
from tidegate.reporting.spool import Spool
from tidegate.sensor.cgroup import cgroup_of
from tidegate.sensor.containers import Found
from tidegate.sensor.quarantine import TABLE, isolate, rejoin

_log = logging.getLogger(__name__)


class Containing:
    """Carries orders out.

    Args:
        spool: remembers what was carried out, and takes the evidence of it.
        find: the container of an id with its processes; None when it does not run here.
        most_per_hour: steps in an hour; those that take one back are not counted.
        capture: captures a container for an order, and says what came of it; None where nothing can be kept.
        clock: now.
    """

    def __init__(
        self,
        spool: Spool,
        find: Callable[[str], Found | None],
        *,
        most_per_hour: int,
        capture: Callable[[Order, Found], str] | None = None,
        clock: Clock = system_clock,
    ) -> None:
        self._spool = spool
        self._find = find
        self._once = CarriedOnce(spool, most_per_hour=most_per_hour, limit="sensor.max_responses_per_hour", clock=clock)
        self._capture = capture
        self._clock = clock

    def __call__(self, order: Order) -> Outcome:
        """Carries an order out, or says what became of it before; one that was broken off by a kill is begun again."""
        outcome, is_new = self._once(order, self._try)
        if is_new:
            self._tell(order, outcome)
        return outcome

    def _try(self, order: Order) -> Outcome:
        found = self._find(order.container)
        if found is None:
            gone = order.step is Step.KILL or bool(order.undoes)
            return Outcome(done=gone, what="it does not run here any more")
        try:
            what = self._take(order, found)
        except TidegateError as error:
            _log.error("%s of %s failed: %s", order.step, order.container[:12], error)
            return Outcome(done=False, what=str(error)[:4000])
        return Outcome(done=True, what=what)

    def _take(self, order: Order, found: Found) -> str:
        if order.step is Step.CAPTURE:
            if self._capture is None:
                raise UsageError("captures are kept nowhere", remedy="set client.server on this node")
            return self._capture(order, found)
        if order.step not in ON_THE_NODE:
            raise UsageError(f"a node's sensor cannot {order.step}")
        pid = found[1][0]
        if order.step is Step.ISOLATE:
            if order.undoes:
                rejoin(pid)
                return f"the table {TABLE} was taken out of its network"
            isolate(pid)
            return f"all but loopback is dropped by the table {TABLE} in {Path(f'/proc/{pid}/ns/net').readlink()}"
        group = cgroup_of(pid, order.container)
        if order.step is Step.FREEZE:
            group.freeze(stop=not order.undoes)
            return (
                f"{'go on' if order.undoes else 'stopped'}: {len(list(group.processes()))} processes of {group.folder}"
            )
        return f"{group.kill()} processes of {group.folder} ended"

    def _tell(self, order: Order, outcome: Outcome) -> None:
        found = self._find(order.container)
        seen = Observation(
            at=rfc3339(self._clock()),
            act=Act.CONTAINED,
            path=f"{'undo ' if order.undoes else ''}{order.step}",
            mode=Mode.OBSERVE,
            rule=order.incident or "order",
            container=found[0] if found else Container(id=order.container),
            what=f"{'done' if outcome.done else 'failed'}: {outcome.what}"[:2000],
        )
        self._spool.put(seen)
