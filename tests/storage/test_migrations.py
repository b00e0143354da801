# SPDX-License-Identifier: Apache-2.0
"""The revisions make exactly the tables that are described."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from tidegate.errors import OutsideError
from tidegate.storage.database import Database
from tidegate.storage.migrations import configuration, migrate, newest
from tidegate.storage.schema import metadata


def _url(folder: Path) -> str:
    return f"sqlite:///{folder / 'a % folder' / 'state.db'}"


def test_the_revisions_make_the_tables(tmp_path: Path) -> None:
    migrate(_url(tmp_path))
    database = Database(_url(tmp_path))
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        # What the comparison does not see: indexes and keys by name.
        found = inspect(connection)
        for table in metadata.sorted_tables:
            assert {index["name"] for index in found.get_indexes(table.name)} == {i.name for i in table.indexes}
            assert found.get_pk_constraint(table.name)["constrained_columns"] == [c.name for c in table.primary_key]
    database.close()


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
