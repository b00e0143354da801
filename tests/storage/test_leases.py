# SPDX-License-Identifier: Apache-2.0
"""Leases: one holder at a time, lost by silence, given back at the end, confirmed where it counts; on both engines."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import update

from migrated import migrated
from postgres_server import emptied, start_postgres
from tidegate.storage.database import Database
from tidegate.storage.leases import LeaseLostError, Leases
from tidegate.storage.schema import lease


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with start_postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.tools)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'state.db'}" if sqlite else emptied(request.getfixturevalue("postgres"))
    migrated(url)
    opened = Database(url)
    yield opened
    opened.close()


def end(database: Database, name: str) -> None:
    """As if its time had gone by without a word of its holder."""
    with database.begin() as connection:
        connection.execute(update(lease).where(lease.c.name == name).values(until_ms=1))


def test_one_holds_it_until_it_is_silent_for_too_long(database: Database) -> None:
    one, two = Leases(database, "one"), Leases(database, "two")
    assert one.hold("x")
    assert not two.hold("x")
    assert two.hold("y")
    end(database, "x")
    assert two.hold("x")
    with database.begin() as connection:
        two.confirm(connection, "x")
    with pytest.raises(LeaseLostError), database.begin() as connection:
        one.confirm(connection, "x")
    assert not one.hold("x"), "what was confirmed to be lost is asked for anew"


def test_of_many_that_ask_at_once_one_gets_it(database: Database) -> None:
    everyone = [Leases(database, str(number)) for number in range(8)]
    for _ in range(5):
        end(database, "x")
        for leases in everyone:
            leases._asked_at.clear()
        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(lambda leases: leases.hold("x"), everyone)) == 1


def test_who_stops_gives_everything_back(database: Database) -> None:
    one, two = Leases(database, "one"), Leases(database, "two")
    one.start(lambda: None)
    assert one.hold("x")
    assert two.living() == {"one"}
    one.stop()
    assert two.living() == set()
    assert two.hold("x")


def test_who_lives_shows_it_until_it_stops(database: Database) -> None:
    beats = threading.Semaphore(0)
    one = Leases(database, "one", seconds=0.3)
    one.start(beats.release)
    try:
        for _ in range(5):
            assert beats.acquire(timeout=120)
        ends = time.monotonic() + 60
        while one.living() != {"one"}:  # on a slow machine a beat may come late: then it is shown again
            assert time.monotonic() < ends
    finally:
        one.stop()


def test_a_restart_under_the_same_name_goes_on_at_once(database: Database) -> None:
    assert Leases(database, "one").hold("x")
    assert Leases(database, "one").hold("x")
