# SPDX-License-Identifier: Apache-2.0
"""Hearing of other replicas' commits: PostgreSQL tells them (LISTEN), and those who wait here are woken.

Only a hint: whoever waits looks again by itself, so that nothing hangs on a message that was missed.
"""

import logging
from threading import Event as Flag
from threading import Thread
from typing import Any, Final

from sqlalchemy import Connection, text

from tidegate.errors import OutsideError, TidegateError
from tidegate.storage.database import Database

_log = logging.getLogger(__name__)
_CHANNEL: Final = "tidegate_outbox"
_LISTEN_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 5.0


def announce(connection: Connection) -> None:
    """Has all replicas told when the caller's transaction is committed; on PostgreSQL only."""
    connection.execute(text("SELECT pg_notify(:channel, '')"), {"channel": _CHANNEL})


class Announcements:
    """Wakes those who wait for this process's commits when another replica committed.

    Args:
        database: on SQLite there is nothing to hear, and no thread.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stopping = Flag()
        self._thread = Thread(target=self._run, name="announcements", daemon=True)

    def start(self) -> None:
        """Listens from now on."""
        if not self._database.is_sqlite:
            self._thread.start()

    def stop(self) -> None:
        """Stops listening."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._listen()
            except TidegateError as error:
                _log.info("announcements of other replicas are not heard (%s); trying again", error)
                self._stopping.wait(_RETRY_SECONDS)

    def _listen(self) -> None:
        from psycopg import Error

        with self._database.alone() as connection:
            connection.execute(text(f"LISTEN {_CHANNEL}"))
            driver: Any = connection.connection.driver_connection
            self._database.commits.notify()  # for what was told before
            try:
                while not self._stopping.is_set():
                    for _ in driver.notifies(timeout=_LISTEN_SECONDS, stop_after=1):
                        self._database.commits.notify()
            except Error as error:
                raise OutsideError("the database no longer tells of commits") from error
