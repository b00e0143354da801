# SPDX-License-Identifier: Apache-2.0
"""The shelf's own words on SQLite and (where installed) on PostgreSQL, without a server in between."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from keeping_stand import APP, NOW, OTHER, Stand, both_engines, postgres
from sqlalchemy import func, insert, select

from migrated import migrated
from postgres_server import emptied
from tidegate.artifact import Digest, Repository, Tag
from tidegate.curation.lifecycle import State
from tidegate.curation.shelf import ManifestUnknownError, Shelf, WithheldError
from tidegate.curation.shelf_blobs import BlobInUseError, BlobUnknownError, HeldBlob, ShelfBlobs
from tidegate.curation.states import advance
from tidegate.errors import NotFoundError
from tidegate.events import EventKind
from tidegate.storage import schema
from tidegate.storage.database import Database
from tidegate.storage.digest_locks import lock_digest
from tidegate.storage.folder_blobs import FolderBlobs

__all__ = ["both_engines", "postgres"]


@pytest.fixture
def stand(both_engines: Stand) -> Stand:
    return both_engines


def _lies_there(stand: Stand, digest: Digest) -> bool:
    path = stand.store.path(digest)
    return path is not None and path.exists()


def test_a_push_is_told_once(stand: Stand) -> None:
    digest = stand.image()
    assert stand.image() == digest
    assert stand.events(EventKind.IMAGE_QUARANTINED) == [digest]
    assert stand.events(EventKind.TAG_MOVED) == ["team/app:v1"]
    with pytest.raises(WithheldError):
        stand.shelf.get_manifest(APP, Tag("v1"))


def test_a_tag_that_goes_and_comes_back_is_told_each_time(stand: Stand) -> None:
    one, two = stand.image("one"), stand.image("two")
    assert stand.image("one") == one != two
    assert len(stand.events(EventKind.TAG_MOVED)) == 3


def test_evidence_hangs_on_its_subject(stand: Stand) -> None:
    digest = stand.image()
    envelope = b'{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[]}'
    row = {
        "digest": Digest.of(envelope),
        "subject": digest,
        "predicate_type": "https://slsa.dev/verification_summary/v1",
        "payload": Digest.of(b"{}"),
        "envelope": envelope,
        "recorded_at": "2026-01-02T03:04:05Z",
        "ledger_index": 0,
    }
    with stand.database.begin() as connection:
        connection.execute(insert(schema.statement).values(row))
        for _ in range(2):
            stand.shelf.attach_record(connection, APP, digest, Digest.of(envelope))
    listed = json.loads(stand.shelf.referrers(APP, digest).document)["manifests"]
    assert len(listed) == 1
    hung = Digest(listed[0]["digest"])
    assert listed[0]["artifactType"] == "application/vnd.in-toto.vsa+dsse"
    assert listed[0]["annotations"] == {
        "in-toto.io/predicate-type": "https://slsa.dev/verification_summary/v1",
        "org.opencontainers.image.created": "2026-01-02T03:04:05Z",
    }
    served = stand.shelf.get_manifest(APP, hung)
    assert served.state is State.ATTACHED
    layer = json.loads(served.document)["layers"][0]
    assert layer["mediaType"] == "application/vnd.dsse.envelope.v1+json"
    assert stand.bytes_of(APP, Digest(layer["digest"])) == envelope
    assert stand.events(EventKind.EVIDENCE_ADDED) == [hung]
    with pytest.raises(NotFoundError), stand.database.begin() as connection:
        stand.shelf.attach(connection, APP, Digest.of(b"none"), envelope, artifact_type="x/y")


def test_attaching_is_part_of_the_callers_transaction(stand: Stand) -> None:
    digest = stand.image()

    def attach_and_fail() -> None:
        with stand.database.begin() as connection:
            stand.shelf.attach(connection, APP, digest, b"{}", artifact_type="x/y")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        attach_and_fail()
    assert json.loads(stand.shelf.referrers(APP, digest).document)["manifests"] == []
    assert stand.count("manifest") == 1


def test_pages_of_referrers(stand: Stand) -> None:
    digest = stand.image()
    with stand.database.begin() as connection:
        hung = {
            stand.shelf.attach(connection, APP, digest, f'{{"n":{number}}}'.encode(), artifact_type="x/y")
            for number in range(7)
        }
    from tidegate.curation.referrers import list_referrers

    seen, last, pages = [], "", 0
    while True:
        with stand.database.read() as connection:
            page = list_referrers(connection, APP, digest, last=last, max_bytes=500)
        seen += [entry["digest"] for entry in json.loads(page.document)["manifests"]]
        pages, last = pages + 1, page.last
        if not last:
            break
    assert seen == sorted(hung)
    assert pages > 1


def test_bytes_go_with_the_last_that_held_them(stand: Stand) -> None:
    digest = stand.image()
    layer = Digest.of(b"one")
    with pytest.raises(BlobInUseError, match=digest):
        stand.blobs.delete(APP, layer)
    assert stand.blobs.mount(OTHER, layer, APP)
    stand.shelf.delete_manifest(APP, digest, who="me")
    assert stand.events(EventKind.IMAGE_DELETED) == [digest]
    stand.blobs.delete(APP, layer)
    with pytest.raises(BlobUnknownError):
        stand.blobs.find(APP, layer)
    assert _lies_there(stand, layer)
    stand.blobs.delete(OTHER, layer)
    assert not _lies_there(stand, layer)
    assert not stand.blobs.mount(APP, layer, OTHER)
    with pytest.raises(ManifestUnknownError):
        stand.shelf.delete_manifest(APP, digest, who="me")


def test_files_without_a_row_are_collected(stand: Stand) -> None:
    stand.image()
    orphan = Digest.of(b"left behind")
    stand.store.release(stand.store.put(b"left behind"))
    assert stand.blobs.collect() == 1
    assert not _lies_there(stand, orphan)
    assert stand.blobs.collect() == 0
    assert stand.bytes_of(APP, Digest.of(b"one")) == b"one"


def test_pushes_and_deletes_at_once_lose_no_bytes(stand: Stand) -> None:
    """A blob that is being let go and pushed again is, whenever it is held, on the disk."""
    data = b"shared" * 1000
    digest = Digest.of(data)

    def work(number: int) -> None:
        repository = Repository(f"r{number % 3}")
        if number % 2:
            stand.blob(data, repository)
        else:
            try:
                stand.blobs.delete(repository, digest)
            except BlobUnknownError:
                return

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(120)))
    for number in range(3):
        stand.blob(data, Repository(f"r{number}"))
        assert stand.bytes_of(Repository(f"r{number}"), digest) == data


@pytest.mark.tools
def test_replicas_that_push_and_delete_at_once_lose_no_bytes(postgres: str, tmp_path: Path) -> None:
    """Each has locks of its own in its memory; what keeps them apart is the database's."""
    url = emptied(postgres)
    migrated(url)
    with ExitStack() as stack:
        databases = [stack.enter_context(closing(Database(url))) for _ in range(4)]
        replicas = [
            ShelfBlobs(database, FolderBlobs(tmp_path / "shared"), lambda: NOW, grace=timedelta(0))
            for database in databases
        ]
        data = b"shared" * 1000
        digest = Digest.of(data)

        def work(number: int) -> None:
            blobs = replicas[number % 4]
            for turn in range(60):
                if number < 4:
                    upload = blobs.begin(APP)
                    blobs.append(APP, upload, [data])
                    held = blobs.finish(APP, upload, digest)
                    assert held.size == len(data)
                else:
                    with suppress(BlobUnknownError):
                        blobs.delete(APP, digest)
                if turn % 5 == 0:
                    with databases[number % 4].begin() as connection:
                        lock_digest(connection, digest)
                        if connection.scalar(select(func.count()).select_from(schema.blob)):
                            with replicas[0].open(HeldBlob(digest=digest, size=len(data), path=None)) as file:
                                assert file.read() == data

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))


def test_one_image_from_many_threads(stand: Stand) -> None:
    with ThreadPoolExecutor(8) as pool:
        digests = set(pool.map(lambda number: stand.image("same", f"t{number % 5}"), range(40)))
    assert len(digests) == 1
    assert stand.events(EventKind.IMAGE_QUARANTINED) == list(digests)
    assert len(stand.events(EventKind.TAG_MOVED)) == 5
    assert stand.count("state_change") == 1
    assert stand.shelf.list_tags(APP, limit=10) == ["t0", "t1", "t2", "t3", "t4"]


def test_expiry_counts_at_the_moment_of_the_pull(stand: Stand) -> None:
    digest = stand.image()
    with stand.database.begin() as connection:
        for state, expires in ((State.ANALYSING, ""), (State.ADMITTED, "2026-01-02T03:04:06Z")):
            advance(connection, digest, state, who="me", why="w", at=NOW, expires_at=expires)
    assert stand.shelf.get_manifest(APP, Tag("v1")).digest == digest
    later = Shelf(stand.database, stand.blobs, lambda: NOW.replace(second=6))
    with pytest.raises(WithheldError, match="expired"):
        later.get_manifest(APP, Tag("v1"))
