# SPDX-License-Identifier: Apache-2.0
"""Scrub: every kind of damage is found, nothing damaged is served, good copies are taken from wherever they are."""

import shutil
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import obstore
import pytest
from keeping_stand import APP, NOW, OTHER, Stand, both_engines, objects, postgres, with_objects
from sqlalchemy import insert, update

from tidegate.artifact import Digest, Tag
from tidegate.curation.keeping.collector import Collector
from tidegate.curation.keeping.damage import Defect, hit_by_blob, list_damages
from tidegate.curation.keeping.repair_source import FolderSource, RepairSource
from tidegate.curation.keeping.scrub import Part, Scrubber
from tidegate.curation.lifecycle import State
from tidegate.curation.shelf import MissingContentError
from tidegate.curation.shelf_blobs import BlobUnknownError
from tidegate.curation.states import advance
from tidegate.curation.whole import ManifestDamagedError
from tidegate.errors import NotFoundError
from tidegate.events import EventKind
from tidegate.storage.object_blobs import ObjectBlobs
from tidegate.storage.outbox import read_after
from tidegate.storage.schema import manifest, placement

__all__ = ["both_engines", "objects", "postgres", "with_objects"]
LAYER = b"layer " * 50_000
DIGEST = Digest.of(LAYER)


@pytest.fixture
def stand(both_engines: Stand) -> Stand:
    return both_engines


def scrubber(stand: Stand, sources: Sequence[RepairSource] = (), rate: int = 0) -> Scrubber:
    return Scrubber(stand.database, stand.store, stand.blobs, sources, stand.clock, bytes_per_second=rate)


def path_of(stand: Stand, digest: Digest) -> Path:
    found = stand.store.path(digest)
    assert found is not None
    return found


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def image(stand: Stand) -> Digest:
    digest = stand.image("one", "one", layers=(LAYER, b"other"))
    stand.image("two", "two", OTHER, layers=(LAYER,))
    return digest


DAMAGES = pytest.mark.parametrize(
    ("harm", "defect"),
    [(flip, Defect.CHANGED), (truncate, Defect.TRUNCATED), (Path.unlink, Defect.MISSING)],
    ids=["flipped bit", "truncated", "missing"],
)


def test_what_is_whole_stays_as_it_is(stand: Stand) -> None:
    image(stand)
    found = scrubber(stand).run()
    assert (found.blobs, found.manifests, found.strays, found.damaged) == (4, 2, 0, ())
    assert found.finished
    assert found.read_bytes > len(LAYER)
    assert stand.events(EventKind.BLOB_DAMAGED) == []


@DAMAGES
def test_damage_is_found_shut_away_and_told(stand: Stand, harm: Callable[[Path], None], defect: Defect) -> None:
    digest = image(stand)
    row = {"cluster": "c", "namespace": "n", "kind": "Pod", "name": "web", "container": "m", "digest": digest}
    with stand.database.begin() as connection:
        connection.execute(insert(placement).values(**row, reference="r", owner="ann@example", since="s"))
    harm(path_of(stand, DIGEST))
    found = scrubber(stand).run()
    assert found.damaged == found.lost == (DIGEST,)
    for repository in (APP, OTHER):
        with pytest.raises(BlobUnknownError):
            stand.blobs.find(repository, DIGEST)
    assert not path_of(stand, DIGEST).exists()
    with pytest.raises(MissingContentError):  # nothing can be built upon it
        stand.put(
            {"config": stand.blob(b"{}"), "layers": [{"mediaType": "x/y", "digest": DIGEST, "size": len(LAYER)}]},
            "application/vnd.oci.image.manifest.v1+json",
            "three",
        )
    with stand.database.read() as connection:
        damages, hit = list_damages(connection, limit=10), hit_by_blob(connection, DIGEST)
        told = [event for _, event in read_after(connection, 0, 1000) if event.kind is EventKind.BLOB_LOST]
    assert [(one.digest, one.defect, one.size, one.repaired_at) for one in damages] == [
        (DIGEST, defect, len(LAYER), None)
    ]
    assert {tag for one in hit.manifests for tag in one.tags} == {"team/app:one", "other:two"}
    assert [(one.workload, one.owner) for one in hit.workloads] == [("c/n/Pod/web", "ann@example")]
    assert told[0].data["owners"] == ["ann@example"]
    assert len(told[0].data["hit"]["manifests"]) == 2
    assert scrubber(stand).run().damaged == (), "it is told once"


@DAMAGES
def test_it_is_repaired_from_a_good_copy(stand: Stand, harm: Callable[[Path], None], defect: Defect) -> None:
    image(stand)
    backup, bad = stand.folder / "backup", stand.folder / "bad"
    shutil.copytree(stand.folder / "content" / "blobs", backup / "blobs")
    shutil.copytree(backup, bad)
    flip(bad / "blobs" / "sha256" / DIGEST.hex[:2] / DIGEST.hex)
    harm(path_of(stand, DIGEST))
    sources = [FolderSource(stand.folder / "none"), FolderSource(bad), FolderSource(backup)]
    found = scrubber(stand, sources).run()
    assert (found.damaged, found.repaired, found.lost) == ((DIGEST,), (DIGEST,), ())
    for repository in (APP, OTHER):
        assert stand.blobs.find(repository, DIGEST).size == len(LAYER)
    assert path_of(stand, DIGEST).read_bytes() == LAYER
    with stand.database.read() as connection:
        assert [(one.defect, one.repaired_from) for one in list_damages(connection, limit=9)] == [(defect, str(backup))]
    assert list((stand.folder / "content" / "uploads").iterdir()) == [], "what was no good left nothing"
    assert stand.events(EventKind.BLOB_REPAIRED) == [DIGEST]
    stand.clock.at = NOW + timedelta(days=3)
    assert Collector(stand.database, stand.blobs, stand.clock).run().removed == 0, "manifests need it still"


