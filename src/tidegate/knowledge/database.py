# SPDX-License-Identifier: Apache-2.0
"""Opens a knowledge file for reading. Its form: docs/reference/knowledge-file.md."""

import sqlite3
import struct
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

from tidegate.clock import parse_rfc3339
from tidegate.errors import InvalidInputError, NotFoundError, OutsideError
from tidegate.evidence import KnowledgeStamp
from tidegate.inventory import Ecosystem
from tidegate.knowledge.file_format import APPLICATION_ID, FORMAT, REMEDY
from tidegate.knowledge.target import lookup_ecosystem
from tidegate.values import Struct

_HEADER: Final = struct.Struct(">16sH10xI28xI4xI28x")
_MAGIC: Final = b"SQLite format 3\x00"
_LARGEST_PAGE: Final = 65536


class KnowledgeInfo(Struct, frozen=True, kw_only=True):
    """What a file holds, in numbers.

    Attributes:
        exploited: entries of the KEV catalogue; `likelihoods` of EPSS; `products` with support dates.
    """

    stamp: KnowledgeStamp
    path: Path
    size_bytes: int
    advisories: int
    ranges: int
    ecosystems: tuple[str, ...]
    exploited: int
    likelihoods: int
    products: int


class Knowledge:
    """An open knowledge file; may be read by several threads. Use as a context manager, or call `close`.

    Attributes:
        path: where it lies.
        stamp: which set of knowledge it is.
    """

    def __init__(
        self, path: Path, connection: sqlite3.Connection, meta: dict[str, str], ecosystems: list[tuple[str, int, int]]
    ) -> None:
        self.path = path
        self.stamp = KnowledgeStamp(
            sequence=int(meta["sequence"]), digest=meta["digest"], made_at=parse_rfc3339(meta["made_at"])
        )
        self._connection = connection
        self._meta = meta
        self._ecosystems = {name: number for name, number, _ in ecosystems}
        self._covered = frozenset(name for name, _, covered in ecosystems if covered)
        self._lock = threading.Lock()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Opens a file, read-only.

        Raises:
            NotFoundError: there is none.
            InvalidInputError: it is no knowledge file, is cut off, or is of a newer format.
            OutsideError: the disk failed.
        """
        _check_header(path)
        connection: sqlite3.Connection | None = None
        try:
            # The file never changes once it stands, so SQLite needs no locks and no look at other files.
            address = f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1"
            connection = sqlite3.connect(address, uri=True, check_same_thread=False, isolation_level=None)
            meta = dict(connection.execute("SELECT key, value FROM meta"))
            ecosystems = connection.execute("SELECT name, id, covered FROM ecosystem").fetchall()
            return cls(path, connection, meta, ecosystems)
        except (sqlite3.Error, KeyError, ValueError, InvalidInputError) as error:
            if connection is not None:
                connection.close()
            raise _corrupt(path, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()

    def covers(self, ecosystem: Ecosystem | str) -> bool:
        """True when it holds advisories of the ecosystem, so that finding none says something."""
        return lookup_ecosystem(ecosystem) in self._covered

    def info(self) -> KnowledgeInfo:
        """Returns what it holds, in numbers.

        Raises:
            InvalidInputError: the file is corrupt.
        """
        try:
            return KnowledgeInfo(
                stamp=self.stamp,
                path=self.path,
                size_bytes=self.path.stat().st_size,
                advisories=int(self._meta["advisories"]),
                ranges=int(self._meta["ranges"]),
                ecosystems=tuple(sorted(self._covered)),
                exploited=int(self._meta["exploited"]),
                likelihoods=int(self._meta["likelihoods"]),
                products=int(self._meta["products"]),
            )
        except (KeyError, ValueError, OSError) as error:
            raise _corrupt(self.path, error) from error

    def ecosystem_id(self, ecosystem: Ecosystem | str) -> int | None:
        """Returns the number an ecosystem has in this file's tables; None when it is not in it."""
        return self._ecosystems.get(lookup_ecosystem(ecosystem))

    def rows(self, sql: str, arguments: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Runs one query for another module of this room.

        Raises:
            InvalidInputError: the file is corrupt.
        """
        return self.rows_of_each(sql, [arguments])[0]

    def rows_of_each(self, sql: str, arguments: Sequence[Sequence[object]]) -> list[list[tuple[Any, ...]]]:
        """Runs one query once for each set of arguments, for another module of this room.

        Raises:
            InvalidInputError: the file is corrupt.
        """
        try:
            with self._lock:
                execute = self._connection.execute
                return [execute(sql, one).fetchall() for one in arguments]
        except sqlite3.Error as error:
            raise _corrupt(self.path, error) from error


def _check_header(path: Path) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(_HEADER.size)
            size = file.seek(0, 2)
    except FileNotFoundError as error:
        raise NotFoundError("no knowledge file", where=str(path), remedy=REMEDY) from error
    except OSError as error:
        raise OutsideError(f"cannot be read: {error.strerror or error}", where=str(path)) from error
    if len(head) < _HEADER.size or not head.startswith(_MAGIC):
        raise InvalidInputError("not a knowledge file", where=str(path), remedy=REMEDY)
    _, page, pages, version, application = _HEADER.unpack(head)
    if application != APPLICATION_ID:
        raise InvalidInputError("not a knowledge file but another database", where=str(path), remedy=REMEDY)
    if version != FORMAT:
        age = "newer" if version > FORMAT else "older"
        what = f"a knowledge file of the {age} format {version}; this tidegate reads {FORMAT}"
        raise InvalidInputError(what, where=str(path), remedy=REMEDY if age == "older" else "upgrade tidegate")
    if size != pages * (page if page > 1 else _LARGEST_PAGE):
        raise InvalidInputError("the knowledge file is cut off", where=str(path), remedy=REMEDY)


def _corrupt(path: Path, error: Exception) -> InvalidInputError:
    return InvalidInputError(f"the knowledge file is corrupt: {error}", where=str(path), remedy=REMEDY)
