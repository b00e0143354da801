# SPDX-License-Identifier: Apache-2.0
"""Writing a row that may be there already: `INSERT … ON CONFLICT`, as SQLite and PostgreSQL both know it."""

from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_once(connection: Connection, table: Table, **values: Any) -> bool:
    """Inserts a row unless one of its unique keys is taken.

    Returns:
        True when the row is new.
    """
    # Asked by RETURNING: what the drivers count here differs.
    statement = _insert(connection, table).values(**values).on_conflict_do_nothing().returning(*table.primary_key)
    return connection.execute(statement).first() is not None


def insert_or_update(connection: Connection, table: Table, **values: Any) -> None:
    """Inserts a row, or gives the one with this primary key the other values."""
    keys = [column.name for column in table.primary_key]
    statement = _insert(connection, table).values(**values)
    changed = {name: statement.excluded[name] for name in values if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed))


def _insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)
