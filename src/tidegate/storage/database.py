# SPDX-License-Identifier: Apache-2.0
"""The server's relational state: one engine on SQLite (the default) or PostgreSQL, with the same SQL.

SQLite runs in WAL mode with `synchronous=FULL`: a commit that returned is on the disk. Its one writer at a time is
chosen in this process, so that threads queue instead of polling, and share commits (`tidegate.storage.group_commit`);
other processes wait by `busy_timeout`.
"""

import math
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeVar, cast

from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry

from tidegate.errors import OutsideError, UsageError
from tidegate.storage.group_commit import GroupCommit
from tidegate.storage.lock_order import begin_order
from tidegate.storage.signal import Signal

_C = TypeVar("_C", bound=Callable[[], object])
PUBLISHED: Final = "tidegate.published"
"""Key in `Connection.info` that says this transaction wrote to the outbox."""
_BEFORE: Final = "tidegate.before"
_AFTER: Final = "tidegate.after"
_WRITES: Final = "tidegate_writes"
_RECYCLE_SECONDS: Final = 1800
_GLANCE_SECONDS: Final = 0.002
"""What is read without a thread takes no longer, or it is not read so."""
_LOOK_AT_CLOCK_STEPS: Final = 2000  # of SQLite's machine
_LOG_PAGES: Final = 4000
"""Of SQLite's write-ahead log, 16 MB, before they are written to their places: most have changed many times by then."""
_POSTGRESQL: Final = {
    # A server that is gone is noticed in seconds, not when the operating system gives up.
    "connect_timeout": 5,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "application_name": "tidegate",
    # What holds a lock and says nothing, or runs without end, must not stop the others.
    "options": "-c statement_timeout=120s -c lock_timeout=30s -c idle_in_transaction_session_timeout=120s",
}
_DIALECTS: Final = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseOptions:
    """Bounds of a database.

    Attributes:
        max_connections: open at once; more wait.
        busy_timeout_seconds: how long to wait for a connection or, on SQLite, for another process that writes.
    """

    max_connections: int = 24
    busy_timeout_seconds: float = 30.0


