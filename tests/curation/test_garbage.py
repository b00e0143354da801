# SPDX-License-Identifier: Apache-2.0
"""Garbage collection: what no manifest needs goes, in time; what one needs never does, whoever comes at that moment."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from keeping_stand import APP, NOW, OTHER, Stand, both_engines, objects, postgres, stand_on, with_objects
from sqlalchemy import Engine, event, select, text

from postgres_server import emptied
from tidegate.artifact import Digest, Repository, Tag, parse_manifest
from tidegate.artifact import media_type as mt
from tidegate.curation.keeping import unneeded
from tidegate.curation.keeping.collector import Collected, Collector, Phase
from tidegate.curation.shelf import ManifestUnknownError, MissingContentError
from tidegate.curation.shelf_blobs import DEFAULT_GRACE, BlobInUseError, BlobUnknownError
from tidegate.curation.stock import require_content, store_manifest
from tidegate.events import EventKind
from tidegate.storage import schema

__all__ = ["both_engines", "objects", "postgres", "with_objects"]
LATER = NOW + DEFAULT_GRACE + timedelta(seconds=1)


@pytest.fixture
def stand(both_engines: Stand) -> Stand:
    return both_engines


def collector(stand: Stand) -> Collector:
    return Collector(stand.database, stand.blobs, stand.clock)


def assert_whole(stand: Stand) -> None:
    """Every blob that a held manifest names is held there, has a row and has its bytes."""
    held = schema.repository_manifest
    query = select(held.c.repository, schema.manifest_blob.c.blob).where(
        held.c.digest == schema.manifest_blob.c.manifest
    )
    with stand.database.read() as connection:
        needed = connection.execute(query).all()
    for repository, blob in needed:
        found = stand.blobs.find(Repository(repository), Digest(blob))
        with stand.store.open(found.digest) as file:
            assert Digest.of(file.read()) == blob


def assert_nothing_left(stand: Stand) -> None:
    """No blob is held without need, no row without a holder, no bytes without a row."""
    links = select(schema.repository_manifest.c.repository, schema.manifest_blob.c.blob).where(
        schema.repository_manifest.c.digest == schema.manifest_blob.c.manifest
    )
    holders = select(schema.repository_blob.c.repository, schema.repository_blob.c.digest)
    with stand.database.read() as connection:
        needed = {tuple(row) for row in connection.execute(links)}
        held = {tuple(row) for row in connection.execute(holders)}
        rows = set(connection.scalars(select(schema.blob.c.digest)))
    assert held == needed
    assert rows == {digest for _, digest in needed} == set(stand.store.digests())
    assert stand.count("gc_removal") == 0


def test_what_a_deleted_manifest_needed_goes_after_its_grace(stand: Stand) -> None:
    one = stand.image("one", "one", layers=(b"shared", b"own"))
    stand.image("two", "two", layers=(b"shared",))
    stand.shelf.delete_manifest(APP, one, who="me")
    assert collector(stand).run().removed == 0, "its grace is not over"
    stand.clock.at = LATER
    found = collector(stand).run()
    gone = len(b"own") + len(b'{"name":"one"}')
    assert found == Collected(looked=4, needed=2, let_go=2, removed=2, freed_bytes=gone)
    assert_whole(stand)
    assert_nothing_left(stand)
    assert collector(stand).run() == Collected(), "and then there is nothing to do"
    assert stand.events(EventKind.STORAGE_COLLECTED) == ["blobs"]


def test_what_was_needed_for_long_goes_when_its_manifest_does(stand: Stand) -> None:
    digest = stand.image("one", "one")
    stand.clock.at = LATER
    assert collector(stand).run().needed == 2
    assert stand.count("gc_look") == 0
    stand.shelf.delete_manifest(APP, digest, who="me")
    stand.clock.at = LATER + DEFAULT_GRACE
    assert collector(stand).run().removed == 2
    assert_nothing_left(stand)


@pytest.mark.parametrize("both_engines", [pytest.param("postgresql", marks=pytest.mark.tools)], indirect=True)
def test_a_manifest_that_is_being_stored_is_not_waited_for_nor_overtaken(both_engines: Stand) -> None:
    """On PostgreSQL, where both are under way at once: its rows are locked, so the collector passes the blob by."""
    stand = both_engines
    config, layer = stand.blob(b"{}"), stand.blob(b"layer")
    body = {"schemaVersion": 2, "config": {**config, "mediaType": mt.OCI_CONFIG}, "layers": [layer]}
    raw = json.dumps({**body, "mediaType": mt.OCI_MANIFEST}).encode()
    parsed = parse_manifest(raw, media_type=mt.OCI_MANIFEST)
    with stand.database.begin() as connection:
        require_content(connection, APP, parsed)
        found = collector(stand).run(at=LATER)
        assert (found.put_off, found.let_go) == (2, 0)
        store_manifest(connection, APP, Digest.of(raw), parsed, who="me", at=NOW)
    assert collector(stand).run(at=LATER + timedelta(minutes=2)).needed == 2
    assert_whole(stand)


def test_what_was_uploaded_and_never_used_goes(stand: Stand) -> None:
    stand.blob(b"orphan")
    assert stand.blobs.mount(OTHER, Digest.of(b"orphan"), APP)
    stand.clock.at = LATER
    assert collector(stand).run().removed == 1
    assert_nothing_left(stand)


def test_what_another_repository_holds_stays(stand: Stand) -> None:
    digest = stand.image("one", "one")
    stand.image("one", "one", OTHER)
    stand.shelf.delete_manifest(APP, digest, who="me")
    stand.clock.at = LATER
    assert collector(stand).run().removed == 0
    assert_whole(stand)
    with pytest.raises(BlobUnknownError):
        stand.blobs.find(APP, Digest.of(b"one"))


def test_a_client_that_was_told_of_a_blob_has_time_to_build_upon_it(stand: Stand) -> None:
    stand.blob(b"layer")
    stand.clock.at = LATER
    stand.blobs.promise(APP, Digest.of(b"layer"))
    assert collector(stand).run().removed == 0
    stand.clock.at = LATER + timedelta(hours=1, seconds=1)
    assert collector(stand).run().removed == 1


def test_pushed_again_it_has_its_whole_grace_again(stand: Stand) -> None:
    stand.blob(b"layer")
    stand.clock.at = NOW + timedelta(hours=23)
    stand.blob(b"layer")
    stand.clock.at = LATER
    assert collector(stand).run().removed == 0


def test_evidence_goes_with_what_it_hangs_on(stand: Stand) -> None:
    digest = stand.image("one", "one")
    with stand.database.begin() as connection:
        hung = stand.shelf.attach(connection, APP, digest, b'{"n":1}', artifact_type="x/y")
        stand.shelf.attach(connection, APP, hung, b'{"n":2}', artifact_type="x/y")
    stand.shelf.delete_manifest(APP, digest, who="me")
    assert len(stand.events(EventKind.IMAGE_DELETED)) == 3
    stand.clock.at = LATER
    collector(stand).run()
    assert_nothing_left(stand)
    assert stand.count("blob") == 0


def test_abandoned_uploads_expire(both_engines: Stand) -> None:
    upload = both_engines.blobs.begin(APP)
    both_engines.blobs.append(APP, upload, [b"half"])
    assert collector(both_engines).run().uploads == 0, "its client may come back"


def test_progress_is_told(stand: Stand) -> None:
    stand.blob(b"a")
    stand.blob(b"b")
    stand.clock.at = LATER
    told: list[tuple[Phase, int, int]] = []
    collector(stand).run(progress=lambda *said: told.append(said))
    assert (Phase.LOOKING, 2, 2) in told
    assert (Phase.REMOVING, 2, 2) in told
    assert stand.count("gc_look") == 0


def test_a_removal_that_was_asked_for_spares_what_came_back(stand: Stand) -> None:
    """The second step after somebody stored the same bytes again: the rows are there, so the bytes stay."""
    stand.blob(b"layer")
    assert stand.blobs.let_go_unneeded(APP, Digest.of(b"layer"), at=LATER) == "let go"
    assert stand.count("gc_removal") == 1
    stand.image("x", "x", layers=(b"layer",))
    assert collector(stand).run().removed == 0
    assert_whole(stand)
    assert stand.count("gc_removal") == 0


def test_cost_follows_what_changed_not_what_is_stored(stand: Stand) -> None:
    for number in range(30):
        stand.image(f"kept-{number}", f"kept-{number}")
    stand.clock.at = LATER
    collector(stand).run()
    digest = stand.image("one", "one")
    stand.shelf.delete_manifest(APP, digest, who="me")
    stand.clock.at = LATER + DEFAULT_GRACE * 2
    assert collector(stand).run().looked == 2


@pytest.mark.tools
def test_the_same_with_an_object_store(with_objects: Stand) -> None:
    _all_at_once(with_objects, turns=4)


def test_pushes_deletes_and_collections_at_once_lose_nothing(stand: Stand) -> None:
    _all_at_once(stand, turns=12)


def _all_at_once(stand: Stand, *, turns: int) -> None:
    """Four that push and delete images of shared layers, beside two that collect as if no grace were left."""
    stopped = threading.Event()

    def push(worker: int) -> None:
        repository = Repository(f"r{worker % 2}")
        for turn in range(turns):
            layers = tuple(b"layer %d" % ((worker + turn + at) % 4) for at in range(3))
            try:
                digest = stand.image(f"i{(worker + turn) % 3}", f"t{turn % 2}", repository, layers)
            except MissingContentError:
                continue  # collected between upload and manifest, and said so; a client begins again
            if turn % 2:
                try:
                    stand.shelf.delete_manifest(repository, digest, who="me")
                except ManifestUnknownError:
                    continue

    def collect() -> None:
        while not stopped.is_set():
            collector(stand).run(at=LATER)

    with ThreadPoolExecutor(6) as pool:
        collecting = [pool.submit(collect) for _ in range(2)]
        pushing = [pool.submit(push, worker) for worker in range(4)]
        try:
            for future in pushing:
                future.result()
        finally:
            stopped.set()
        for future in collecting:
            future.result()
    assert_whole(stand)
    collector(stand).run(at=LATER + timedelta(minutes=2))  # what was in use was put off for a minute
    assert_whole(stand)
    assert_nothing_left(stand)


@pytest.mark.tools
def test_what_is_needed_no_more_while_needs_are_struck_off_is_looked_at_again(postgres: str, tmp_path: Path) -> None:
    """Its manifest goes after the look at its need has begun, and before its place in the list is locked."""
    emptied(postgres)
    with stand_on(postgres, tmp_path) as stand, ThreadPoolExecutor(1) as pool:
        digest = stand.image("one", "one", layers=(b"layer",))

        def strike_off() -> int:
            with stand.database.begin() as connection:
                return unneeded.forget_needed(connection, at=LATER, limit=500)

        def slowly(_c: object, _cursor: object, statement: str, parameters: object, *_: object) -> tuple[str, object]:
            held = "WHERE (SELECT pg_advisory_xact_lock_shared(7)) IS NOT NULL AND gc_look"
            return statement.replace("WHERE gc_look", held), parameters

        with stand.database.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(7)"))
            event.listen(Engine, "before_cursor_execute", slowly, retval=True)
            try:
                striking = pool.submit(strike_off)
                _wait_for_one_held_up(stand)
            finally:
                event.remove(Engine, "before_cursor_execute", slowly)
            stand.shelf.delete_manifest(APP, digest, who="me")
            assert not striking.done()
        assert striking.result() == 0
        collector(stand).run(at=LATER)
        assert_nothing_left(stand)


def _wait_for_one_held_up(stand: Stand) -> None:
    held_up = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND wait_event = 'advisory'")
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        with stand.database.read() as connection:
            if connection.scalar(held_up):
                return
    raise AssertionError("nobody looks")


def test_a_manifest_that_comes_between_look_and_removal_wins_or_is_refused(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every place where the first step could be overtaken: either the manifest is whole, or it was refused."""
    config, layer = stand.blob(b"{}"), stand.blob(b"layer")
    body: dict[str, object] = {"config": {**config, "mediaType": mt.OCI_CONFIG}, "layers": [layer]}
    original = stand.blobs.let_go_unneeded
    outcomes: list[bool] = []

    def overtaken(*arguments: Any, **options: Any) -> Any:
        try:
            stand.put(body, mt.OCI_MANIFEST, "late")
            outcomes.append(True)
        except MissingContentError:
            outcomes.append(False)
        return original(*arguments, **options)

    monkeypatch.setattr(stand.blobs, "let_go_unneeded", overtaken)
    collector(stand).run(at=LATER)
    assert outcomes
    assert_whole(stand)


