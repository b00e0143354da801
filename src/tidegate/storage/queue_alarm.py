# SPDX-License-Identifier: Apache-2.0
"""When a worker looks at its queue: at once when something was put there, often while work goes on, else seldom."""

import time
from threading import Condition, Event
from typing import Final

_ASTIR_SECONDS: Final = 0.05
"""Between two looks as long as the queue is astir: a place that falls free is known soon."""
_STIRS_SECONDS: Final = 2.0
"""After the last ring: work that ends leaves its place a moment later."""


class QueueAlarm(Event):
    """What a worker sleeps on between two looks. Set, it has the worker end; rung, it has it look. Safe for threads.

    Args:
        look_seconds: what the worker sleeps where nothing goes on and nothing is wrong.
    """

    def __init__(self, look_seconds: float) -> None:
        super().__init__()
        self._look_seconds = look_seconds
        self._changed = Condition()
        self._ends = False
        self._rung = False
        self._at_work = 0
        self._astir_until = 0.0

    def ring(self) -> None:
        """Something may wait in the queue; a ring between two sleeps is not lost."""
        with self._changed:
            self._ring()

    def begins(self) -> None:
        """A piece of work begins."""
        with self._changed:
            self._at_work += 1

    def ends(self) -> None:
        """A piece of work ends: there is a place for another."""
        with self._changed:
            self._at_work -= 1
            self._ring()

    def is_set(self) -> bool:
        """True once the worker is to end."""
        with self._changed:
            return self._ends

    def set(self) -> None:
        """Has the worker end."""
        with self._changed:
            self._ends = True
            self._changed.notify_all()

    def wait(self, timeout: float | None = None) -> bool:
        """Sleeps until there is something to do, at most `timeout` seconds; True once the worker is to end.

        While the queue is astir it is a part of that: a worker that finds others in its way, and so wants to sleep
        longer than `look_seconds`, does so then too.
        """
        with self._changed:
            if timeout is not None and self._is_astir():
                timeout *= _ASTIR_SECONDS / self._look_seconds
            self._changed.wait_for(lambda: self._ends or self._rung, timeout)
            self._rung = False
            return self._ends

    def _ring(self) -> None:
        self._rung = True
        self._astir_until = time.monotonic() + _STIRS_SECONDS
        self._changed.notify_all()

    def _is_astir(self) -> bool:
        return self._at_work > 0 or time.monotonic() < self._astir_until
