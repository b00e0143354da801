# SPDX-License-Identifier: Apache-2.0
"""rpm's database as SQLite: `rpmdb.sqlite`, table `Packages(hnum, blob)`.

The file is read in memory, by SQLite itself. It is hostile input: only a plain table is asked, nothing in its schema
is trusted, and the work done on it is counted. Its write-ahead log is another file and is not read; rpm checkpoints
when it closes.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Final

from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.scan.catalogers.harvest import MAX_PACKAGES
from tidegate.scan.catalogers.rpm_header import MAX_DATA_BYTES

MAX_STEPS: Final = 20_000_000
"""Instructions of SQLite's machine for one database; a row takes about five, a schema entry some dozens."""

_MAGIC: Final = b"SQLite format 3\0"
_HEADER_BYTES: Final = 100
_VERSIONS: Final = slice(18, 20)
_ROLLBACK_JOURNAL: Final = b"\x01\x01"
_STEPS_BETWEEN_LOOKS: Final = 10_000
_TABLE: Final = re.compile(
    rb"CREATE TABLE ['\"]?Packages['\"]? ?\(\s*hnum INTEGER PRIMARY KEY(?: AUTOINCREMENT)?,\s*blob BLOB NOT NULL\s*\)"
)


def is_one(content: bytes) -> bool:
    """True for a SQLite database."""
    return content.startswith(_MAGIC)


def blobs(content: bytes, where: str) -> Iterator[bytes | InvalidInputError]:
    """The package headers in a database, in the order they were installed.

    Yields:
        One header's bytes at a time; at last an error when the database breaks off.

    Raises:
        InvalidInputError: it has no table of packages, or a bound is exceeded.
    """
    if len(content) < _HEADER_BYTES:
        raise InvalidInputError("a SQLite database shorter than its header", where=where)
    with closing(sqlite3.connect(":memory:")) as connection:
        _bind(connection)
        try:
            connection.deserialize(_without_log(content))
            _check_table(connection, where)
            left = len(content)
            for count, (blob,) in enumerate(connection.execute("SELECT blob FROM Packages ORDER BY hnum")):
                if count >= MAX_PACKAGES:
                    raise BoundExceededError("MAX_PACKAGES", MAX_PACKAGES, where=where)
                left -= len(blob) if isinstance(blob, bytes) else 0
                if left < 0:
                    raise InvalidInputError("a SQLite database whose rows share pages", where=where)
                yield blob if isinstance(blob, bytes) else InvalidInputError("a row without a header")
        except UnicodeDecodeError as error:  # of SQLite's own message, where it quotes the schema
            raise InvalidInputError("a SQLite database with a malformed schema", where=where) from error
        except (sqlite3.Error, OverflowError, MemoryError) as error:
            yield InvalidInputError(f"SQLite cannot read on: {error}")


def _bind(connection: sqlite3.Connection) -> None:
    looks = iter(range(MAX_STEPS // _STEPS_BETWEEN_LOOKS))
    connection.set_progress_handler(lambda: next(looks, None) is None, _STEPS_BETWEEN_LOOKS)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_DATA_BYTES)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.text_factory = bytes
    for pragma in ("trusted_schema = OFF", "cell_size_check = ON", "mmap_size = 0", "temp_store = MEMORY"):
        connection.execute(f"PRAGMA {pragma}")


def _without_log(content: bytes) -> bytes:
    # A database in write-ahead mode cannot be opened from memory; these two bytes are all that tells the mode.
    if content[_VERSIONS] == _ROLLBACK_JOURNAL:
        return content
    return content[: _VERSIONS.start] + _ROLLBACK_JOURNAL + content[_VERSIONS.stop :]


def _check_table(connection: sqlite3.Connection, where: str) -> None:
    # A view, a virtual table or a computed column under the same name could be made to work for ever.
    found = connection.execute("SELECT type, sql FROM sqlite_master WHERE name = 'Packages'").fetchall()
    kinds = [(kind, bool(isinstance(sql, bytes) and _TABLE.fullmatch(sql))) for kind, sql in found]
    if kinds != [(b"table", True)]:
        raise InvalidInputError("a SQLite database without rpm's table of packages", where=where)
