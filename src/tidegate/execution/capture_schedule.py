# SPDX-License-Identifier: Apache-2.0
"""Captures by time: of which workloads, how often, how many. Values and judgement, nothing that acts."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

from tidegate.clock import rfc3339
from tidegate.execution.drift_rules import DriftRule, Workload
from tidegate.values import Struct

DEFAULT_AT_ONCE: Final = 2
DEFAULT_PER_DAY: Final = 200


class CaptureSchedule(Struct, frozen=True, kw_only=True):
    """How often some workloads are captured.

    Attributes:
        places: which workloads.
        every: between two captures of a container. When in that time is a container's own: not all are due at once.
        at_start: one more when a container is first seen.
        keep: how long a capture is kept; None for as long as the server's settings say.
    """

    places: DriftRule
    every: timedelta
    at_start: bool = False
    keep: timedelta | None = None

    @property
    def name(self) -> str:
        """What it is called."""
        return self.places.name

    def due(self, node: str, container: str, *, since: datetime, at: datetime) -> datetime | None:
        """When the newest capture of a container became due; None when none has yet.

        Args:
            node: where it runs.
            container: its id.
            since: when it was first seen; it is not due for a time before.
            at: now.
        """
        length = int(self.every.total_seconds())
        moment = int(at.timestamp())
        turn = moment - (moment - self._offset(node, container)) % length
        if turn >= since.timestamp():
            return datetime.fromtimestamp(turn, UTC)
        return since if self.at_start else None

    def next_due(self, node: str, container: str, *, at: datetime) -> datetime:
        """When the next one becomes due."""
        length = int(self.every.total_seconds())
        moment = int(at.timestamp())
        return datetime.fromtimestamp(moment + length - (moment - self._offset(node, container)) % length, UTC)

    def order_id(self, node: str, container: str, due: datetime) -> str:
        """Names the order that is due: whoever gives it names it so, and it is given once."""
        return _sum("scheduled capture", self.name, node, container, rfc3339(due)).hex()[:32]

    def _offset(self, node: str, container: str) -> int:
        return int.from_bytes(_sum(self.name, node, container)[:8], "big")


class CaptureSchedules(Struct, frozen=True, kw_only=True):
    """Schedules in their order: the first that speaks of a workload holds for it.

    Attributes:
        at_once: captures that may be under way, over all nodes.
        per_day: captures within 24 hours, likewise; what is over it waits for its turn.
    """

    schedules: tuple[CaptureSchedule, ...] = ()
    at_once: int = DEFAULT_AT_ONCE
    per_day: int = DEFAULT_PER_DAY

    def schedule_for(self, workload: Workload) -> CaptureSchedule | None:
        """What holds for a workload; None when it is not captured by time."""
        return next((one for one in self.schedules if one.places.fits(workload)), None)


def _sum(*parts: str) -> bytes:
    return sha256("\0".join(parts).encode()).digest()
