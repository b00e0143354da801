# SPDX-License-Identifier: Apache-2.0
"""What is read at a glance is what is committed, by whomever; what takes long is left to those who may wait."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import bindparam, insert, select, text

from tidegate.storage.database import Database
from tidegate.storage.glance import Glance
from tidegate.storage.schema import blob, metadata

ONE = select(blob.c.digest, blob.c.size).where(blob.c.digest == bindparam("digest"), blob.c.stored_at == "then")
# Some millions of steps of SQLite's machine: half a second.
LONG = select(text("n")).select_from(
    text("(WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 1e6) SELECT max(n) AS n FROM r)")
)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'state.db'}"


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    found = Database(url)
    with found.begin() as connection:
        metadata.create_all(connection)
    yield found
    found.close()


def _store(database: Database, digest: str) -> None:
    with database.begin() as connection:
        connection.execute(insert(blob).values(digest=digest, size=7, stored_at="then"))


def test_a_glance_sees_what_was_committed_and_nothing_else(database: Database, url: str) -> None:
    glance, other = Glance(database, ONE), Database(url)
    assert glance.first(digest="a") is None
    with other.begin() as connection:
        connection.execute(insert(blob).values(digest="a", size=7, stored_at="then"))
        assert glance.first(digest="a") is None
    found = glance.first(digest="a")
    assert (found.digest, found.size) == ("a", 7)
    other.close()


def test_a_glance_holds_nothing_open(database: Database, tmp_path: Path) -> None:
    glance = Glance(database, ONE)
    _store(database, "a")
    assert glance.first(digest="a")
    _store(database, "b")
    with closing(sqlite3.connect(tmp_path / "state.db")) as other:
        # 1 would say that a reader of the older state was in the way.
        assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0


def test_what_takes_long_is_not_told_and_hinders_nothing_after_it(database: Database) -> None:
    long, glance = Glance(database, LONG), Glance(database, ONE)
    _store(database, "a")
    for _ in range(3):
        assert long.first() is None
        assert glance.first(digest="a")
    with database.read() as connection:
        assert connection.execute(LONG).scalar() == 1_000_000
    versions = {database.version() for _ in range(5000)}
    assert len(versions) == 1