def test_a_push_repairs_it_for_everybody(stand: Stand) -> None:
    image(stand)
    flip(path_of(stand, DIGEST))
    assert scrubber(stand).run().lost == (DIGEST,)
    stand.image("one", "one", layers=(LAYER, b"other"))
    assert stand.blobs.find(OTHER, DIGEST).size == len(LAYER)
    with stand.database.read() as connection:
        assert [one.repaired_from for one in list_damages(connection, limit=9)] == ["a push"]


def test_what_was_lost_is_repaired_when_a_copy_turns_up(stand: Stand) -> None:
    image(stand)
    flip(path_of(stand, DIGEST))
    assert scrubber(stand).run().lost == (DIGEST,)
    layout = stand.folder / "layout" / "blobs" / "sha256"
    layout.mkdir(parents=True)
    (layout / DIGEST.hex).write_bytes(LAYER)
    found = scrubber(stand, [FolderSource(stand.folder / "layout")]).run(round_every=timedelta(days=9))
    assert (found.repaired, found.blobs) == ((DIGEST,), 0), "without another round"


def test_a_damaged_manifest_is_not_served_and_mended(stand: Stand) -> None:
    digest = image(stand)
    with stand.database.begin() as connection:
        for to in (State.ANALYSING, State.ADMITTED):
            advance(connection, digest, to, who="t", why="t", at=NOW)
    raw = stand.shelf.get_manifest(APP, digest).document
    layout = stand.folder / "layout" / "blobs" / "sha256"
    layout.mkdir(parents=True)
    harmed = update(manifest).where(manifest.c.digest == digest).values(document=raw.replace(b"config", b"conf1g"))
    for mend in ("source", "push"):
        with stand.database.begin() as connection:
            connection.execute(harmed)
        with pytest.raises(ManifestDamagedError):
            stand.shelf.get_manifest(APP, Tag("one"))
        assert scrubber(stand).run().lost == (digest,)
        if mend == "push":
            image(stand)
        else:
            (layout / digest.hex).write_bytes(raw)
            assert scrubber(stand, [FolderSource(stand.folder / "layout")]).run().repaired == (digest,)
        assert stand.shelf.get_manifest(APP, Tag("one")).document == raw


def test_it_goes_on_where_it_stopped(stand: Stand) -> None:
    image(stand)
    seen: list[int] = []
    runs = 0

    def count_blobs(part: Part, count: int, _read: int) -> None:
        if part is Part.BLOBS:
            seen.append(count)

    while True:
        runs += 1
        found = scrubber(stand).run(
            seconds=0.0, progress=lambda part, count, _: seen.append(count) if part is Part.BLOBS else None
        )
        if found.finished:
            break
    assert runs > 4, "one blob a run"
    assert seen == [1] * 4
    position = scrubber(stand).position()
    assert position is not None
    assert position.ended_at == NOW
    assert scrubber(stand).run(round_every=timedelta(days=30)).blobs == 0
    stand.clock.at = NOW + timedelta(days=31)
    assert scrubber(stand).run(round_every=timedelta(days=30)).blobs == 4


def test_it_stops_when_told_and_has_looked_at_nothing_by_half(stand: Stand) -> None:
    image(stand)
    running = scrubber(stand, rate=1000)
    running.stop()
    assert running.run().blobs == 0
    assert scrubber(stand).run().blobs == 4


def test_bytes_no_row_speaks_of_are_handed_to_the_collector(stand: Stand) -> None:
    image(stand)
    stray = b"left behind"
    stand.store.release(stand.store.put(stray))
    assert scrubber(stand).run().strays == 1
    assert Collector(stand.database, stand.blobs, stand.clock).run().removed == 1
    assert not path_of(stand, Digest.of(stray)).exists()
    assert stand.blobs.find(APP, DIGEST).size == len(LAYER)


def test_what_was_deleted_and_pushed_again_meanwhile_is_left_alone(stand: Stand) -> None:
    """The row looked at is not the row that is there: another blob came in the place of the damaged one."""
    stand.blob(LAYER)
    flip(path_of(stand, DIGEST))
    running = scrubber(stand)
    stand.blobs.delete(APP, DIGEST)
    stand.clock.at = NOW + timedelta(seconds=5)
    stand.blob(LAYER)
    found = running._shut_away(running.run(), DIGEST, len(LAYER), "2026-01-02T03:04:05Z", Defect.CHANGED)
    assert found.damaged == ()
    assert path_of(stand, DIGEST).read_bytes() == LAYER


@pytest.mark.tools
def test_the_same_in_an_object_store(with_objects: Stand) -> None:
    stand = with_objects
    assert isinstance(stand.store, ObjectBlobs)
    image(stand)
    backup = stand.folder / "backup" / "blobs" / "sha256"
    backup.mkdir(parents=True)
    (backup / DIGEST.hex).write_bytes(LAYER)
    for harmed in (LAYER[:-1] + b"!", LAYER[:-1]):
        obstore.put(stand.store._objects, stand.store.key(DIGEST), harmed)
        assert scrubber(stand).run().lost == (DIGEST,)
        with pytest.raises(BlobUnknownError):
            stand.blobs.find(OTHER, DIGEST)
        with pytest.raises(NotFoundError):
            stand.store.size(DIGEST)
        found = scrubber(stand, [FolderSource(stand.folder / "backup")]).run()
        assert (found.repaired, found.damaged, found.strays) == ((DIGEST,), (), 0)
        with stand.store.open(DIGEST) as file:
            assert file.read() == LAYER
