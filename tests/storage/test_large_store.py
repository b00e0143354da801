# SPDX-License-Identifier: Apache-2.0
"""What a registry asks its database costs as much in a large store as in an empty one: no question reads a whole table.

Judged by the plans of the engines themselves, for every statement that an act executes. `make scale` measures.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import String, event, func, insert, select, text

from large_store import BIG, LargeStore
from postgres_server import start_postgres
from tidegate.artifact import Digest, Repository, Tag
from tidegate.artifact import media_type as mt
from tidegate.curation import tags
from tidegate.curation.blob_access import _referring, blob_objection
from tidegate.curation.consumer import Consumer
from tidegate.curation.keeping.collector import Collector
from tidegate.curation.listed import Listed
from tidegate.curation.shelf import Shelf
from tidegate.curation.shelf_blobs import ShelfBlobs
from tidegate.curation.shelved import context_of
from tidegate.curation.states import State, advance
from tidegate.curation.vending.catalogue import Asked, Catalogue, Everything
from tidegate.loops.expiring import judge_before_expiry
from tidegate.loops.stalled import judge_stalled
from tidegate.storage import outbox
from tidegate.storage.database import Database
from tidegate.storage.folder_blobs import FolderBlobs
from tidegate.storage.leases import Leases
from tidegate.storage.migrations import migrate
from tidegate.storage.vending_schema import image_summary

NOW = datetime(2026, 6, 1, tzinfo=UTC)
STORE = LargeStore(manifests=4000, blobs_each=3, repositories=60)
LARGE = {
    "blob",
    "repository_blob",
    "manifest",
    "repository_manifest",
    "manifest_blob",
    "tag",
    "state",
    "state_change",
    "image_summary",
}
CATALOGUE = Catalogue(())
HERE, MINE = STORE.repository(1), Repository("mine")


class Stand:
    """A filled store, and the statements that were executed on it."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.blobs = ShelfBlobs(database, FolderBlobs(folder), lambda: NOW)
        self.shelf = Shelf(database, self.blobs, lambda: NOW)
        self.heard: list[tuple[str, Any]] = []
        event.listen(database._engine, "before_cursor_execute", self._hear)

    def _hear(self, _connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.partition(" ")[0] in {"SELECT", "UPDATE", "DELETE", "WITH"}:
            self.heard.append((statement, parameters))

    def whole_reads(self, *, for_want_of_an_index: bool = False) -> list[str]:
        """What was heard that reads a large table from end to end.

        Args:
            for_want_of_an_index: not where PostgreSQL holds that cheaper in a store of this size, and could do without.
        """
        heard, self.heard = self.heard, []
        explain = _sqlite_scans if self.database.is_sqlite else _postgresql_scans
        with self.database.read() as connection:
            if for_want_of_an_index and not self.database.is_sqlite:
                connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            return [
                f"{table}: {statement}"
                for statement, values in heard
                for table in explain(connection, statement, values)
            ]


def _sqlite_scans(connection: Any, statement: str, values: Any) -> list[str]:
    rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
    steps = [row.detail.split() for row in rows]
    # A whole repository may be a tenth of everything.
    whole = ("(repository=?)", "(repository=? AND digest>?)")
    held = {"repository_manifest", "repository_blob"}
    return [
        step[1]
        for step in steps
        if (step[0] == "SCAN" and step[1] in LARGE)
        or (step[0] == "SEARCH" and step[1] in held and " ".join(step).endswith(whole))
    ]


def _postgresql_scans(connection: Any, statement: str, values: Any) -> list[str]:
    (found,) = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values).one()
    waiting = [part["Plan"] for part in found]
    scanned: list[str] = []
    while waiting:
        node = waiting.pop()
        waiting += node.get("Plans", [])
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in LARGE:
            scanned.append(node["Relation Name"])
    return scanned


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with start_postgres() as url:
        yield url


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.tools)])
def stand(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    folder = tmp_path_factory.mktemp("large")
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{folder / 'state.db'}" if sqlite else request.getfixturevalue("postgres")
    migrate(url)
    database = Database(url)
    STORE.fill(database)
    if not sqlite:  # which keeps count by itself; SQLite has to choose without
        with database.begin() as connection:
            connection.execute(text("ANALYZE"))
    yield Stand(database, folder / "content")
    database.close()


def _push(stand: Stand) -> None:
    config = {"mediaType": mt.OCI_CONFIG, "size": 2, "digest": Digest.of(b"{}")}
    upload = stand.blobs.begin(MINE)
    stand.blobs.append(MINE, upload, [b"{}"])
    stand.blobs.finish(MINE, upload, Digest.of(b"{}"))
    raw = json.dumps({"schemaVersion": 2, "mediaType": mt.OCI_MANIFEST, "config": config, "layers": []}).encode()
    stand.shelf.put_manifest(MINE, Tag("v1"), raw, media_type=mt.OCI_MANIFEST, pushed_by="me")
    with stand.database.begin() as connection:
        for state in (State.ANALYSING, State.ADMITTED):
            advance(connection, Digest.of(raw), state, who="me", why="test", at=NOW)
        context_of(connection, Digest.of(raw))
        tags.tags_of(connection, Digest.of(raw))
    stand.shelf.delete_manifest(MINE, Digest.of(raw), who="me")
    stand.blobs.delete(MINE, Digest.of(b"{}"))


def _pull(stand: Stand) -> None:
    digest, raw = STORE.manifest(1)
    stand.shelf.get_manifest(Repository(HERE), Tag("v1"))
    stand.shelf.get_manifest(Repository(HERE), Digest(digest))
    stand.shelf.head_manifest(Repository(HERE), Digest(digest))
    stand.blobs.find(Repository(HERE), Digest(json.loads(raw)["config"]["digest"]))


def _pull_of_a_blob(stand: Stand) -> None:
    blob = Digest(json.loads(STORE.manifest(10)[1])["config"]["digest"])
    with stand.database.read() as connection:
        consumer = Consumer(name="me")
        assert blob_objection(connection, Repository(BIG), blob, consumer, {}, at=NOW) is None
        assert len(_referring(connection, Repository(BIG), blob)) == 1


def _list(stand: Stand) -> None:
    assert len(stand.shelf.list_tags(Repository(BIG), limit=5, last="v5")) == 5
    assert len(stand.shelf.list_repositories(limit=5)) == 5
    assert len(stand.shelf.list_repositories(limit=5, last="team-2")) == 5
    stand.shelf.referrers(Repository(BIG), Digest(STORE.manifest(10)[0]))


def _start(stand: Stand) -> None:
    """What a server does when it starts, and every few minutes."""
    stand.blobs.sweep()
    judge_before_expiry(stand.database, lambda *_: None, lambda: NOW)
    judge_stalled(stand.database, lambda *_: None, lambda: NOW)
    assert Leases(stand.database, "one").hold("x")
    with stand.database.read() as connection:
        outbox.read_after(connection, outbox.position(connection, "me"), 100)


def _collect(stand: Stand) -> None:
    """A collection with something to do: what is not needed goes, what is needed is struck off the list."""
    upload = stand.blobs.begin(MINE)
    stand.blobs.append(MINE, upload, [b"unneeded"])
    stand.blobs.finish(MINE, upload, Digest.of(b"unneeded"))
    digest = Digest(STORE.manifest(3)[0])
    stand.shelf.delete_manifest(Repository(STORE.repository(3)), digest, who="me")
    found = Collector(stand.database, stand.blobs, lambda: NOW).run(at=NOW + timedelta(days=2))
    assert found.let_go >= STORE.blobs_each + 1
    assert found.removed >= 1


@pytest.mark.parametrize("act", [_push, _pull, _pull_of_a_blob, _list, _start, _collect])
def test_no_act_reads_a_whole_table(act: Callable[[Stand], None], stand: Stand) -> None:
    stand.heard = []
    act(stand)
    assert len(stand.heard) > 1
    assert stand.whole_reads() == []


class _Sight:
    """Whoever may see some repositories, and all in them."""

    is_spent = False

    def __init__(self, *names: str) -> None:
        self._names = [Repository(name) for name in names]

    def repositories(self, _connection: Any, *, limit: int, last: str) -> Listed[Repository]:
        return Listed(names=[name for name in self._names if name > last][:limit], goes_on=None)

    def tags(self, _repository: Repository, names: Sequence[Tag]) -> Sequence[Tag]:
        return names


@pytest.fixture
def told_of(stand: Stand) -> Stand:
    """The store, with what each image says of itself."""
    digests = [STORE.manifest(number)[0] for number in range(STORE.manifests)]
    with stand.database.begin() as connection:
        if connection.scalar(select(func.count()).select_from(image_summary)) == 0:
            connection.execute(insert(image_summary), [_summary(digest) for digest in digests])
        if not stand.database.is_sqlite:
            connection.execute(text("ANALYZE"))
    return stand


def _summary(digest: str) -> dict[str, Any]:
    texts = {column.name: "" for column in image_summary.columns if isinstance(column.type, String)}
    numbers = {column.name: 0 for column in image_summary.columns if not isinstance(column.type, String)}
    return {**texts, **numbers, "digest": digest, "words": "price engine", "made_at": "2026-01-02T03:04:05Z"}


def test_a_search_reads_what_one_may_see_by_index(told_of: Stand) -> None:
    told_of.heard = []
    with told_of.database.read() as connection:
        found = CATALOGUE.search(connection, Asked(words="price v1", state="admitted"), _Sight(HERE), today=NOW.date())
    assert [entry.repository for entry in found.entries] == [HERE]
    heard = [statement for statement, _ in told_of.heard]
    scanned = told_of.whole_reads(for_want_of_an_index=True)
    assert [one for one in scanned if not one.startswith("repository_manifest:")] == []
    # The images of the repository are read, each once a word, by the repository's own part of the index.
    assert len(heard) < 20


@pytest.mark.parametrize("words", ["nothing-like-it", "price nothing-like-it", "a b c d e f g nothing-like-it"])
def test_a_search_asks_no_more_often_in_a_larger_store(told_of: Stand, words: str) -> None:
    told_of.heard = []
    with told_of.database.read() as connection:
        found = CATALOGUE.search(connection, Asked(words=words), Everything(), today=NOW.date())
    assert found.entries == []
    # One question for the names and one a word, however many tags and images there are.
    assert 2 <= len(told_of.heard) <= 1 + len(words.split())


def test_a_search_that_read_a_whole_table_would_be_seen(told_of: Stand) -> None:
    told_of.heard = []
    with told_of.database.read() as connection:
        connection.execute(select(image_summary.c.digest).where(image_summary.c.words.contains("x")))
    assert len(told_of.whole_reads()) == 1


def test_a_whole_read_would_be_seen(stand: Stand) -> None:
    stand.heard = []
    with stand.database.read() as connection:
        connection.execute(text("SELECT digest FROM manifest WHERE media_type = 'x'"))
    assert len(stand.whole_reads()) == 1
