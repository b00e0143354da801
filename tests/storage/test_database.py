# SPDX-License-Identifier: Apache-2.0
"""Transactions, the outbox and its signal, on SQLite and (where installed) on PostgreSQL."""

import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select, text

from postgres_server import start_postgres
from tidegate.errors import OutsideError, UsageError
from tidegate.events import Event, EventKind
from tidegate.storage.database import Database, DatabaseOptions
from tidegate.storage.insert import insert_once
from tidegate.storage.migrations import migrate
from tidegate.storage.outbox import move, position, publish, read_after
from tidegate.storage.schema import blob, outbox

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    with start_postgres(migrated=False) as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.tools)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state.db'}"
    found: str = request.getfixturevalue("postgres")
    database = Database(found)
    with database.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    database.close()
    return found


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    migrate(url)
    opened = Database(url)
    yield opened
    opened.close()


def _event(name: str) -> Event:
    return Event(id=name, kind=EventKind.TAG_MOVED, subject="a:b", time=NOW, data={"n": name})


def test_sqlite_is_durable_and_strict(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'state.db'}")
    with database.read() as connection:
        pragmas = {name: connection.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous")}
        assert pragmas == {"journal_mode": "wal", "synchronous": 2}
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1
        assert connection.scalar(text("PRAGMA busy_timeout")) == 30000
    database.close()


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "sqlite://", "sqlite:///:memory:"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(UsageError):
        Database(url)


def test_an_event_and_its_change_are_one(database: Database) -> None:
    def write_and_fail() -> None:
        with database.begin() as connection:
            assert insert_once(connection, blob, digest="x", size=1, stored_at="now")
            assert publish(connection, _event("1"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    with database.read() as connection:
        assert connection.execute(select(outbox)).all() == []
        assert connection.execute(select(blob)).all() == []
    assert database.commits.count == 0


def test_an_event_is_told_once(database: Database) -> None:
    for _ in range(2):
        with database.begin() as connection:
            publish(connection, _event("1"))
            publish(connection, _event("2"))
    with database.read() as connection:
        found = read_after(connection, 0, 10)
    assert [event for _, event in found] == [_event("1"), _event("2")]
    assert database.commits.count == 1
    with database.read() as connection:
        assert read_after(connection, found[0][0], 10) == found[1:]
        assert read_after(connection, 0, 1) == found[:1]


def test_a_consumer_keeps_its_place(database: Database) -> None:
    with database.begin() as connection:
        assert position(connection, "me") == 0
        move(connection, "me", 5)
        move(connection, "me", 9)
        move(connection, "you", 2)
    with database.read() as connection:
        assert (position(connection, "me"), position(connection, "you")) == (9, 2)


def test_a_waiter_is_woken_by_the_commit(database: Database) -> None:
    seen = database.commits.count
    woken: list[int] = []
    waiter = threading.Thread(target=lambda: woken.append(database.commits.wait(seen, timeout=120)))
    waiter.start()
    with database.begin() as connection:
        insert_once(connection, blob, digest="x", size=1, stored_at="now")  # tells nothing
    with database.begin() as connection:
        publish(connection, _event("1"))
    waiter.join()
    assert woken == [seen + 1]
    assert database.commits.wait(seen, timeout=0) == seen + 1
    assert database.commits.wait(seen + 1, timeout=0) == seen + 1


def test_many_writers_lose_nothing_and_offsets_follow_commits(database: Database) -> None:
    done = threading.Event()

    def write(number: int) -> None:
        with database.begin() as connection:
            insert_once(connection, blob, digest=f"d{number % 7}", size=1, stored_at="now")
            publish(connection, _event(str(number)))

    def follow() -> list[str]:
        """What a consumer sees that never goes back: whatever commits behind its back would be missing."""
        seen: list[str] = []
        last, ended = 0, False
        while not ended:
            ended = done.is_set()
            with database.read() as connection:
                for offset, event in read_after(connection, last, 1000):
                    seen.append(event.id)
                    last = offset
        return seen

    with ThreadPoolExecutor(9) as pool:
        following = pool.submit(follow)
        writing = [pool.submit(write, number) for number in range(80)]
        try:
            for future in writing:
                future.result()
        finally:
            done.set()
        seen = following.result()
    with database.read() as connection:
        found = [event.id for _, event in read_after(connection, 0, 1000)]
    assert seen == found
    assert len(set(found)) == 80


def test_who_tells_a_change_holds_up_nobody_he_waits_for(database: Database) -> None:
    """One changes a row and tells it, the other tells it and changes the row: neither waits for the other for ever."""

    def change(connection: Connection) -> None:
        move(connection, "me", 1)

    def work(first: bool) -> None:
        for turn in range(20):
            with database.begin() as connection:
                if first:
                    change(connection)
                publish(connection, _event(f"{first}-{turn}"))
                if not first:
                    change(connection)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, [True, False]))
    with database.read() as connection:
        assert len(read_after(connection, 0, 1000)) == 40


def test_what_is_in_use_at_the_end_is_closed_when_it_comes_back(database: Database) -> None:
    def driver(connection: Connection) -> Any:
        connection.execute(select(blob))
        return connection.connection.driver_connection

    with database.read() as connection:
        used = [driver(connection)]
        database.close()
        connection.execute(select(blob))
    with database.read() as late:
        used.append(driver(late))
    for one in used:
        with pytest.raises(Exception, match="closed"):
            one.execute("SELECT 1")


def test_a_writer_of_another_process_is_waited_for_and_then_reported(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    migrate(url)
    ours = Database(url, DatabaseOptions(busy_timeout_seconds=0.05))
    theirs = Database(url)
    with theirs.begin() as connection:
        insert_once(connection, blob, digest="x", size=1, stored_at="now")
        with pytest.raises(OutsideError, match="locked"), ours.begin():
            pass
        with ours.read() as reading:
            assert reading.execute(select(blob)).all() == []
    with ours.begin() as connection:
        assert not insert_once(connection, blob, digest="x", size=1, stored_at="now")
    for opened in (ours, theirs):
        opened.close()


def test_beginning_twice_is_told_instead_of_hanging(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'state.db'}", DatabaseOptions(busy_timeout_seconds=0.05))
    with database.begin(), pytest.raises(OutsideError, match="locked by a writer of this process"), database.begin():
        pass
    with database.begin():
        pass
    database.close()


def test_a_full_disk_is_an_outside_error(tmp_path: Path) -> None:
    if shutil.which("prlimit") is None:
        pytest.skip("prlimit is missing: apt-get install util-linux")
    program = (
        "import sys, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from tidegate.storage.database import Database\n"
        "from tidegate.storage.migrations import migrate\n"
        "from tidegate.errors import OutsideError\n"
        "try: migrate(sys.argv[1])\n"
        "except OutsideError as error: print(error)\n"
    )
    command = ["prlimit", "--fsize=8192", sys.executable, "-c", program, f"sqlite:///{tmp_path / 'state.db'}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "the database failed" in done.stdout, done.stderr
