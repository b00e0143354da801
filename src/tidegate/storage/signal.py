# SPDX-License-Identifier: Apache-2.0
"""Waking those who wait for a commit, within one process."""

from threading import Condition


class Signal:
    """Counts commits that told something; a waiter hands in the count it has already seen, so none is missed."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._count = 0

    @property
    def count(self) -> int:
        """How often it was raised so far. Read it before looking for work, then wait with it."""
        with self._changed:
            return self._count

    def notify(self) -> None:
        """Raises the signal: every waiter returns."""
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def wait(self, seen: int, *, timeout: float | None = None) -> int:
        """Blocks until the count is past `seen`, or `timeout` seconds have gone by.

        Returns:
            The count now; equal to `seen` after a timeout.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._count > seen, timeout)
            return self._count
