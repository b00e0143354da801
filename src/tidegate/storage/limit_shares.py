# SPDX-License-Identifier: Apache-2.0
"""A limit that replicas keep together: each reserves a part of it, and what all have reserved is never more.

Asking costs a write, using what was reserved costs nothing. Who died lets go after `seconds`.
"""

import logging
from collections.abc import Callable
from threading import Event as Flag
from threading import Thread
from typing import Final

from sqlalchemy import delete, func, select, update

from tidegate.storage.carry_on import carrying_on
from tidegate.storage.database import Database
from tidegate.storage.database_clock import database_now
from tidegate.storage.insert import insert_once, insert_or_update
from tidegate.storage.sharing_schema import limit_share

SECONDS: Final = 30.0
_LOCK: Final = ""
_log = logging.getLogger(__name__)


class LimitShares:
    """The parts that one replica holds. Safe for threads.

    Args:
        database: shared by those who keep limits together.
        holder: this replica's name; no two that live have the same.
        seconds: how long a part is held after it was last renewed.
    """

    def __init__(self, database: Database, holder: str, *, seconds: float = SECONDS) -> None:
        self._database = database
        self._holder = holder
        self._seconds = seconds
        self._stopping = Flag()
        self._before: list[Callable[[], object]] = []
        self._thread = Thread(target=self._run, name="limit shares", daemon=True)

    def reserve(self, name: str, wanted: int, *, most: int) -> int:
        """Holds `wanted` of a limit, or what is left of it; returns how much is held now.

        Args:
            name: of the limit.
            wanted: in all, in place of what was held before.
            most: that all replicas may hold together.

        Raises:
            OutsideError: the database failed.
        """
        table = limit_share
        with self._database.begin() as connection:
            insert_once(connection, table, name=name, holder=_LOCK, amount=0, until_ms=0)
            connection.execute(
                select(table.c.amount).where(table.c.name == name, table.c.holder == _LOCK).with_for_update()
            )
            now = database_now(connection)
            others = select(func.coalesce(func.sum(table.c.amount), 0)).where(
                table.c.name == name, table.c.holder.not_in((_LOCK, self._holder)), table.c.until_ms > now
            )
            held = max(0, min(wanted, most - int(connection.scalar(others) or 0)))
            until = now + int(self._seconds * 1000)
            insert_or_update(connection, table, name=name, holder=self._holder, amount=held, until_ms=until)
        return held

    def renew(self) -> None:
        """Goes on holding what is held; forgets what the dead held.

        Raises:
            OutsideError: the database failed.
        """
        table = limit_share
        with self._database.begin() as connection:
            now = database_now(connection)
            mine = (table.c.holder == self._holder) & (table.c.amount > 0)
            connection.execute(update(table).where(mine).values(until_ms=now + int(self._seconds * 1000)))
            connection.execute(delete(table).where(table.c.holder != _LOCK, table.c.until_ms < now))

    def before_renewing(self, act: Callable[[], object]) -> None:
        """Has something done each time before parts are renewed, such as giving back what is not needed."""
        self._before.append(act)

    def start(self) -> None:
        """Renews by itself from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Lets go of everything."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        with carrying_on(_log, "limit shares"), self._database.begin() as connection:
            connection.execute(delete(limit_share).where(limit_share.c.holder == self._holder))

    def _run(self) -> None:
        while not self._stopping.wait(self._seconds / 3):
            for act in (*self._before, self.renew):
                with carrying_on(_log, "limit shares"):
                    act()
