# SPDX-License-Identifier: Apache-2.0
"""Accounts and grants as the database has them, remembered until somebody changes them.

Every replica looks once a second whether the revision grew, so a change holds everywhere after that long at most, and
at once in the process that made it. What is remembered is bounded; the least used goes first.
"""

import time
from collections import OrderedDict
from threading import Lock
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import select

from tidegate.identity import account, granting, revision
from tidegate.identity.account import Account
from tidegate.identity.grant import Grant
from tidegate.identity.principal import Principal
from tidegate.storage.database import Database
from tidegate.storage.identity_schema import principal

LOOK_EVERY_SECONDS: Final = 1.0
MAX_REMEMBERED: Final = 4096
V = TypeVar("V")


class Remembered(Generic[V]):
    """The last values used, by key: at most so many, the least used goes first. Safe for threads."""

    def __init__(self, most: int = MAX_REMEMBERED) -> None:
        self._most = most
        self._values: OrderedDict[Any, V] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Any) -> V | None:
        """A value; None when it is not remembered."""
        with self._lock:
            value = self._values.get(key)
            if value is not None:
                self._values.move_to_end(key)
            return value

    def put(self, key: Any, value: V) -> None:
        """Remembers a value."""
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            if len(self._values) > self._most:
                self._values.popitem(last=False)

    def clear(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._values.clear()


class Directory:
    """Who is known, and what they were granted. Safe for threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._grants: Remembered[tuple[int, tuple[Grant, ...]]] = Remembered()
        self._accounts: Remembered[tuple[int, tuple[Account, str]]] = Remembered()
        self._revision = -1
        self._populated = False
        self._look_again_at = 0.0

    @property
    def is_fresh(self) -> bool:
        """True while what is remembered may be used without a look at the database."""
        return time.monotonic() < self._look_again_at

    @property
    def seen_revision(self) -> int:
        """The revision of the last look."""
        return self._revision

    @property
    def is_populated(self) -> bool:
        """True when there is any account, as of the last look."""
        return self._populated

    def look(self, *, anew: bool = False) -> int:
        """Looks which revision is in force, unless it was just done; returns it.

        Args:
            anew: looks though it was just done; what is remembered stays good for everybody else meanwhile.

        Raises:
            OutsideError: the database failed.
        """
        if self.is_fresh and not anew:
            return self._revision
        begun = time.monotonic()
        with self._database.read() as connection:
            found = revision.current(connection)
            if found != self._revision:
                self._populated = connection.execute(select(principal.c.name).limit(1)).first() is not None
        self._revision = found
        self._look_again_at = begun + LOOK_EVERY_SECONDS
        return found

    def forget(self) -> None:
        """Has the next question look at the database: something was changed here."""
        self._look_again_at = 0.0

    def account(self, name: str) -> tuple[Account, str] | None:
        """A principal kept here with what is kept of its secret; None when there is none.

        Raises:
            OutsideError: the database failed.
        """
        now = self.look()
        remembered = self._accounts.get(name)
        if remembered is not None and remembered[0] == now:
            return remembered[1]
        with self._database.read() as connection:
            found = account.find(connection, name)
        if found is not None:  # names nobody has are not worth remembering: there are too many of them
            self._accounts.put(name, (now, found))
        return found

    def known_account(self, name: str) -> tuple[Account, str] | None:
        """As `account`, but only what is remembered: None also means that one has to look."""
        remembered = self._accounts.get(name)
        return remembered[1] if remembered and self.is_fresh and remembered[0] == self._revision else None

    def grants(self, principal: Principal) -> tuple[Grant, ...]:
        """What was granted to a principal and its groups, in force or run out since.

        Raises:
            OutsideError: the database failed.
        """
        now = self.look()
        key = (principal.name, principal.groups)
        remembered = self._grants.get(key)
        if remembered is not None and remembered[0] == now:
            return remembered[1]
        with self._database.read() as connection:
            found = granting.active_grants(connection, principal.name, principal.groups)
        self._grants.put(key, (now, found))
        return found

    def known_grants(self, principal: Principal) -> tuple[Grant, ...] | None:
        """As `grants`, but only what is remembered: None means that one has to look."""
        remembered = self._grants.get((principal.name, principal.groups))
        return remembered[1] if remembered and self.is_fresh and remembered[0] == self._revision else None
