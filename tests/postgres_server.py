# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL server of the test's own, on loopback, thrown away afterwards."""

import gc
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import create_engine, inspect, text

from free_port import free_port

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
    """Takes everything out of a database; returns its URL."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:", 1))
    with engine.begin() as connection:
        for schema in ("public", "dbos"):
            connection.execute(text(f"DROP SCHEMA IF EXISTS {schema} CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return url


def wiped(url: str) -> str:
    """Takes every row out of a database and leaves its tables, which is quicker; returns its URL."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:", 1))
    with engine.begin() as connection:
        found = inspect(connection).get_table_names()
        if tables := ", ".join(f'"{name}"' for name in found if name != "alembic_version"):
            connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY"))
    engine.dispose()
    return url


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
def start_postgres() -> Iterator[str]:
    """Yields the URL of an empty database; skips where the server is not installed."""
    with postgres_server() as server:
        yield server.url


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Runs a server until the block ends; skips where it is not installed."""
    pytest.importorskip("psycopg", reason="psycopg is missing: install psycopg[binary]")
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
