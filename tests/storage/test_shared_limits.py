# SPDX-License-Identifier: Apache-2.0
"""Limits that two replicas keep together, each with its own connections: never more than one would allow."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, func, select, update

from migrated import migrated
from postgres_server import emptied, start_postgres
from tidegate.artifact import Repository
from tidegate.events import Event
from tidegate.identity.recon import ReconOptions, ReconWatch, Seen, Sign
from tidegate.identity.recon_exchange import ReconExchange
from tidegate.outbound.pace import Pace, UsedUpError
from tidegate.server.registry.open_uploads import OpenUploads, TooManyUploadsError
from tidegate.storage.database import Database
from tidegate.storage.database_clock import database_now
from tidegate.storage.limit_shares import LimitShares
from tidegate.storage.rate_buckets import DatabaseBucket
from tidegate.storage.sharing_schema import limit_share, rate_bucket, recon_lot

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
WINDOW = timedelta(minutes=10)


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with start_postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.tools)])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Database, Database]]:
    """Two replicas' connections to one database."""
    url = f"sqlite:///{tmp_path / 'state.db'}"
    if request.param == "postgresql":
        url = emptied(request.getfixturevalue("postgres"))
    migrated(url)
    one, two = Database(url), Database(url)
    yield one, two
    one.close()
    two.close()


def writes(database: Database) -> list[str]:
    """What is written from now on."""
    heard: list[str] = []

    def hear(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.partition(" ")[0] in {"INSERT", "UPDATE", "DELETE"}:
            heard.append(statement)

    event.listen(database._engine, "before_cursor_execute", hear)
    return heard


def test_two_draw_from_one_bucket(pair: tuple[Database, Database]) -> None:
    slept: list[float] = []
    paces = [
        Pace(
            rate_per_s=1e-6,  # nothing comes back while the test runs
            burst=40,
            max_wait_s=1,
            bucket=DatabaseBucket(database, "upstream:hub"),
            sleep=slept.append,
        )
        for database in pair
    ]

    def drain(pace: Pace) -> int:
        taken = 0
        while taken < 100:
            try:
                pace.take(where="hub")
            except UsedUpError:
                return taken
            taken += 1
        return taken

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(drain, paces)) == 40
    assert slept == []


def test_a_bucket_is_asked_by_lots_and_closed_for_all(pair: tuple[Database, Database]) -> None:
    first, second = (
        Pace(
            rate_per_s=100,
            burst=200,
            max_wait_s=30,
            bucket=DatabaseBucket(database, "hub"),
            now=lambda: 0.0,  # a lot is void after two seconds, however slow this machine is
            sleep=lambda _: None,
        )
        for database in pair
    )
    heard = writes(pair[0])
    for _ in range(60):
        first.take(where="hub")
    assert 1 <= len(heard) <= 8  # twenty at a time, an insert that finds its row and an update each
    second.take(where="hub")
    first.learn(429, {}, retry_after_s=3600)
    for pace in (first,):
        with pytest.raises(UsedUpError):
            pace.take(where="hub")
    other = Pace(rate_per_s=100, burst=200, max_wait_s=30, bucket=DatabaseBucket(pair[1], "hub"))
    with pytest.raises(UsedUpError):
        other.take(where="hub")
    with pair[0].read() as connection:
        assert connection.scalar(select(func.count()).select_from(rate_bucket)) == 1


def uploads_of(database: Database, holder: str) -> OpenUploads:
    share = LimitShares(database, holder)
    return OpenUploads(max_for_one=40, idle_seconds=3600, share=share, ask_again_seconds=3600)


def begin(replica: OpenUploads, name: str) -> bool:
    if replica.needs_share("anna"):
        replica.ask_for_share("anna")
    try:
        assert replica.make_room("anna") is None
    except TooManyUploadsError:
        return False
    replica.begun(name, Repository("team/app"), "anna")
    return True


def test_who_has_all_there_is_asks_nobody(pair: tuple[Database, Database]) -> None:
    alone = uploads_of(pair[0], "one")
    heard = writes(pair[0])
    assert sum(begin(alone, f"{at}") for at in range(60)) == 40
    assert len(heard) <= 2 * (20 + 1)  # by steps of two, and once to be told that there is no more
    alone.ended("0")
    assert begin(alone, "another")


def test_uploads_of_one_principal_at_two_replicas(pair: tuple[Database, Database]) -> None:
    replicas = [uploads_of(database, name) for database, name in zip(pair, ("one", "two"), strict=True)]

    def fill(number: int) -> int:
        return sum(begin(replicas[number], f"{number}-{at}") for at in range(60))

    heard = writes(pair[0])
    with ThreadPoolExecutor(2) as pool:
        begun = list(pool.map(fill, range(2)))
    assert sum(begun) == 40
    # Who is given a step of two asks when both are begun, who is given less asks nobody from then on.
    assert len(heard) <= 2 * (begun[0] // 2 + 1)
    assert not begin(replicas[0], "more")
    for at in range(60):  # what ends at one may begin at the other, once it was given back
        replicas[1].ended(f"1-{at}")
    replicas[1].give_back()
    later = OpenUploads(max_for_one=40, idle_seconds=3600, share=LimitShares(pair[1], "two"))
    replicas[1] = later
    assert fill(1) == 40 - begun[0]


def test_what_the_dead_held_is_free_again(pair: tuple[Database, Database]) -> None:
    one, two = LimitShares(pair[0], "one"), LimitShares(pair[1], "two")
    assert one.reserve("x", 8, most=10) == 8
    assert two.reserve("x", 8, most=10) == 2
    with pair[1].begin() as connection:  # it has not renewed for long
        late = database_now(connection) - 1
        connection.execute(update(limit_share).where(limit_share.c.holder == "one").values(until_ms=late))
    assert two.reserve("x", 8, most=10) == 8
    two.renew()
    two.stop()
    assert one.reserve("x", 10, most=10) == 10


def test_what_two_replicas_saw_is_one_incident(pair: tuple[Database, Database]) -> None:
    told: list[Event] = []
    watches = [ReconWatch(lambda: NOW, ReconOptions(window=WINDOW), told.append) for _ in pair]
    exchanges = [
        ReconExchange(database, watch, name, window=WINDOW)
        for database, watch, name in zip(pair, watches, ("one", "two"), strict=True)
    ]

    def see(number: int, sign: Sign, times: int, first: int = 0) -> None:
        for at in range(first, first + times):
            watches[number].saw(Seen(sign=sign, address="192.0.2.7", repository=f"a/{at}", status=401))

    def exchange() -> None:
        for one in (*exchanges, *exchanges):
            one.once()

    see(0, Sign.REFUSED, 12)
    see(1, Sign.REFUSED, 12, first=12)
    exchange()
    see(0, Sign.FAILED_LOGIN, 3)
    see(1, Sign.FAILED_LOGIN, 2)
    assert told == []  # alone, none saw enough
    exchange()
    assert {found.id for found in told} == {told[0].id}  # of one name, so that it is told once
    heard = [writes(database) for database in pair]
    exchange()
    assert [statement for each in heard for statement in each] == []  # all is quiet
    with pair[0].read() as connection:
        assert (connection.scalar(select(func.count()).select_from(recon_lot)) or 0) <= 4
