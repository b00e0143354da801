# SPDX-License-Identifier: Apache-2.0
"""Writing a row that may be there already: `INSERT … ON CONFLICT`, as SQLite and PostgreSQL both know it."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import ClauseElement, ColumnElement, Connection, Executable, Table, bindparam
from sqlalchemy.dialects import postgresql, sqlite


def insert_once(connection: Connection, table: Table, **values: Any) -> bool:
    """Inserts a row unless one of its unique keys is taken.

    Returns:
        True when the row is new.
    """
    if _is_plain(values):
        return (
            connection.execute(_known_once(connection.dialect.name, table, tuple(values)), values).first() is not None
        )
    return connection.execute(_once(connection.dialect.name, table, values)).first() is not None


def insert_or_update(connection: Connection, table: Table, **values: Any) -> None:
    """Inserts a row, or gives the one with this primary key the other values."""
    if _is_plain(values):
        connection.execute(_known_or_update(connection.dialect.name, table, tuple(values)), values)
    else:
        connection.execute(_or_update(connection.dialect.name, table, values))


def insert_or_update_all(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, where: ColumnElement[bool] | None = None
) -> None:
    """The same for many rows of the same columns, in one go; a row that is there stays where `where` is not so."""
    if rows and where is None:
        connection.execute(_known_or_update(connection.dialect.name, table, tuple(rows[0])), rows)
    elif rows:
        made: dict[str, Any] = {name: bindparam(name) for name in rows[0]}
        connection.execute(_or_update(connection.dialect.name, table, made, where), rows)


# Built once for each table and choice of columns: building a statement takes longer than running it.
@cache
def _known_once(dialect: str, table: Table, names: tuple[str, ...]) -> Executable:
    return _once(dialect, table, {name: bindparam(name) for name in names})


@cache
def _known_or_update(dialect: str, table: Table, names: tuple[str, ...]) -> Executable:
    return _or_update(dialect, table, {name: bindparam(name) for name in names})


def _once(dialect: str, table: Table, values: Mapping[str, Any]) -> Executable:
    # Asked by RETURNING: what the drivers count here differs.
    return _insert(dialect, table).values(values).on_conflict_do_nothing().returning(*table.primary_key)


def _or_update(
    dialect: str, table: Table, values: Mapping[str, Any], where: ColumnElement[bool] | None = None
) -> Executable:
    keys = [column.name for column in table.primary_key]
    statement = _insert(dialect, table).values(values)
    changed = {name: statement.excluded[name] for name in values if name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=changed, where=where)


def _insert(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def _is_plain(values: Mapping[str, Any]) -> bool:
    return not any(isinstance(value, ClauseElement) for value in values.values())
