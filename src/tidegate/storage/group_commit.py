# SPDX-License-Identifier: Apache-2.0
"""One commit for all who write to SQLite at the same moment: the disk takes as long for many as for one.

SQLite has one writer at a time, so the threads of a process take turns. Who has done its part while others queue hands
the open transaction on instead of committing it; the last one commits for all, and only then is anybody told. Parts
after the first run within a savepoint: one that fails takes back what it did and nothing else. While a commit waits for
the disk the next ones queue, so groups grow with the disk's slowness, and nobody who is alone waits for company.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event as Flag
from threading import Lock
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from tidegate.errors import OutsideError

MOST_MEMBERS: Final = 64
GROUP_SECONDS: Final = 0.05
_REMEDY: Final = "look at its disk, its locks and its log"


class GroupCommit:
    """The turns of all threads that write to one SQLite database.

    Args:
        connect: a connection that begins with the lock for writing (`BEGIN IMMEDIATE`).
        seconds: how long a turn is waited for, and a commit.
        group_seconds: a group that is older is committed though others wait.
    """

    def __init__(
        self, connect: Callable[[], Connection], seconds: float, *, group_seconds: float = GROUP_SECONDS
    ) -> None:
        self._connect = connect
        self._seconds = seconds
        self._group_seconds = group_seconds
        self._lock = Lock()  # of what follows; held for moments only
        self._taken = False
        self._queue: deque[_Waiter] = deque()
        self._group: _Group | None = None  # belongs to who has the turn

    @property
    def waiting(self) -> int:
        """Threads that wait for their turn."""
        return len(self._queue)

    @contextmanager
    def part(self, *, alone: bool = False) -> Iterator[Connection]:
        """The caller's part of a transaction; what it did lasts when the block has ended. Not re-entrant.

        Args:
            alone: sees only what is committed, and is committed by itself.

        Raises:
            OutsideError: no turn was to be had, or the commit failed.
            SQLAlchemyError: no connection was to be had, or the block's own.
        """
        self._take_turn(alone=alone)
        try:
            group = self._group or self._begun()
        except BaseException:
            self._pass_on()
            raise
        try:
            with group.part():
                yield group.connection
        except BaseException:
            self._end_turn(group, alone=alone)
            raise
        if not self._end_turn(group, alone=alone) and not group.ended.wait(self._seconds):
            raise OutsideError(f"the database failed: a writer of this process took over {self._seconds:g} s")
        if group.error is not None:
            raise OutsideError(f"the database failed: {_cause(group.error)}", remedy=_REMEDY) from group.error

    def _take_turn(self, *, alone: bool) -> None:
        with self._lock:
            if not self._taken:
                self._taken = True
                return
            waiter = _Waiter(alone=alone)
            self._queue.append(waiter)
        try:
            if waiter.called.wait(self._seconds):
                return
        except BaseException:  # interrupted
            if not self._withdraw(waiter):
                self._leave()
            raise
        if self._withdraw(waiter):
            raise OutsideError(f"the database failed: locked by a writer of this process for {self._seconds:g} s")

    def _withdraw(self, waiter: "_Waiter") -> bool:
        """False when it was called at the last moment."""
        with self._lock:
            if waiter not in self._queue:
                return False
            self._queue.remove(waiter)
            return True

    def _begun(self) -> "_Group":
        group = _Group(self._connect(), self._group_seconds)
        try:
            group.connection.begin()
        except BaseException:
            group.connection.close()
            raise
        self._group = group
        return group

    def _end_turn(self, group: "_Group", *, alone: bool) -> bool:
        """Hands the group on, or ends it; True when it has ended."""
        if group.is_open and not alone and not group.is_full and self._hand_on():
            return False
        self._group = None
        try:
            group.end()
        finally:
            self._pass_on()
        return True

    def _hand_on(self) -> bool:
        """Gives the turn, and the group with it, to who waits longest; False when nobody does who shares."""
        with self._lock:
            if not self._queue or self._queue[0].alone:
                return False
            self._queue.popleft().called.set()
            return True

    def _pass_on(self) -> None:
        """Gives the turn away, without a group."""
        with self._lock:
            if self._queue:
                self._queue.popleft().called.set()
            else:
                self._taken = False

    def _leave(self) -> None:
        """Gives a turn back that nothing was done with."""
        if self._group is not None:
            self._end_turn(self._group, alone=False)
        else:
            self._pass_on()


@dataclass(slots=True, kw_only=True, eq=False)
class _Waiter:
    alone: bool
    called: Flag = field(default_factory=Flag)


class _Group:
    """One transaction of one or several.

    Attributes:
        ended: committed, or lost.
        error: why it is lost; None otherwise.
    """

    def __init__(self, connection: Connection, seconds: float) -> None:
        self.connection = connection
        self.ended = Flag()
        self.error: BaseException | None = None
        self._members = 0
        self._ends_at = time.monotonic() + seconds

    @property
    def is_open(self) -> bool:
        """True while there is something in it to commit."""
        return bool(self._members) and self.error is None

    @property
    def is_full(self) -> bool:
        """True when no more may join."""
        return self._members >= MOST_MEMBERS or time.monotonic() > self._ends_at

    @contextmanager
    def part(self) -> Iterator[None]:
        """One member's part: counted when it ends well, else taken back."""
        saved = f"part_{self._members}" if self._members else ""
        try:
            if saved:
                self.connection.exec_driver_sql(f"SAVEPOINT {saved}")
            yield
            self._require_transaction()
            if saved:
                self.connection.exec_driver_sql(f"RELEASE {saved}")
        except BaseException as error:
            if saved:
                self._take_back(saved, error)
            raise
        self._members += 1

    def end(self) -> None:
        """Commits what its members did, unless it is lost; tells them."""
        try:
            if self.is_open:
                self.connection.commit()
        except BaseException as error:
            self.error = error
            if not isinstance(error, Exception):
                raise
        finally:
            with suppress(SQLAlchemyError):
                if self.error is not None:
                    self.connection.invalidate()  # nobody knows how a commit that failed left it
                self.connection.close()  # rolls back what was not committed
            self.ended.set()

    def _take_back(self, saved: str, cause: BaseException) -> None:
        try:
            self.connection.exec_driver_sql(f"ROLLBACK TO {saved}")
            self.connection.exec_driver_sql(f"RELEASE {saved}")
            self._require_transaction()
        except SQLAlchemyError:
            self.error = cause  # it took everybody's part with it

    def _require_transaction(self) -> None:
        # A full disk, and some other errors, have SQLite roll back everything; who swallows them is told here.
        driver = self.connection.connection.dbapi_connection
        if driver is None or not driver.in_transaction:
            raise SQLAlchemyError("the transaction was rolled back by the database")


def _cause(error: BaseException) -> object:
    return getattr(error, "orig", None) or error
