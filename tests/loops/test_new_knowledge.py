# SPDX-License-Identifier: Apache-2.0
"""The knowledge in force: there before any work goes on after a start, and taken up with what it moved afterwards."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from migrated import migrated
from tidegate.errors import InvalidInputError
from tidegate.knowledge.seed import build_seed
from tidegate.loops.new_knowledge import NewKnowledge
from tidegate.storage import schema
from tidegate.storage.database import Database

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    migrated(url)
    found = Database(url)
    yield found
    found.close()


def joined(database: Database) -> int:
    with database.read() as connection:
        return int(connection.scalar(select(func.count()).select_from(schema.knowledge_seen)) or 0)


def test_it_is_in_force_before_what_it_moved_is_looked_at(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "knowledge.db"
    knowledge = NewKnowledge(path, database, lambda: AT)
    knowledge.open()
    assert knowledge.current() is None
    build_seed(path, made_at=AT)
    knowledge.open()
    opened = knowledge.current()
    assert opened is not None
    assert joined(database) == 0, "nobody was asked yet what it moves"
    assert knowledge.look() is not None
    assert knowledge.current() is opened
    assert joined(database) == 1
    assert knowledge.look() is None
    build_seed(path, made_at=AT, later=True)
    assert knowledge.look() is not None
    assert knowledge.current() is not opened


def test_what_is_no_knowledge_is_said_at_once(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "knowledge.db"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(InvalidInputError):
        NewKnowledge(path, database, lambda: AT).open()
