# SPDX-License-Identifier: Apache-2.0
"""Ends tides once nothing of them is open: looked at when something was committed, by one replica of all."""

import logging
from threading import Event as Flag
from threading import Thread
from typing import Final

from tidegate.clock import Clock
from tidegate.loops.tide_ending import end_tides
from tidegate.storage.carry_on import carrying_on
from tidegate.storage.database import Database
from tidegate.storage.leases import Leases

_log = logging.getLogger(__name__)
_LOOK_AGAIN_SECONDS: Final = 10.0  # for what another process committed, which wakes nobody here
_REST_SECONDS: Final = 1.0
"""Between two looks, however much is committed."""


class TideWatch:
    """A thread that looks."""

    def __init__(self, database: Database, leases: Leases, clock: Clock) -> None:
        self._database = database
        self._leases = leases
        self._clock = clock
        self._stopping = Flag()
        self._thread = Thread(target=self._run, name="tides", daemon=True)

    def start(self) -> None:
        """Starts."""
        self._thread.start()

    def stop(self) -> None:
        """Ends after the look in hand."""
        self._stopping.set()
        self._database.commits.notify()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            seen = self._database.commits.count
            with carrying_on(_log, "looking at tides"):
                if self._leases.hold("tides"):
                    end_tides(self._database, self._clock)
            self._database.commits.wait(seen, timeout=_LOOK_AGAIN_SECONDS)
            self._stopping.wait(_REST_SECONDS)
