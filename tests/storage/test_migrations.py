# SPDX-License-Identifier: Apache-2.0
"""The revisions make exactly the tables that are described."""

import re
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from tidegate.errors import OutsideError
from tidegate.storage.database import Database
from tidegate.storage.migrations import configuration, follow_revisions, migrate, newest
from tidegate.storage.schema import metadata


def _url(folder: Path) -> str:
    return f"sqlite:///{folder / 'a % folder' / 'state.db'}"


def test_the_revisions_make_the_tables(tmp_path: Path) -> None:
    database = Database(_url(tmp_path))
    with database.begin() as connection:
        follow_revisions(connection)
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        # What the comparison does not see: indexes and keys by name.
        found = inspect(connection)
        for table in metadata.sorted_tables:
            assert {index["name"] for index in found.get_indexes(table.name)} == {i.name for i in table.indexes}
            assert found.get_pk_constraint(table.name)["constrained_columns"] == [c.name for c in table.primary_key]
    database.close()


_SHAPES = (
    "SELECT m.name AS of, c.* FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'",
    "SELECT m.name AS of, f.* FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table'",
    "SELECT m.name AS of, i.name, i.origin, i.partial FROM sqlite_master m JOIN pragma_index_list(m.name) i",
    "SELECT tbl_name, sql FROM sqlite_master WHERE type <> 'table' AND sql IS NOT NULL",
)


def _shape(connection: Connection) -> list[list[str]]:
    """All that is there, rows included, but for moments."""
    found = [sorted(str(row) for row in connection.execute(text(ask))) for ask in _SHAPES]
    for name in sorted(inspect(connection).get_table_names()):
        rows = connection.execute(text(f'SELECT * FROM "{name}"')).all()
        found.append([name, *sorted(re.sub(r"20\d\d-[^']*Z", "a moment", str(row)) for row in rows)])
    return found


def test_a_file_that_is_made_whole_is_what_the_revisions_make(tmp_path: Path) -> None:
    migrate(_url(tmp_path / "whole"))
    shapes = []
    for name in ("whole", "by revisions"):
        database = Database(_url(tmp_path / name))
        with database.begin() as connection:
            follow_revisions(connection)  # nothing is left of them for the first
            shapes.append(_shape(connection))
        database.close()
    assert shapes[0] == shapes[1]
    assert len(shapes[0]) > 50


def test_again_changes_nothing(tmp_path: Path) -> None:
    migrate(_url(tmp_path))
    database = Database(_url(tmp_path))
    with database.begin() as connection:
        connection.execute(text("INSERT INTO cursor (consumer, \"offset\") VALUES ('me', 7)"))
    migrate(_url(tmp_path))
    with database.read() as connection:
        assert connection.scalar(text('SELECT "offset" FROM cursor')) == 7
    database.close()


def test_a_database_of_the_future_is_left_alone(tmp_path: Path) -> None:
    migrate(_url(tmp_path))
    database = Database(_url(tmp_path))
    with database.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(OutsideError, match="newer"):
        migrate(_url(tmp_path))
    with database.read() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "9999"
    database.close()


def test_the_newest_revision_is_alembics_head(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    migrate(url)
    database = Database(url)
    with database.begin() as connection:
        assert ScriptDirectory.from_config(configuration(connection)).get_heads() == [newest()]
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == newest()
    database.close()
