# SPDX-License-Identifier: Apache-2.0
"""What a replica that died left in flight is taken up by one that lives."""

import logging

from tidegate.storage.durable import DurableWork
from tidegate.storage.leases import Leases

_log = logging.getLogger(__name__)


class Takeover:
    """Looks for work of the dead, as one replica at a time; to be called with each beat of the leases.

    A replica counts as dead when two looks in a row did not find it: after an outage of the database nobody has shown
    yet that it lives. Work that is taken from one that lives after all is done twice, which its steps allow.
    """

    def __init__(self, leases: Leases, durable: DurableWork) -> None:
        self._leases = leases
        self._durable = durable
        self._missed: set[str] = set()

    def __call__(self) -> None:
        """Looks once.

        Raises:
            OutsideError: the database failed.
        """
        if not self._leases.hold("takeover"):
            self._missed = set()
            return
        missing = self._durable.abandoned(self._leases.living())
        if dead := missing & self._missed:
            _log.warning("replicas that are gone left work in flight, which is taken up: %s", ", ".join(sorted(dead)))
            self._durable.adopt(dead)
        self._missed = missing
