# SPDX-License-Identifier: Apache-2.0
"""Leases: what one replica at a time does, and which replicas live. Time is the database's, so clocks may differ.

Who holds a lease keeps it by asking for it again; one that died loses it after `seconds`. A replica that was asleep may
believe for a moment that it still holds one: what must not happen twice confirms it in its own transaction.
"""

import logging
import time
from collections.abc import Callable
from threading import Event as Flag
from threading import Lock, Thread
from typing import Final

from sqlalchemy import Connection, delete, select, update

from tidegate.errors import OutsideError, TidegateError
from tidegate.storage.database import Database
from tidegate.storage.database_clock import database_now
from tidegate.storage.insert import insert_once
from tidegate.storage.schema import lease

_log = logging.getLogger(__name__)
LEASE_SECONDS: Final = 15.0
_REPLICA: Final = "replica:"


class LeaseLostError(OutsideError):
    """Another replica does it now."""

    def __init__(self, name: str) -> None:
        super().__init__("another replica holds the lease", where=name)


class Leases:
    """The leases one replica holds.

    Args:
        database: shared by all replicas.
        holder: this replica's name; no two that live have the same.
        seconds: how long a lease lasts after it was last asked for.
    """

    def __init__(self, database: Database, holder: str, *, seconds: float = LEASE_SECONDS) -> None:
        self.holder = holder
        self._database = database
        self._seconds = seconds
        self._asked_at: dict[str, float] = {}
        self._lock = Lock()
        self._stopping = Flag()
        self._thread: Thread | None = None

    @property
    def look_again_seconds(self) -> float:
        """How long to wait before asking again for what another replica holds."""
        return self._seconds / 3

    def start(self, watch: Callable[[], object]) -> None:
        """Shows that this replica lives, from now until `stop`.

        Args:
            watch: called each time it was shown.
        """
        self.hold(_REPLICA + self.holder)
        self._thread = Thread(target=self._live, args=(watch,), name="leases", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Gives back everything, so that another replica goes on at once."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        try:
            with self._database.begin() as connection:
                connection.execute(delete(lease).where(lease.c.holder == self.holder))
        except TidegateError as error:
            _log.warning("leases not given back (%s); they end by themselves", error)

    def hold(self, name: str) -> bool:
        """Takes a lease, or keeps it; asks the database only when a third of its time has gone.

        Returns:
            False when another replica holds it.

        Raises:
            OutsideError: the database failed.
        """
        at = time.monotonic()
        with self._lock:
            if at - self._asked_at.get(name, float("-inf")) < self.look_again_seconds:
                return True
        won = self._ask(name)
        with self._lock:
            if won:
                self._asked_at[name] = at  # from before it was asked: here it ends before it does there
            else:
                self._asked_at.pop(name, None)
        return won

    def confirm(self, connection: Connection, name: str) -> None:
        """Makes sure, in the caller's transaction, that the lease is held until its end.

        Raises:
            LeaseLostError: it is not.
        """
        query = select(lease.c.holder).where(lease.c.name == name).with_for_update()
        if connection.scalar(query) != self.holder:
            with self._lock:
                self._asked_at.pop(name, None)
            raise LeaseLostError(name)

    def living(self) -> set[str]:
        """Names of the replicas that live."""
        with self._database.read() as connection:
            shown = lease.c.name.startswith(_REPLICA, autoescape=True) & (lease.c.until_ms >= database_now(connection))
            return {name.removeprefix(_REPLICA) for name in connection.scalars(select(lease.c.name).where(shown))}

    def _ask(self, name: str) -> bool:
        with self._database.begin() as connection:
            now = database_now(connection)
            values = {"holder": self.holder, "until_ms": now + int(self._seconds * 1000)}
            free = (lease.c.holder == self.holder) | (lease.c.until_ms < now)
            taken = update(lease).where(lease.c.name == name, free).values(values)
            return bool(connection.execute(taken).rowcount) or insert_once(connection, lease, name=name, **values)

    def _live(self, watch: Callable[[], object]) -> None:
        while not self._stopping.wait(self.look_again_seconds):
            try:
                self.hold(_REPLICA + self.holder)
                watch()
            except Exception as error:  # noqa: BLE001 - whatever it was, the next beat may work
                known = isinstance(error, TidegateError)
                _log.warning("leases: %s; trying again", error, exc_info=not known)
