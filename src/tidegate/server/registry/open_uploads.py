# SPDX-License-Identifier: Apache-2.0
"""How many uploads one principal may have open at once; its oldest idle ones make room for new ones."""

import time
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Final

from tidegate.artifact import Repository
from tidegate.errors import RefusedError

MAX_FOR_ONE: Final = 1000
IDLE_SECONDS: Final = 600.0
"""After so long without a byte an upload may be dropped for another of the same principal."""
_MAX_REMEMBERED: Final = 100_000


class TooManyUploadsError(RefusedError):
    """A principal has as many uploads open as it may."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} uploads are open already", remedy="finish or cancel some")


@dataclass(slots=True)
class _Open:
    repository: Repository
    principal: str
    touched_at: float


class OpenUploads:
    """What this process knows of uploads that were begun in it. Safe for threads."""

    def __init__(self, *, max_for_one: int = MAX_FOR_ONE, idle_seconds: float = IDLE_SECONDS) -> None:
        self._max = max_for_one
        self._idle = idle_seconds
        self._uploads: OrderedDict[str, _Open] = OrderedDict()  # those touched last stand last
        self._counts: dict[str, int] = {}
        self._lock = Lock()

    def make_room(self, principal: str) -> tuple[Repository, str] | None:
        """Makes sure a principal may begin one more.

        Returns:
            Its oldest idle upload, which is to be cancelled for that; None when there is room.

        Raises:
            TooManyUploadsError: none of its uploads is idle.
        """
        with self._lock:
            if self._counts.get(principal, 0) < self._max:
                return None
            now = time.monotonic()
            for upload, found in self._uploads.items():
                if now - found.touched_at < self._idle:
                    break
                if found.principal == principal:
                    self._remove(upload)
                    return found.repository, upload
        raise TooManyUploadsError(self._max)

    def begun(self, upload: str, repository: Repository, principal: str) -> None:
        """Counts a new upload."""
        with self._lock:
            if len(self._uploads) >= _MAX_REMEMBERED:  # swept from the store long ago, by age
                self._remove(next(iter(self._uploads)))
            self._uploads[upload] = _Open(repository, principal, time.monotonic())
            self._counts[principal] = self._counts.get(principal, 0) + 1

    def touched(self, upload: str) -> None:
        """Something came for an upload."""
        with self._lock:
            found = self._uploads.get(upload)
            if found is not None:
                found.touched_at = time.monotonic()
                self._uploads.move_to_end(upload)

    def ended(self, upload: str) -> None:
        """It was finished, cancelled or lost."""
        with self._lock:
            self._remove(upload)

    def _remove(self, upload: str) -> None:
        found = self._uploads.pop(upload, None)
        if found is not None:
            left = self._counts[found.principal] - 1
            if left:
                self._counts[found.principal] = left
            else:
                del self._counts[found.principal]
