# SPDX-License-Identifier: Apache-2.0
"""Failed logins make the next ones wait, longer each time; counted in the database, so that every replica knows.

Three counts: of a name from one address (few are free), of an address (many people may share one), and of a name from
anywhere (many, and never a long wait: else anybody could lock anybody out). Names nobody has count like all others.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, select

from tidegate.clock import Clock, parse_rfc3339, rfc3339
from tidegate.errors import RefusedError
from tidegate.identity.network import network_of
from tidegate.storage.database import Database
from tidegate.storage.identity_schema import login_failure
from tidegate.storage.insert import insert_once, insert_or_update

_LONGEST_EXPONENT: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How much one count forgives.

    Attributes:
        free: failures without a wait.
        longest: the longest wait.
        first: the first wait; each failure more doubles it.
    """

    free: int
    longest: timedelta
    first: timedelta = timedelta(seconds=1)

    def wait(self, failures: int) -> timedelta:
        """How long after so many failures."""
        over = failures - self.free
        if over <= 0:
            return timedelta(0)
        doubled: int = 2 ** min(over - 1, _LONGEST_EXPONENT)
        return min(self.first * doubled, self.longest)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottleOptions:
    """Bounds of failed logins.

    Attributes:
        pair: of a name from one address.
        address: of an address; IPv6 by /64.
        name: of a name from anywhere.
        window: after this long without a failure a count begins anew.
    """

    pair: Limit = Limit(free=5, longest=timedelta(minutes=15))
    address: Limit = Limit(free=30, longest=timedelta(minutes=15))
    name: Limit = Limit(free=100, longest=timedelta(minutes=1))
    window: timedelta = timedelta(minutes=15)


class ThrottledError(RefusedError):
    """Too many failures; nobody looked whether this attempt is right.

    Attributes:
        retry_after: seconds.
    """

    def __init__(self, retry_after: int) -> None:
        super().__init__("too many failed logins", remedy=f"try again in {retry_after} seconds")
        self.retry_after = retry_after


class Throttle:
    """Counts failures, and says who has to wait. Safe for threads."""

    def __init__(self, database: Database, clock: Clock, options: ThrottleOptions | None = None) -> None:
        self._database = database
        self._clock = clock
        self._options = options or ThrottleOptions()

    def check(self, name: str, address: str) -> None:
        """Lets an attempt be made.

        Raises:
            ThrottledError: not yet.
            OutsideError: the database failed.
        """
        now = self._clock()
        with self._database.read() as connection:
            ends = _blocked_until(connection, (key for key, _ in self._counts(name, address)), now)
        if ends is not None:
            raise ThrottledError(max(1, int((ends - now).total_seconds())))

    def failed(self, name: str, address: str) -> None:
        """Counts a failure, unless who makes it has to wait already.

        Raises:
            ThrottledError: they have.
            OutsideError: the database failed.
        """
        self.check(name, address)
        now = self._clock()
        with self._database.begin() as connection:
            for key, limit in self._counts(name, address):
                self._count(connection, key, limit, now)

    def succeeded(self, name: str, address: str) -> None:
        """Forgets the failures of a name from an address; those of the address and of the name go with time.

        Raises:
            OutsideError: the database failed.
        """
        pair = self._counts(name, address)[0][0]
        with self._database.read() as connection:
            if connection.execute(select(login_failure.c.key).where(login_failure.c.key == pair)).first() is None:
                return
        with self._database.begin() as connection:
            connection.execute(delete(login_failure).where(login_failure.c.key == pair))

    def forget_old(self, connection: Connection) -> None:
        """Removes counts that have begun anew by now."""
        old = rfc3339(self._clock() - self._options.window - self._options.pair.longest)
        connection.execute(delete(login_failure).where(login_failure.c.failed_at < old))

    def _counts(self, name: str, address: str) -> tuple[tuple[str, Limit], ...]:
        network, options = network_of(address), self._options
        return (
            (_key("pair", name, network), options.pair),
            (_key("address", network), options.address),
            (_key("name", name), options.name),
        )

    def _count(self, connection: Connection, key: str, limit: Limit, now: datetime) -> None:
        values = {"failures": 1, "failed_at": rfc3339(now), "blocked_until": ""}
        if insert_once(connection, login_failure, key=key, **values):
            return
        # Locked, so that failures at once on two replicas count as two.
        found = select(login_failure).where(login_failure.c.key == key).with_for_update()
        row = connection.execute(found).first()
        old = row is None or parse_rfc3339(row.failed_at) + self._options.window < now
        failures = 1 if row is None or old else row.failures + 1
        wait = limit.wait(failures)
        values |= {"failures": failures, "blocked_until": rfc3339(now + wait) if wait else ""}
        insert_or_update(connection, login_failure, key=key, **values)


def _blocked_until(connection: Connection, keys: Iterable[str], now: datetime) -> datetime | None:
    table = login_failure
    query = select(table.c.blocked_until).where(table.c.key.in_(list(keys)), table.c.blocked_until > rfc3339(now))
    found = list(connection.scalars(query))
    return parse_rfc3339(max(found)) if found else None


def _key(*parts: str) -> str:
    """One kept form for names of any length; what somebody typed as a name may be their password."""
    return parts[0] + ":" + hashlib.sha256("\0".join(parts).encode(errors="replace")).hexdigest()
