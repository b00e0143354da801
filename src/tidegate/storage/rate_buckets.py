# SPDX-License-Identifier: Apache-2.0
"""A token bucket that all replicas draw from: one row, by the database's clock."""

from sqlalchemy import select, update

from tidegate.storage.database import Database
from tidegate.storage.database_clock import database_now
from tidegate.storage.insert import insert_once
from tidegate.storage.sharing_schema import rate_bucket


class DatabaseBucket:
    """One bucket (a `tidegate.outbound.pace.Bucket`).

    Args:
        database: shared by those who keep the limit together.
        name: of the bucket.
    """

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._name = name

    def draw(self, count: int, *, rate_per_s: float, burst: int, most_wait_s: float) -> float:
        """Takes tokens; returns the seconds until they may be used. More than `most_wait_s`: nothing was taken.

        Raises:
            OutsideError: the database failed.
        """
        table = rate_bucket
        with self._database.begin() as connection:
            now = database_now(connection)
            insert_once(connection, table, name=self._name, tokens=float(burst), filled_ms=now, closed_until_ms=0)
            query = select(table.c.tokens, table.c.filled_ms, table.c.closed_until_ms, now.label("now"))
            row = connection.execute(query.where(table.c.name == self._name).with_for_update()).one()
            grown = max(0, row.now - row.filled_ms) / 1000 * rate_per_s
            tokens = min(float(burst), row.tokens + grown)
            wait = float(max(0.0, (row.closed_until_ms - row.now) / 1000, (count - tokens) / rate_per_s))
            if wait <= most_wait_s:
                values = {"tokens": tokens - count, "filled_ms": max(row.now, row.filled_ms)}
                connection.execute(update(table).where(table.c.name == self._name).values(values))
        return wait

    def close(self, seconds: float) -> None:
        """Lets nobody draw for so long.

        Raises:
            OutsideError: the database failed.
        """
        table = rate_bucket
        with self._database.begin() as connection:
            until = database_now(connection) + int(seconds * 1000)
            held = (table.c.name == self._name) & (table.c.closed_until_ms < until)
            connection.execute(update(table).where(held).values(closed_until_ms=until))
