# SPDX-License-Identifier: Apache-2.0
"""Tells the same thing once, and then how often it happened: a loop in a container is no flood."""

import time
from collections.abc import Callable, Hashable
from typing import Final

from tidegate.execution.observation import Observation
from tidegate.values import Struct, replace

FOLD_SECONDS: Final = 10.0
MAX_OPEN: Final = 10_000
"""Different things within that time; past it each is told by itself."""


class _Open(Struct, kw_only=True):
    last: Observation
    since: float
    more: int = 0


class Folding:
    """Passes observations on.

    Args:
        tell: is told of each thing at once, and of its repetitions after 10 seconds.
        clock: seconds that only grow.
    """

    def __init__(self, tell: Callable[[Observation], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._tell = tell
        self._clock = clock
        self._open: dict[Hashable, _Open] = {}

    def __call__(self, seen: Observation) -> None:
        """Takes one."""
        key = (seen.container.id if seen.container else "", seen.act, seen.path, seen.origin, seen.refused, seen.what)
        known = self._open.get(key)
        if known is not None:
            known.last, known.more = seen, known.more + 1
            return
        if len(self._open) < MAX_OPEN:
            self._open[key] = _Open(last=seen, since=self._clock())
        self._tell(seen)

    def flush(self, *, all_of_it: bool = False) -> None:
        """Tells of repetitions whose time is over; to be called now and then."""
        now = self._clock()
        for key, known in list(self._open.items()):
            if all_of_it or now - known.since >= FOLD_SECONDS:
                del self._open[key]
                if known.more:
                    self._tell(replace(known.last, count=known.more))
