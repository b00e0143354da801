# SPDX-License-Identifier: Apache-2.0
"""The number that grows with every change of principals and grants: what was remembered under an older one is void."""

from typing import Final

from sqlalchemy import Connection, select, update

from tidegate.storage.identity_schema import identity_revision
from tidegate.storage.insert import insert_once
from tidegate.storage.lock_order import Rank, taking

_ROW: Final = 1


def bump(connection: Connection) -> int:
    """Raises the number, in the transaction of the change; returns it."""
    table = identity_revision
    taking(connection, Rank.IDENTITY)
    insert_once(connection, table, id=_ROW, revision=0)
    connection.execute(update(table).where(table.c.id == _ROW).values(revision=table.c.revision + 1))
    return current(connection)


def current(connection: Connection) -> int:
    """The number; 0 before the first change."""
    found = connection.scalar(select(identity_revision.c.revision).where(identity_revision.c.id == _ROW))
    return found or 0
