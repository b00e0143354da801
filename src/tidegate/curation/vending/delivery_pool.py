# SPDX-License-Identifier: Apache-2.0
"""Makes deliveries side by side, so that a receiver that is slow or dead holds up nobody but itself.

One replica at a time delivers. What waits for a subscription is delivered in lanes, each for its own subjects, and one
after the other in each. How many lanes are under way is bounded, altogether and to one receiver and of one owner; one
that has gone on for a while makes room for others. What is under way when a process is killed still waits in the
record, and is told again.
"""

import logging
import time
from collections import Counter
from threading import Condition, Thread
from threading import Event as Flag
from typing import Any, Final
from zlib import crc32

from tidegate.curation.vending.delivery import Delivery
from tidegate.errors import TidegateError
from tidegate.identity.directory import Directory
from tidegate.outbound.address import origin
from tidegate.storage.carry_on import carrying_on
from tidegate.storage.database import Database
from tidegate.storage.leases import Leases

_log = logging.getLogger(__name__)
AT_ONCE: Final = 16
OF_ONE_OWNER: Final = 4
TO_ONE_RECEIVER: Final = 2
STOP_SECONDS: Final = 3.0
"""How long an end waits for what is under way; what it does not wait for is told again."""
_TURN_SECONDS: Final = 2.0
"""How long a lane goes on before others are looked at."""
_WINDOW: Final = 800
"""What is looked at of what waits for one subscription: both lanes' next."""
_LOOK_AGAIN_SECONDS: Final = 2.0
_REVIEW_SECONDS: Final = 15.0
"""After so long owners are looked at again, though nobody changed them: grants and principals end with time."""
_FORGET_SECONDS: Final = 3600.0
_LEASE: Final = "deliveries"


class DeliveryPool:
    """Delivers until it is stopped.

    Args:
        directory: says when owners are to be looked at again.
    """

    def __init__(self, database: Database, work: Delivery, directory: Directory, leases: Leases) -> None:
        self._database = database
        self._work = work
        self._directory = directory
        self._leases = leases
        self._stopping = Flag()
        self._thread = Thread(target=self._run, name="deliveries", daemon=True)
        self._changed = Condition()
        self._begun: dict[tuple[str, int], tuple[str, str]] = {}  # subscription and lane, with owner and receiver
        self._last = ""
        self._reviewed: tuple[int, float] = (-1, 0.0)
        self._forget_at = 0.0

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def stop(self) -> None:
        """Begins nothing more; waits a little for what is under way."""
        self._stopping.set()
        self._database.commits.notify()
        self._thread.join()
        with self._changed:
            self._changed.wait_for(lambda: not self._begun, STOP_SECONDS)

    def _run(self) -> None:
        while not self._stopping.is_set():
            seen, failed = self._database.commits.count, True
            with carrying_on(_log, "deliveries"):
                if self._leases.hold(_LEASE):
                    self._review()
                    self._begin()
                failed = False
            if failed:
                self._stopping.wait(_LOOK_AGAIN_SECONDS)
            else:
                self._database.commits.wait(seen, timeout=_LOOK_AGAIN_SECONDS)

    def _review(self) -> None:
        """Looks at owners when one was changed, and from time to time."""
        revision, now = self._directory.look(), time.monotonic()
        if revision != self._reviewed[0] or now >= self._reviewed[1]:
            self._work.review()
            self._reviewed = (revision, now + _REVIEW_SECONDS)
        if now >= self._forget_at:
            self._work.forget_old()
            self._forget_at = now + _FORGET_SECONDS

    def _begin(self) -> None:
        """Begins what may be under way beside what is; those come first whose turn was longest ago."""
        with self._changed:
            if self._stopping.is_set() or len(self._begun) >= AT_ONCE:
                return
            with self._database.read() as connection:
                waiting = self._work.waiting(connection)
                for to in [to for to in waiting if to["id"] > self._last] + [
                    to for to in waiting if to["id"] <= self._last
                ]:
                    free = [lane for lane in range(TO_ONE_RECEIVER) if (to["id"], lane) not in self._begun]
                    if not free or self._room(to) <= 0:
                        continue
                    self._last = to["id"]
                    due = self._work.due(connection, to["id"], limit=_WINDOW)
                    for lane in free:
                        rows = [dict(row) for row in due if _lane(row["subject"]) == lane]
                        if rows and self._room(to) > 0:
                            self._begin_one(to, lane, rows)

    def _room(self, to: Any) -> int:
        """How many more may be under way to a subscription's receiver."""
        owners = Counter(owner for owner, _ in self._begun.values())
        receivers = Counter(receiver for _, receiver in self._begun.values())
        return min(
            AT_ONCE - len(self._begun),
            OF_ONE_OWNER - owners[to["owner"]],
            TO_ONE_RECEIVER - receivers[_receiver(to["url"])],
        )

    def _begin_one(self, to: Any, lane: int, rows: list[dict[str, Any]]) -> None:
        self._begun[to["id"], lane] = (to["owner"], _receiver(to["url"]))
        # Not to be waited for by the interpreter: what a receiver holds up is told again by the next process.
        name = f"deliveries {to['id'][:8]} {lane}"
        Thread(target=self._make, args=(to["id"], lane, rows), name=name, daemon=True).start()

    def _make(self, number: str, lane: int, rows: list[dict[str, Any]]) -> None:
        made, ends = False, time.monotonic() + _TURN_SECONDS
        with carrying_on(_log, "a delivery"):
            self._work.deliver(rows, going=lambda: self._goes_on(ends))
            made = True
        with self._changed:
            del self._begun[number, lane]
            self._changed.notify_all()
        with carrying_on(_log, "deliveries"):
            if made and self._leases.hold(_LEASE):  # else the other thread begins again, after a while
                self._begin()

    def _goes_on(self, ends: float) -> bool:
        return not self._stopping.is_set() and time.monotonic() < ends and self._leases.hold(_LEASE)


def _lane(subject: str) -> int:
    return crc32(subject.encode()) % TO_ONE_RECEIVER


def _receiver(url: str) -> str:
    try:
        return ":".join(map(str, origin(url)))
    except TidegateError:
        return url
