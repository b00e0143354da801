# SPDX-License-Identifier: Apache-2.0
"""A database of pairs of rows, and what shares its commits."""

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event

from tidegate.storage.group_commit import GROUP_SECONDS, GroupCommit

PATIENCE_SECONDS = 120.0


def engine_of(folder: Path) -> Engine:
    """As `Database` opens SQLite."""
    engine = create_engine(f"sqlite+pysqlite:///{folder / 'pairs.db'}", connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS one (number INTEGER PRIMARY KEY)")
        connection.exec_driver_sql(
            "CREATE TABLE IF NOT EXISTS other (number INTEGER PRIMARY KEY REFERENCES one DEFERRABLE INITIALLY DEFERRED)"
        )
        connection.commit()
    return engine


def opened(folder: Path, *, group_seconds: float | None = None) -> GroupCommit:
    return GroupCommit(engine_of(folder).connect, PATIENCE_SECONDS, group_seconds=group_seconds or GROUP_SECONDS)


def pair(connection: Connection, number: int) -> None:
    connection.exec_driver_sql("INSERT INTO one VALUES (?)", (number,))
    connection.exec_driver_sql("INSERT INTO other VALUES (?)", (number,))


def lasting(folder: Path) -> set[int]:
    """The pairs that another process finds; there are no halves."""
    database = sqlite3.connect(folder / "pairs.db")
    try:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        one, other = ({row[0] for row in database.execute(f"SELECT number FROM {name}")} for name in ("one", "other"))
    finally:
        database.close()
    assert one == other
    return one