class Database:
    """One database, shared by all threads of a process.

    Args:
        url: `sqlite:////folder/state.db` or `postgresql://user@host/name`.
        options: bounds.

    Attributes:
        commits: raised after every commit that wrote to the outbox.
        at_commit: the very last part of every transaction that writes; None for nothing.

    Raises:
        UsageError: the URL is of another kind.
    """

    def __init__(self, url: str, options: DatabaseOptions | None = None) -> None:
        options = options or DatabaseOptions()
        self.commits = Signal()
        self.at_commit: Callable[[Connection], None] | None = None
        self._engine = _engine(_parse(url), options)
        self._watcher: Connection | None = None
        self._watching = Lock()
        self._glance_ends_at = math.inf
        self._writing = self._engine.execution_options(**{_WRITES: True})
        # PostgreSQL has many writers at once, and brings their commits together itself.
        self._group = GroupCommit(self._writing.connect, options.busy_timeout_seconds) if self.is_sqlite else None

    @property
    def is_sqlite(self) -> bool:
        """True for the embedded form."""
        return self._engine.dialect.name == "sqlite"

    @contextmanager
    def begin(self, *, alone: bool = False) -> Iterator[Connection]:
        """A transaction that writes: committed when the block ends, rolled back when it raises. Not re-entrant.

        Args:
            alone: what it reads is committed already, even where writers share commits: for what cannot be taken back,
                such as the removal of bytes.

        Raises:
            OutsideError: the database failed, is full or stayed locked.
        """
        told = False
        before: list[Callable[[], object]] = []
        after: list[Callable[[], object]] = []
        with _translated(), self._write(alone=alone) as connection:
            connection.info.pop(PUBLISHED, None)
            connection.info.update({_BEFORE: before, _AFTER: after})
            begin_order(connection, writes=True)
            yield connection
            for call in before:
                call()
            if self.at_commit is not None:
                self.at_commit(connection)
            told = bool(connection.info.pop(PUBLISHED, False))
        if told:
            self.commits.notify()
        for call in after:
            call()

    @contextmanager
    def _write(self, *, alone: bool) -> Iterator[Connection]:
        if self._group is not None:
            with self._group.part(alone=alone) as connection:
                yield connection
        else:
            with self._writing.connect() as connection, connection.begin():
                yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads, on one consistent state; never waits for a writer.

        Raises:
            OutsideError: the database failed.
        """
        with _translated(), self._engine.connect() as connection, connection.begin():
            begin_order(connection, writes=False)
            yield connection

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """A connection of PostgreSQL for listening: each statement is a transaction of its own.

        Raises:
            OutsideError: the database failed.
        """
        with _translated(), self._engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.detach()  # nobody else is to hear what it listens to
            yield connection

    def version(self) -> int | None:
        """A number that changes with every change, by whatever process; None where nobody can tell (PostgreSQL).

        Raises:
            OutsideError: the database failed.
        """
        if not self.is_sqlite:
            return None
        with self._watching, _translated():
            found: int = self._watch().execute("PRAGMA data_version").fetchone()[0]
            return found

    def glance(self, statement: str, values: Mapping[str, str]) -> tuple[Any, ...] | None:
        """The first row of a query of SQLite's own dialect that finds what it wants by indexes: tens of microseconds.

        It takes no thread, no turn in the pool and no transaction longer than itself, so an event loop may ask.

        Returns:
            None when there is no row, and also when that cannot be told so fast: then it is asked by `read`.
        """
        if not self.is_sqlite:
            return None
        with self._watching, _translated():
            try:
                self._glance_ends_at = time.monotonic() + _GLANCE_SECONDS
                rows = self._watch().execute(statement, values).fetchmany(2)  # to its end, or it would stay open
            except sqlite3.Error:  # it took too long, or failed: who asks by `read` is told why
                return None
            finally:
                self._glance_ends_at = math.inf
            return rows[0] if rows else None

    def _watch(self) -> sqlite3.Cursor:
        if self._watcher is None:
            self._watcher = self._engine.connect()
            self._watcher.detach()
            held: sqlite3.Connection = self._watcher.connection.dbapi_connection  # type: ignore[assignment]
            held.set_progress_handler(lambda: time.monotonic() > self._glance_ends_at, _LOOK_AT_CLOCK_STEPS)
        cursor: sqlite3.Cursor = self._watcher.connection.cursor()  # type: ignore[assignment]
        return cursor

    def close(self) -> None:
        """Closes idle connections; those in use, or asked for later by one who was late, close when they come back."""
        with self._watching:
            if self._watcher is not None:
                self._watcher.close()
                self._watcher = None
        pool = self._engine.pool
        if isinstance(pool, _Pool):
            pool.is_over = True
        self._engine.dispose()


def before_commit(connection: Connection, call: Callable[[], object]) -> None:
    """Has something done as the last part of the transaction of `Database.begin`, in the order it was asked for."""
    connection.info[_BEFORE].append(call)


def first_at_commit(connection: Connection, make: Callable[[], _C]) -> _C:
    """What is done as the first of the last parts of a transaction: one of its class, made on first use."""
    before = connection.info[_BEFORE]
    made = make()
    for call in before:
        if type(call) is type(made):
            found: _C = call
            return found
    before.insert(0, made)
    return made


def after_commit(connection: Connection, call: Callable[[], object]) -> None:
    """Has something done once the transaction of `Database.begin` is committed; never when it is rolled back."""
    connection.info[_AFTER].append(call)


class _Pool(QueuePool):
    """Connections that are kept open for the next; once it is over, one that comes back is closed.

    Left to itself, SQLAlchemy leaves one that was in use when the engine was disposed of to the garbage collector.
    """

    is_over = False

    def recreate(self) -> "_Pool":
        made = cast("_Pool", super().recreate())
        made.is_over = self.is_over
        return made

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        super()._do_return_conn(record)
        if self.is_over:  # asked after it was put back: whoever ends the pool at this moment finds it there
            self.dispose()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (OperationalError, PoolTimeoutError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise OutsideError(f"the database failed: {cause}", remedy="look at its disk, its locks and its log") from error
    except IntegrityError:
        raise
    except SQLAlchemyError as error:
        raise OutsideError(f"the database refused: {error}") from error


def _parse(text: str) -> URL:
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise UsageError("not a database URL", remedy="write sqlite:////folder/state.db or postgresql://…") from error
    dialect = _DIALECTS.get(url.get_backend_name())
    if dialect is None:
        raise UsageError(f"no such database: {url.get_backend_name()!r}", remedy="use sqlite or postgresql")
    return url.set(drivername=dialect)


def _engine(url: URL, options: DatabaseOptions) -> Engine:
    pool: dict[str, Any] = {
        "poolclass": _Pool,
        "pool_size": options.max_connections,
        "max_overflow": 0,
        "pool_timeout": options.busy_timeout_seconds,
    }
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True, pool_recycle=_RECYCLE_SECONDS, connect_args=_POSTGRESQL, **pool)
    if not url.database or url.database == ":memory:":
        raise UsageError("the database needs a file", remedy="write sqlite:////folder/state.db")
    Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url,
        connect_args={"check_same_thread": False, "timeout": options.busy_timeout_seconds},
        # Who wrote last writes next: its cache of pages is up to date, that of any other has to be read again.
        pool_use_lifo=True,
        **pool,
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun by _begin, not guessed by the driver
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"wal_autocheckpoint={_LOG_PAGES}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
