# SPDX-License-Identifier: Apache-2.0
"""Carries orders out: each once, however often it comes, and not too many in an hour."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final, Protocol

from tidegate.clock import Clock, rfc3339
from tidegate.execution.order import Order, Outcome
from tidegate.execution.response_policy import ONLY_LOOKS
from tidegate.wire import from_json, to_json

_BEGUN: Final = "begun"
_MAX_OUTCOME_BYTES: Final = 64 * 1024


class Memory(Protocol):
    """Remembers what was carried out, past any kill."""

    def outcome_of(self, order: str) -> str | None:
        """What was noted of an order; None for nothing."""
        ...

    def note_outcome(self, order: str, outcome: str, *, at: str) -> None:
        """Notes it; `at` (RFC 3339) counts in its hour, "" in none."""
        ...

    def carried_out_since(self, moment: str) -> int:
        """How many orders count since a moment (RFC 3339)."""
        ...


class CarriedOnce:
    """Says what became of an order before, or has it carried out; one that was broken off by a kill is begun again.

    Args:
        memory: remembers.
        most_per_hour: steps in an hour; those that take one back, or change nothing that runs, are not counted.
        limit: what the setting of that is called.
        clock: now.
    """

    def __init__(self, memory: Memory, *, most_per_hour: int, limit: str, clock: Clock) -> None:
        self._memory = memory
        self._most = most_per_hour
        self._limit = limit
        self._clock = clock

    def __call__(self, order: Order, take: Callable[[Order], Outcome]) -> tuple[Outcome, bool]:
        """Carries an order out.

        Args:
            order: which.
            take: does it; the same again changes nothing more.

        Returns:
            What became of it, and whether it was carried out now.
        """
        before = self._memory.outcome_of(order.id)
        if before is not None and before != _BEGUN:
            return from_json(before.encode(), Outcome, what="outcome", max_bytes=_MAX_OUTCOME_BYTES), False
        at = self._clock()
        counts = not order.undoes and order.step not in ONLY_LOOKS
        if counts and before is None:
            since = rfc3339(at - timedelta(hours=1))
            if self._memory.carried_out_since(since) >= self._most:
                return Outcome(done=False, what=f"over {self._limit} = {self._most}"), False
        self._memory.note_outcome(order.id, _BEGUN, at=rfc3339(at) if counts else "")
        outcome = take(order)
        self._memory.note_outcome(order.id, to_json(outcome).decode(), at=rfc3339(at) if counts else "")
        return outcome, True