class Keeping(RuleBasedStateMachine):
    """Pushes, deletes, mounts and collections in any order, at any moment, with kills between the steps."""

    NAMES = st.sampled_from(["a", "b", "c"])
    REPOSITORIES = st.sampled_from([APP, OTHER])

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory(prefix="tg-gc-")
        path = Path(self.folder.name)
        self.opened = stand_on(f"sqlite:///{path / 'state.db'}", path)
        self.stand = self.opened.__enter__()

    def teardown(self) -> None:
        self._quiet()
        self.opened.__exit__()
        self.folder.cleanup()

    @rule(name=NAMES, repository=REPOSITORIES, layers=st.lists(NAMES, max_size=3))
    def push(self, name: str, repository: Repository, layers: list[str]) -> None:
        self.stand.image(name, name, repository, tuple(layer.encode() for layer in layers))

    @rule(data=NAMES, repository=REPOSITORIES)
    def upload(self, data: str, repository: Repository) -> None:
        self.stand.blob(data.encode(), repository)

    @rule(data=NAMES)
    def mount(self, data: str) -> None:
        self.stand.blobs.mount(OTHER, Digest.of(data.encode()), APP)

    @rule(name=NAMES, repository=REPOSITORIES)
    def delete_image(self, name: str, repository: Repository) -> None:
        try:
            self.stand.shelf.delete_manifest(repository, self.stand.resolve(name, repository), who="me")
        except (AssertionError, ManifestUnknownError):
            return

    @rule(name=NAMES, repository=REPOSITORIES)
    def delete_tag(self, name: str, repository: Repository) -> None:
        try:
            self.stand.shelf.delete_tag(repository, Tag(name), who="me")
        except ManifestUnknownError:
            return

    @rule(data=NAMES, repository=REPOSITORIES)
    def delete_blob(self, data: str, repository: Repository) -> None:
        try:
            self.stand.blobs.delete(repository, Digest.of(data.encode()))
        except (BlobUnknownError, BlobInUseError):
            return

    @rule(hours=st.sampled_from([1, 13, 25]))
    def wait(self, hours: int) -> None:
        self.stand.clock.at += timedelta(hours=hours)

    @rule()
    def collect(self) -> None:
        collector(self.stand).run()

    @rule(name=NAMES, repository=REPOSITORIES)
    def collect_half(self, name: str, repository: Repository) -> None:
        """A collection that was killed after its first step."""
        self.stand.blobs.let_go_unneeded(repository, Digest.of(name.encode()), at=self.stand.clock())

    @invariant()
    def whole(self) -> None:
        assert_whole(self.stand)

    def _quiet(self) -> None:
        self.stand.clock.at += timedelta(days=3)
        collector(self.stand).run()
        assert_whole(self.stand)
        assert_nothing_left(self.stand)


TestKeeping = Keeping.TestCase
TestKeeping.settings = settings(max_examples=8, stateful_step_count=20, deadline=None)
