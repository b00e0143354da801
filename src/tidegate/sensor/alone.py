# SPDX-License-Identifier: Apache-2.0
"""While the server is away, the sensor itself takes the steps that a rule lets it take alone, within their limits."""

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256

from tidegate.clock import Clock, rfc3339, system_clock
from tidegate.execution.observation import Observation
from tidegate.execution.order import ORDER_LASTS, Carrier, Order
from tidegate.execution.response_plan import Place, plan
from tidegate.execution.response_policy import ON_THE_NODE, ResponsePolicy
from tidegate.reporting.spool import Spool
from tidegate.sensor.containers import Found


class Alone:
    """Answers for the server.

    Args:
        policy: what follows from what.
        spool: what was seen.
        running: the containers of this node.
        carry: takes steps.
        node: this one's name.
        clock: now.
    """

    def __init__(
        self,
        policy: ResponsePolicy,
        spool: Spool,
        running: Callable[[], Mapping[str, Found]],
        carry: Carrier,
        *,
        node: str,
        clock: Clock = system_clock,
    ) -> None:
        self._policy = policy
        self._spool = spool
        self._running = running
        self._carry = carry
        self._node = node
        self._clock = clock
        self._reached = 0
        self._contained: list[tuple[float, Place]] = []

    def look(self, *, is_away: bool) -> None:
        """Answers what waits and was not looked at before, unless the server is there: then it is the server's.

        Raises:
            OutsideError: what waits cannot be read.
        """
        if not is_away or not any(rule.alone and rule.steps for rule in self._policy.rules):
            return
        for number, sent in self._spool.after(self._reached):
            self._answer(sent.seen)
            self._reached = number

    def _answer(self, seen: Observation) -> None:
        rule = self._policy.rule_for(seen)
        if rule is None or not rule.alone or seen.container is None:
            return
        at = self._clock()
        oldest = (at - self._policy.limits.window).timestamp()
        self._contained = [(when, place) for when, place in self._contained if when >= oldest]
        running = self._running()
        if seen.container.id not in running:
            return
        place = self._place(running[seen.container.id])
        fleet: Sequence[Place] = [self._place(found) for found in running.values()]
        contained = [one for _, one in self._contained]
        for step in plan(self._policy, rule, place, fleet=fleet, contained=contained):
            if step.waits or step.refused or step.step not in ON_THE_NODE:
                continue
            key = f"{place.container}\0{rule.name}\0{step.step}"
            order = Order(
                id=sha256(key.encode()).hexdigest()[:32],
                node=self._node,
                container=place.container,
                step=step.step,
                incident=rule.name,
                why=f"{rule.name}: {seen.act}, and the server is away",
                issued_at=rfc3339(at),
                expires_at=rfc3339(at + ORDER_LASTS),
            )
            if self._carry(order).done:
                self._contained.append((at.timestamp(), place))

    def _place(self, found: Found) -> Place:
        one = found[0]
        return Place(node=self._node, container=one.id, namespace=one.namespace, image=one.image)
