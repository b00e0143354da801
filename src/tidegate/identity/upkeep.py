# SPDX-License-Identifier: Apache-2.0
"""What identity does by itself as time goes by: grants that ran out are told, what is old is forgotten."""

import logging
from collections.abc import Callable
from threading import Event as Flag
from threading import Thread
from typing import Final

from tidegate.clock import Clock
from tidegate.identity import granting
from tidegate.identity.directory import Directory
from tidegate.identity.throttle import Throttle
from tidegate.storage.carry_on import carrying_on
from tidegate.storage.database import Database

_log = logging.getLogger(__name__)
_EVERY_SECONDS: Final = 15.0


class IdentityUpkeep:
    """A thread that looks every 15 seconds.

    Args:
        keep_trail: removes what is too old of the audit trail, and anchors it, when it is time.
    """

    def __init__(
        self,
        database: Database,
        directory: Directory,
        throttle: Throttle,
        clock: Clock,
        *,
        keep_trail: Callable[[], object],
    ) -> None:
        self._database = database
        self._directory = directory
        self._throttle = throttle
        self._clock = clock
        self._keep_trail = keep_trail
        self._stopping = Flag()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Begins looking."""
        self._thread = Thread(target=self._watch, name="identity upkeep", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends it; returns when it has ended."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def once(self) -> None:
        """Does what is due now.

        Raises:
            OutsideError: the database failed.
        """
        with self._database.begin() as connection:
            ended = granting.expire(connection, at=self._clock())
            self._throttle.forget_old(connection)
        if ended:
            self._directory.forget()
        self._keep_trail()

    def _watch(self) -> None:
        while not self._stopping.is_set():
            with carrying_on(_log, "identity upkeep"):
                self.once()
            self._stopping.wait(_EVERY_SECONDS)
