# SPDX-License-Identifier: Apache-2.0
"""What is remembered of the database never outlives a change of it, by whatever process."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from tidegate.storage import unchanged
from tidegate.storage.database import Database
from tidegate.storage.unchanged import Unchanged


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = Database(f"sqlite:///{tmp_path / 'state.db'}")
    with found.begin() as connection:
        connection.execute(text("CREATE TABLE thing (name TEXT)"))
    yield found
    found.close()


def test_an_answer_is_kept_until_this_process_writes(database: Database) -> None:
    memory: Unchanged[str] = Unchanged(database)
    answer, version = memory.get("asked")
    assert (answer, version is None) == (None, False)
    memory.keep("asked", "told", version)
    with database.read() as connection:
        connection.execute(text("SELECT * FROM thing")).all()
    assert memory.get("asked") == ("told", version)
    with database.begin() as connection:
        connection.execute(text("INSERT INTO thing VALUES ('one')"))
        assert memory.get("asked")[0] == "told"  # not committed yet
    answer, later = memory.get("asked")
    assert (answer, later == version) == (None, False)


def test_an_answer_is_kept_until_another_process_writes(database: Database, tmp_path: Path) -> None:
    memory: Unchanged[str] = Unchanged(database)
    memory.keep("asked", "told", memory.get("asked")[1])
    other = sqlite3.connect(tmp_path / "state.db")
    with other:
        other.execute("INSERT INTO thing VALUES ('two')")
    other.close()
    assert memory.get("asked")[0] is None


def test_what_was_read_before_a_change_is_not_kept_after_it(database: Database) -> None:
    memory: Unchanged[str] = Unchanged(database)
    _, before = memory.get("asked")
    with database.begin() as connection:
        connection.execute(text("DELETE FROM thing"))
    memory.get("something else")
    memory.keep("asked", "stale", before)
    assert memory.get("asked")[0] is None
    # Nor when nobody has looked since: the next look finds another version.
    _, before = memory.get("asked")
    with database.begin() as connection:
        connection.execute(text("INSERT INTO thing VALUES ('three')"))
    memory.keep("asked", "stale", before)
    assert memory.get("asked")[0] is None


def test_no_answer_grows_old(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unchanged, "_MAX_AGE_SECONDS", 0.0)
    memory: Unchanged[str] = Unchanged(database)
    memory.keep("asked", "told", memory.get("asked")[1])
    assert memory.get("asked")[0] is None


def test_it_is_bounded(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unchanged, "_MAX_ENTRIES", 3)
    memory: Unchanged[int] = Unchanged(database)
    version = memory.get(0)[1]
    for number in range(5):
        memory.keep(number, number, version)
    assert [memory.get(number)[0] for number in range(5)] == [None, None, None, 3, 4]
