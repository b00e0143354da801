# SPDX-License-Identifier: Apache-2.0
"""One writer per digest at a time, among all threads and replicas: who places bytes, and who takes them away.

PostgreSQL keeps the lock with the transaction, so that it goes with it, whatever becomes of the process. SQLite lets
one transaction write at a time anyway; there a lock of this process keeps the slow part, which is the disk's, out of
the transaction. Its folder belongs to one server (`serve.lock`).
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

from sqlalchemy import Connection, text

from tidegate.artifact import Digest
from tidegate.storage.database import Database
from tidegate.storage.lock_order import Rank, taking

_STRIPES: Final = 64
_CLASS: Final = 0x71E0  # any number, the same in every replica
_SIGN: Final = 1 << 31


class DigestLocks:
    """Locks of all digests of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stripes = tuple(Lock() for _ in range(_STRIPES))

    @contextmanager
    def writing(
        self, digest: Digest, *, first: Callable[[], object] | None = None, alone: bool = False
    ) -> Iterator[Connection]:
        """A transaction that writes, and that nobody else has for this digest.

        Args:
            digest: whose bytes or rows are changed.
            first: called under the lock, before anything of the transaction.
            alone: as `Database.begin` has it.

        Raises:
            OutsideError: the database failed, or the lock was not to be had.
        """
        with self._stripes[_number(digest) % _STRIPES]:
            if first is not None and self._database.is_sqlite:
                first()
            with self._database.begin(alone=alone) as connection:
                lock_digest(connection, digest)
                if first is not None and not self._database.is_sqlite:
                    first()
                yield connection


def lock_digests(connection: Connection, digests: Iterable[Digest]) -> None:
    """Takes the locks of digests until the transaction ends, in their one order: for who needs several."""
    for digest in sorted(set(digests)):
        lock_digest(connection, digest)


def lock_digest(connection: Connection, digest: Digest) -> None:
    """Takes the lock of a digest until the transaction ends; one that writes to SQLite has it already."""
    taking(connection, Rank.BLOB, [digest])
    if connection.dialect.name == "postgresql":
        keys = {"class": _CLASS, "key": _number(digest) - _SIGN}
        connection.execute(text("SELECT pg_advisory_xact_lock(:class, :key)"), keys)


def _number(digest: Digest) -> int:
    return int(digest.hex[:8], 16)
