# SPDX-License-Identifier: Apache-2.0
"""How fast one server is called: a token bucket of our own, and what the server says of its limits.

Read are `Retry-After` of a 429 or 503 (RFC 9110), the `RateLimit` fields of draft-ietf-httpapi-ratelimit-headers in its
older form (`RateLimit-Remaining`, `RateLimit-Reset`) and its newer one (`RateLimit: "default";r=0;t=30`), and Docker
Hub's (`ratelimit-remaining: 0;w=21600`).
"""

import re
import time
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Final, Protocol

from tidegate.errors import OutsideError

_NUMBER: Final = re.compile(r"\s*([0-9]{1,12})\s*(?:;|$)")
_PARAMETER: Final = re.compile(r";\s*([a-z]+)\s*=\s*([0-9]{1,12})")
_LOT_GOOD_S: Final = 2.0
"""What was drawn and not used by then is void: many that rested would be a burst."""
_UNSAID_PAUSE_S: Final = 60.0
"""Nothing is left and the server does not say until when: ask again after a minute."""


class UsedUpError(OutsideError):
    """The server's limit is used up for longer than a call may wait.

    Args:
        wait_s: seconds until it may be called again.
    """

    def __init__(self, where: str, wait_s: float) -> None:
        super().__init__("its limit of requests is used up", where=where, remedy=f"try again in {wait_s:.0f} s")
        self.wait_s = wait_s


class Bucket(Protocol):
    """A token bucket that several draw from."""

    def draw(self, count: int, *, rate_per_s: float, burst: int, most_wait_s: float) -> float:
        """Takes tokens; returns the seconds until they may be used. More than `most_wait_s`: nothing was taken."""
        ...

    def close(self, seconds: float) -> None:
        """Lets nobody draw for so long."""
        ...


class Pace:
    """Lets requests through at most so fast. Safe for threads.

    Args:
        rate_per_s: requests a second in the long run.
        burst: requests at once after a rest.
        max_wait_s: a longer wait is an error.
        bucket: shared with others who keep the pace together, drawn from by lots, so that it is not asked at every
            request; None for one of our own.
        now: seconds that only grow.
        sleep: waits; both handed in for tests.
    """

    def __init__(
        self,
        *,
        rate_per_s: float,
        burst: int,
        max_wait_s: float = 30.0,
        bucket: Bucket | None = None,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = rate_per_s
        self._burst = float(burst)
        self._max_wait_s = max_wait_s
        self._now = now
        self._sleep = sleep
        self._lock = Lock()
        self._tokens = float(burst)
        self._filled_at = now()
        self._closed_until = 0.0
        self._bucket = bucket
        self._lot = max(1, min(burst // 10, int(rate_per_s / 2)))
        self._drawn = 0
        self._drawn_at = 0.0

    def take(self, *, where: str) -> None:
        """Waits for the turn of one request.

        Raises:
            UsedUpError: the turn comes later than `max_wait_s` from now.
        """
        if self._bucket is not None:
            self._take_shared(self._bucket, where)
            return
        with self._lock:
            now = self._now()
            self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
            self._filled_at = now
            wait = max(0.0, self._closed_until - now, (1.0 - self._tokens) / self._rate)
            if wait > self._max_wait_s:
                raise UsedUpError(where, wait)
            self._tokens -= 1.0
        if wait > 0:
            self._sleep(wait)

    def _take_shared(self, bucket: Bucket, where: str) -> None:
        with self._lock:
            now = self._now()
            if not self._drawn or now > self._drawn_at + _LOT_GOOD_S:
                wait = bucket.draw(
                    self._lot, rate_per_s=self._rate, burst=int(self._burst), most_wait_s=self._max_wait_s
                )
                if wait > self._max_wait_s:
                    raise UsedUpError(where, wait)
                self._drawn, self._drawn_at = self._lot, now + wait
            self._drawn -= 1
            wait = self._drawn_at - now
        if wait > 0:
            self._sleep(wait)

    def learn(self, status: int, headers: Mapping[str, str], *, retry_after_s: float | None) -> None:
        """Takes in what an answer says of the server's limits.

        Args:
            status: of the answer.
            headers: looked up without regard to case.
            retry_after_s: what its `Retry-After` asks for; None for nothing.
        """
        pause = retry_after_s if status in {429, 503} else None
        if pause is None:
            remaining, reset = _limits(headers)
            if remaining != 0:
                return
            pause = _UNSAID_PAUSE_S if reset is None else reset
        with self._lock:
            self._closed_until = max(self._closed_until, self._now() + pause)
            self._drawn = 0
        if self._bucket is not None:
            self._bucket.close(pause)


def _limits(headers: Mapping[str, str]) -> tuple[int | None, float | None]:
    """Requests left, and seconds until there are more; None for what is not said."""
    newer = dict(_PARAMETER.findall(headers.get("ratelimit", "").lower()[:512]))
    if "r" in newer:
        return int(newer["r"]), float(newer["t"]) if "t" in newer else None
    left = _NUMBER.match(headers.get("ratelimit-remaining", ""))
    reset = _NUMBER.match(headers.get("ratelimit-reset", ""))
    return (int(left[1]) if left else None), (float(reset[1]) if reset else None)
