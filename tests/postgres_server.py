# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL server of the test's own, on loopback, thrown away afterwards."""

import atexit
import gc
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import count
from pathlib import Path
from typing import Final

import psycopg
import pytest
from psycopg import sql

from free_port import free_port
from tidegate.storage.migrations import migrate, newest

_NUMBERS: Final = count(1)
_TOOLS: Final = Path(__file__).parents[1] / ".tools"
"""An empty cluster is kept there: copying one takes a tenth of the time of making it."""


def _keep(data: Path, kept: Path) -> None:
    making = kept.with_name(f"{kept.name}-{os.getpid()}")
    shutil.copytree(data, making)
    try:
        making.rename(kept)
    except OSError:  # somebody was quicker
        shutil.rmtree(making)


def emptied(url: str) -> str:
    """Leaves a database as migrations make it, or without any table where they did not run; returns its URL."""
    with psycopg.connect(url) as connection:
        connection.execute("DROP SCHEMA IF EXISTS dbos CASCADE")
        if not _is_migrated(connection):
            connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
            return url
        _take_rows(connection)
        since = datetime.now(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
        connection.execute("INSERT INTO upkeep_turn (kind, taken_at) VALUES ('pulls', %s)", (since,))
    return url


def wiped(url: str) -> str:
    """Takes every row out of a database and leaves its tables; returns its URL."""
    with psycopg.connect(url) as connection:
        _take_rows(connection)
    return url


def _is_migrated(connection: psycopg.Connection) -> bool:
    found = connection.execute("SELECT to_regclass('public.alembic_version') IS NOT NULL").fetchone()
    if found != (True,):
        return False
    return connection.execute("SELECT version_num FROM alembic_version").fetchone() == (newest(),)


def _take_rows(connection: psycopg.Connection) -> None:
    """Touches only what was written to: a test fills few of a hundred tables, and each costs a millisecond."""
    found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    names = [sql.Identifier(name) for (name,) in found if name != "alembic_version"]
    if not names:
        return
    asked = sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})")
    looks = (asked.format(sql.Literal(name.as_string(connection)), name) for name in names)
    filled = [name for (name,) in connection.execute(sql.SQL(" UNION ALL ").join(looks)).fetchall()]
    if filled:
        connection.execute(f"TRUNCATE {', '.join(filled)} CASCADE".encode())
    used = "SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL"
    for (name,) in connection.execute(used).fetchall():
        connection.execute(sql.SQL("ALTER SEQUENCE {} RESTART").format(sql.Identifier(name)))


@dataclass(kw_only=True)
class PostgresServer:
    """A server that can be stopped and started.

    Attributes:
        url: of its empty database.
    """

    url: str
    stop: Callable[[], None]
    start: Callable[[], None]


@contextmanager
def start_postgres(*, migrated: bool = True) -> Iterator[str]:
    """Yields the URL of a new database on the one server of this process; skips where PostgreSQL is not installed.

    Args:
        migrated: it has all tables, as a copy of one that was brought up to date; else it has none.
    """
    server = _server_of_this_process()
    name = f"t{next(_NUMBERS)}"
    _run(server, f"CREATE DATABASE {name} TEMPLATE {_migrated_database(server) if migrated else 'template1'}")
    try:
        yield f"{server}/{name}"
    finally:
        gc.collect()  # a connection that was left open is told of here, and not in a stranger's test
        _run(server, f"DROP DATABASE {name} WITH (FORCE)")


@cache
def _server_of_this_process() -> str:
    running = ExitStack()
    server = running.enter_context(postgres_server())
    atexit.register(running.close)
    return server.url.rpartition("/")[0]


@cache
def _migrated_database(server: str) -> str:
    _run(server, "CREATE DATABASE migrated")
    migrate(f"{server}/migrated")
    return "migrated"


def _run(server: str, statement: str) -> None:
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(statement.encode())


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Runs a server until the block ends; skips where it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("PostgreSQL is missing: apt-get install postgresql")
    programs = found[-1].parent
    folder = Path(tempfile.mkdtemp(prefix="tg-pg-"))
    as_user: tuple[str, ...] = ()
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
        as_user = ("runuser", "-u", "postgres", "--")
    port = free_port()

    def run(*command: str) -> None:
        with (folder / "out").open("ab") as out:
            subprocess.run((*as_user, *command), stdout=out, stderr=out, check=True, cwd=folder)

    data, kept = str(folder / "data"), _TOOLS / f"postgresql-{programs.parent.name}"
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    if kept.exists():
        shutil.copytree(kept, data)
        if as_user:
            subprocess.run(["chown", "-R", "postgres", data], check=True)
    else:
        run(str(programs / "initdb"), "-D", data, "-A", "trust", "-U", "postgres", "--no-sync")
        _keep(Path(data), kept)

    def start() -> None:
        run(str(programs / "pg_ctl"), "-D", data, "-l", str(folder / "log"), "-w", "-o", options, "start")

    def stop() -> None:
        run(str(programs / "pg_ctl"), "-D", data, "-m", "immediate", "-w", "stop")

    start()
    url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    try:
        yield PostgresServer(url=url, stop=stop, start=start)
    finally:
        with suppress(subprocess.CalledProcessError):  # a test may have stopped it
            stop()
        shutil.rmtree(folder, ignore_errors=True)
        gc.collect()  # a connection that was left open is told of here, and not in a stranger's test
