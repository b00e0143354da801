# SPDX-License-Identifier: Apache-2.0
"""The tables' history, one revision a file in `versions/`, brought up to date when a server starts."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, inspect, text

from tidegate.errors import OutsideError
from tidegate.storage.database import Database

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
    from alembic import command
    from alembic.util.exc import CommandError

    try:
        with database.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ORDER_LOCK})
            command.upgrade(configuration(connection), "head")
    except CommandError as error:
        raise OutsideError(
            f"the database cannot be brought up to date: {error}",
            remedy="run the tidegate that wrote it, or a newer one",
        ) from error


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
