# SPDX-License-Identifier: Apache-2.0
"""The tables' history, one revision a file in `versions/`, brought up to date when a server starts."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, text

from tidegate.errors import OutsideError
from tidegate.storage.database import Database

if TYPE_CHECKING:
    from alembic.config import Config

_ORDER_LOCK: Final = 0x71DF  # any number, the same in every replica


def migrate(url: str) -> None:
    """Brings a database to the newest revision, all or nothing; replicas that start together take turns.

    Args:
        url: as `Database` takes it.

    Raises:
        OutsideError: the database failed, or was written by a newer tidegate.
    """
    from alembic import command
    from alembic.util.exc import CommandError

    database = Database(url)
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
    finally:
        database.close()


def configuration(connection: Connection) -> "Config":
    """Alembic's settings for a connection within a transaction; nothing is read from a file."""
    from alembic.config import Config

    config = Config()
    # Percent signs are the configuration parser's own mark.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
