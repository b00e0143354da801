# SPDX-License-Identifier: Apache-2.0
"""How many uploads one principal may have open at once; its oldest idle ones make room for new ones."""

import time
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Final, Protocol

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


class Share(Protocol):
    """A part of a limit that replicas keep together."""

    def reserve(self, name: str, wanted: int, *, most: int) -> int:
        """Holds `wanted` of a limit of `most`, or what is left of it; returns how much is held now."""
        ...


@dataclass(slots=True)
class _Open:
    repository: Repository
    principal: str
    touched_at: float


class OpenUploads:
    """What this process knows of uploads that were begun in it. Safe for threads.

    Args:
        max_for_one: uploads a principal may have open, at all replicas together.
        idle_seconds: after so long without a byte one makes room for another.
        share: what this replica may use of it, reserved by steps; None where there is one server.
        ask_again_seconds: how long nobody asks for more after there was none.
    """

    def __init__(
        self,
        *,
        max_for_one: int = MAX_FOR_ONE,
        idle_seconds: float = IDLE_SECONDS,
        share: Share | None = None,
        ask_again_seconds: float = 1.0,
    ) -> None:
        self._max = max_for_one
        self._share = share
        self._step = max(1, max_for_one // 20)
        self._allowed: dict[str, int] = {}
        self._sharing = Lock()
        self._ask_again_seconds = ask_again_seconds
        self._ask_again_at: dict[str, float] = {}
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
            if self._counts.get(principal, 0) < self._most(principal):
                return None
            now = time.monotonic()
            for upload, found in self._uploads.items():
                if now - found.touched_at < self._idle:
                    break
                if found.principal == principal:
                    self._remove(upload)
                    return found.repository, upload
        raise TooManyUploadsError(self._max)

    def needs_share(self, principal: str) -> bool:
        """Whether `ask_for_share` is to be called before `make_room`: this replica has used up its part."""
        if self._share is None:
            return False
        with self._lock:
            is_used_up = self._counts.get(principal, 0) >= self._allowed.get(principal, 0)
            return is_used_up and time.monotonic() >= self._ask_again_at.get(principal, 0.0)

    def ask_for_share(self, principal: str) -> None:
        """Reserves room for some more uploads of a principal among all replicas, as far as there is any.

        Raises:
            OutsideError: the database failed.
        """
        with self._sharing:
            if self._share is None or not self.needs_share(principal):
                return
            with self._lock:
                wanted = self._counts.get(principal, 0) + self._step
            held = self._share.reserve(_limit_of(principal), min(self._max, wanted), most=self._max)
            with self._lock:
                self._allowed[principal] = held
                if held < wanted:  # others have the rest, or it has all: who goes on asking is answered from memory
                    self._ask_again_at[principal] = time.monotonic() + self._ask_again_seconds
                else:
                    self._ask_again_at.pop(principal, None)

    def give_back(self) -> None:
        """Lets go of what principals do not need any more; called now and then.

        Raises:
            OutsideError: the database failed.
        """
        if self._share is None:
            return
        with self._lock:
            names = list(self._allowed)
        for name in names:
            with self._sharing:
                with self._lock:  # lowered here first: what is let go of is not used meanwhile
                    before, count = self._allowed[name], self._counts.get(name, 0)
                    if before - count < self._step and (count or before):
                        continue
                    self._allowed[name] = count
                    self._ask_again_at.pop(name, None)
                self._share.reserve(_limit_of(name), count, most=self._max)
                if not count:
                    with self._lock:
                        self._allowed.pop(name, None)

    def _most(self, principal: str) -> int:
        return self._max if self._share is None else self._allowed.get(principal, 0)

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


def _limit_of(principal: str) -> str:
    return f"uploads:{principal}"[:255]
