# SPDX-License-Identifier: Apache-2.0
"""How many streams may be open at once: altogether, and of one principal, who leaves the others their places."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

from tidegate.errors import RefusedError

MAX_STREAMS: Final = 200
MAX_STREAMS_OF_ONE: Final = 20
"""Whoever shows the shared access token counts as one, as nobody can tell them apart."""


class TooManyStreamsError(RefusedError):
    """There is no place for another stream now."""

    def __init__(self, whose: str, most: int) -> None:
        super().__init__(
            f"{most} streams are open {whose}", remedy="end one of them, or read /events page by page; try again later"
        )
        self.most = most


class StreamPlaces:
    """Places of one process. Looking and taking are one step; safe for threads."""

    def __init__(self, most: int = MAX_STREAMS, *, most_of_one: int = MAX_STREAMS_OF_ONE) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._taken: Counter[str] = Counter()
        self._lock = Lock()

    @contextmanager
    def taken(self, whose: str) -> Iterator[None]:
        """Holds a place for somebody while the block runs.

        Raises:
            TooManyStreamsError: there is none left, or none for them.
        """
        with self._lock:
            if self._taken[whose] >= self._most_of_one:
                raise TooManyStreamsError("for you", self._most_of_one)
            if self._taken.total() >= self._most:
                raise TooManyStreamsError("on this server", self._most)
            self._taken[whose] += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken[whose] -= 1
                if not self._taken[whose]:
                    del self._taken[whose]
