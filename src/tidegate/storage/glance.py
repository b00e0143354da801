# SPDX-License-Identifier: Apache-2.0
"""A query of SQLite asked from where one stands: without a thread, a turn in the pool or a transaction to begin.

For what an event loop asks very often and finds by indexes: tens of microseconds, where the way to a thread and back
takes hundreds. On PostgreSQL, which is somewhere else, nothing is told so.
"""

from types import SimpleNamespace
from typing import Any

from sqlalchemy import Select
from sqlalchemy.dialects import sqlite

from tidegate.storage.database import Database


class Glance:
    """One query, made once. Safe for threads.

    Args:
        database: asked.
        query: whose values are given by name, all of them text.
    """

    def __init__(self, database: Database, query: Select[Any]) -> None:
        made = query.compile(dialect=sqlite.dialect(paramstyle="named"))
        self._database = database
        self._text = str(made)
        self._fixed = {name: str(value) for name, value in made.params.items() if value is not None}
        self._names = [column.name for column in query.selected_columns]

    def first(self, **values: str) -> Any:
        """The first row, its columns by name.

        Returns:
            None when there is none, and also when that cannot be told so fast: then it has to be asked for properly.
        """
        given = {name: str(value) for name, value in values.items()}  # plain: a class of its own is looked up for long
        found = self._database.glance(self._text, {**self._fixed, **given})
        return None if found is None else SimpleNamespace(**dict(zip(self._names, found, strict=True)))
