# SPDX-License-Identifier: Apache-2.0
"""The one order in which transactions take locks, so that no two of them wait for each other in a circle.

Whoever holds a lock waits only for locks further down this list; of one rank, in the order of the keys. A lock that is
held already may be asked for again. It holds for rows locked by `FOR UPDATE`, rows that are changed, advisory locks and
names that two may insert at once. Locks that are not waited for (`SKIP LOCKED`) need no place, nor do rows that only
one transaction can reach, which has a lock of this list for them.

SQLite has one writer at a time and never deadlocks; there the order is noted all the same, so that every test tells
who breaks it. PostgreSQL would end one of two that meet, with an error a client sees.
"""

import logging
from collections.abc import Iterable
from enum import IntEnum
from typing import Final

from sqlalchemy import Connection

_log = logging.getLogger(__name__)
_HELD: Final = "tidegate.locks"
BROKEN: Final = "the order of locks is broken"
"""How the complaint in the log begins."""


class Rank(IntEnum):
    """Kinds of locks, the first to be taken first."""

    WORK = 1
    """What is under way by name: an intake's entry, a base's version, an encrypted copy that was asked for, trust."""
    STATE = 2
    """States of artifacts, by digest (`curation.states.hold`)."""
    LEDGER = 3
    """The turn to append to the ledger (`ledger.take_turn`)."""
    RESTRICTIONS = 4
    """The number that grows with every restriction."""
    BLOB = 5
    """The advisory lock of a blob, by digest (`storage.digest_locks`)."""
    HELD = 6
    """Rows of blobs that a manifest is built upon, and of the work list of garbage collection."""
    COMPONENT = 7
    """Components that no image had before, and blocks of images that have one (`curation.components`)."""
    TAG = 8
    """Tags, by repository and name."""
    PRINCIPAL = 9
    """Principals, by name."""
    GRANT = 10
    """Grants, by number."""
    IDENTITY = 11
    """The number that grows with every change of principals and grants."""
    QUOTA = 12
    """What tenants use, by name: at the end of a transaction (`identity.quota`)."""
    OUTBOX = 13
    """The queue of events, after that (`storage.outbox`)."""
    AUDIT = 14
    """The head of the audit trail: the very last."""


class _Held:
    """The locks of one transaction."""

    __slots__ = ("locks", "newest")

    def __init__(self) -> None:
        self.locks: set[tuple[Rank, str]] = set()
        self.newest: tuple[Rank, str] | None = None


def begin_order(connection: Connection, *, writes: bool) -> None:
    """Starts anew with a transaction; one that only reads takes no locks that anybody waits for."""
    if writes:
        connection.info[_HELD] = _Held()
    else:
        connection.info.pop(_HELD, None)


def taking(connection: Connection, rank: Rank, keys: Iterable[str] = ("",)) -> None:
    """Notes that the caller is about to take locks, and complains in the log when it comes too late for them.

    Args:
        connection: whose transaction takes them.
        rank: of the locks.
        keys: in the order in which they are taken.
    """
    held: _Held | None = connection.info.get(_HELD)
    if held is None:
        return
    for key in keys:
        wanted = (rank, str(key))
        if wanted in held.locks:
            continue
        if held.newest is not None and wanted < held.newest:
            before, other = held.newest
            told = (BROKEN, rank.name, key, before.name, other)
            _log.error("%s: %s %s after %s %s", *told, stack_info=True)
        else:
            held.newest = wanted
        held.locks.add(wanted)
