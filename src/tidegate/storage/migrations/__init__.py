# SPDX-License-Identifier: Apache-2.0
"""The tables' history, one revision a file in `versions/`, brought up to date when a server starts.

An empty file of SQLite gets its tables as they are described (`tidegate.storage.schema`), which is what a first start
waits for; a test holds both ways equal. On PostgreSQL revisions do what no description says, such as indexes by bytes.
"""

from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, MetaData, insert, inspect, text

from tidegate import storage
from tidegate.errors import OutsideError
from tidegate.storage.database import Database
from tidegate.storage.keeping_schema import upkeep_turn
from tidegate.storage.schema import metadata

if TYPE_CHECKING:
    from alembic.config import Config

_TABLE: Final = "alembic_version"
_ORDER_LOCK: Final = 0x71DF  # any number, the same in every replica


def newest() -> str:
    """The newest revision, by the files' names (`0001_first.py`)."""
    return max(path.name.partition("_")[0] for path in (Path(__file__).parent / "versions").glob("[0-9]*.py"))


def migrate(url: str) -> None:
    """Brings a database to the newest revision, all or nothing; replicas that start together take turns.

    Args:
        url: as `Database` takes it.

    Raises:
        OutsideError: the database failed, or was written by a newer tidegate.
    """
    database = Database(url)
    try:
        # Alembic's import takes as long as a whole command, and most of the time there is nothing for it to do.
        if _revision(database) != newest():
            _upgrade(database)
    finally:
        database.close()


def _upgrade(database: Database) -> None:
    with database.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ORDER_LOCK})
        if database.is_sqlite and not inspect(connection).get_table_names():
            _make_whole(connection)
        else:
            follow_revisions(connection)


def follow_revisions(connection: Connection, revision: str = "head") -> None:
    """Goes through all that is new up to a revision, one after the other.

    Raises:
        OutsideError: the database was written by a newer tidegate.
    """
    from alembic import command
    from alembic.util.exc import CommandError

    try:
        command.upgrade(configuration(connection), revision)
    except CommandError as error:
        raise OutsideError(
            f"the database cannot be brought up to date: {error}",
            remedy="run the tidegate that wrote it, or a newer one",
        ) from error


def _make_whole(connection: Connection) -> None:
    """Makes all tables of an empty file at once, as the revisions would have, in a fraction of their time."""
    every_table().create_all(connection)
    since = datetime.now(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
    connection.execute(insert(upkeep_turn).values(kind="pulls", taken_at=since))  # from when on pulls are noted
    connection.execute(
        text(f"CREATE TABLE {_TABLE} (version_num VARCHAR(32) NOT NULL CONSTRAINT {_TABLE}_pkc PRIMARY KEY)")
    )
    connection.execute(text(f"INSERT INTO {_TABLE} VALUES (:newest)"), {"newest": newest()})  # noqa: S608 - a constant


def every_table() -> MetaData:
    """All tables there are: a command that needs few of them imports few, and what nobody imported is not described."""
    for path in sorted(Path(storage.__file__).parent.glob("*_schema.py")):
        import_module(f"{storage.__name__}.{path.stem}")
    return metadata


def _revision(database: Database) -> str:
    """The revision a database is at; "" for a new one."""
    with database.read() as connection:
        if not inspect(connection).has_table(_TABLE):
            return ""
        return str(connection.scalar(text(f"SELECT version_num FROM {_TABLE}")) or "")  # noqa: S608 - a constant


def configuration(connection: Connection) -> "Config":
    """Alembic's settings for a connection within a transaction; nothing is read from a file."""
    from alembic.config import Config

    config = Config()
    # Percent signs are the configuration parser's own mark.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
