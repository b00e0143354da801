# SPDX-License-Identifier: Apache-2.0
"""What a server does because time has gone by: what kills left is cleared, decisions are made anew before they end.

And what images are made of is put where many are asked at once.
"""

import logging
from collections.abc import Callable
from threading import Event as Flag
from threading import Thread
from typing import Final

from tidegate.assembly.tide_watch import TideWatch
from tidegate.clock import Clock
from tidegate.curation.components.folding import fold
from tidegate.loops.expiring import judge_before_expiry
from tidegate.loops.stalled import judge_stalled
from tidegate.storage.carry_on import carrying_on
from tidegate.storage.database import Database
from tidegate.storage.leases import Leases

_log = logging.getLogger(__name__)
_LOOK_EVERY_SECONDS: Final = 900.0


class ByTime:
    """Looks every quarter of an hour, in one replica of all; at tides whenever something was committed.

    Args:
        database: what is looked at.
        leases: whose turn it is.
        sweep: clears what kills left of uploads.
        submit: asks for curation of a digest.
        look_for_updates: judges anew what may have a newer image.
        clock: now.
    """

    def __init__(
        self,
        database: Database,
        leases: Leases,
        sweep: Callable[[], object],
        submit: Callable[[str, str], None],
        look_for_updates: Callable[[], object],
        clock: Clock,
    ) -> None:
        self._leases = leases
        self._tides = TideWatch(database, leases, clock)
        self._looks: dict[str, Callable[[], object]] = {
            "sweep": sweep,
            "judge_before_expiry": lambda: judge_before_expiry(database, submit, clock),
            "judge_stalled": lambda: judge_stalled(database, submit, clock),
            "look_for_updates": look_for_updates,
            "fold": lambda: fold(database),
        }
        self._stopping = Flag()
        self._thread = Thread(target=self._run, name="by time", daemon=True)

    def start(self) -> None:
        """Starts."""
        self._thread.start()
        self._tides.start()

    def stop(self) -> None:
        """Ends after the look in hand."""
        self._stopping.set()
        self._tides.stop()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            for name, look in self._looks.items():
                with carrying_on(_log, name):
                    if self._leases.hold("by time"):
                        look()
            self._stopping.wait(_LOOK_EVERY_SECONDS)
