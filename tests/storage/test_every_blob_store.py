# SPDX-License-Identifier: Apache-2.0
"""What every blob store promises, asked of each: a folder, and a real S3 server with the uploads' state in a database.

`again()` is another process on the same store: it remembers nothing of the first.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from migrated import migrated
from object_server import ObjectServer, start_objects
from tidegate.artifact import Digest
from tidegate.errors import BoundExceededError, DigestMismatchError, NotFoundError, UsageError
from tidegate.storage.blobs import BlobBounds, BlobStore, UploadOffsetError, UploadUnknownError, finish
from tidegate.storage.database import Database
from tidegate.storage.folder_blobs import FolderBlobs
from tidegate.storage.object_access import open_objects
from tidegate.storage.object_blobs import ObjectBlobs
from tidegate.storage.object_uploads import MAX_STREAMS

Again = Callable[..., BlobStore]
DATA = os.urandom(12_000_000)  # more than two parts of a multipart upload
DIGEST = Digest.of(DATA)


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    with start_objects(tmp_path_factory.mktemp("objects")) as running:
        yield running


@pytest.fixture(params=["folder", pytest.param("objects", marks=pytest.mark.tools)])
def again(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Again]:
    if request.param == "folder":
        yield lambda bounds=None: FolderBlobs(tmp_path, bounds)
        return
    server: ObjectServer = request.getfixturevalue("objects")
    url = f"sqlite:///{tmp_path / 'state.db'}"
    migrated(url)
    database = Database(url)
    here = server.url.replace("some/prefix", tmp_path.name)
    yield lambda bounds=None: ObjectBlobs(open_objects(here, credentials=server.credentials), database, bounds)
    database.close()


def read(store: BlobStore, digest: Digest) -> bytes:
    with store.open(digest) as file:
        return file.read()


def send(store: BlobStore, upload: str, data: bytes, at: int = 0) -> None:
    """One request: pieces, then what makes them last."""
    for start in range(0, len(data), 1 << 20):
        store.append(upload, [data[start : start + (1 << 20)]], at=at + start)
    store.flush(upload)


def test_a_blob_is_there_whole_or_not_at_all(again: Again) -> None:
    store = again()
    upload = store.begin()
    send(store, upload, DATA)
    with pytest.raises(NotFoundError):
        store.open(DIGEST)
    assert finish(store, upload, DIGEST) == len(DATA)
    assert read(again(), DIGEST) == DATA
    assert store.size(DIGEST) == len(DATA)
    assert list(store.digests()) == [DIGEST]
    with store.open(DIGEST) as file:
        file.seek(5_000_000)
        assert file.read(10) == DATA[5_000_000:5_000_010]
        file.seek(-3, os.SEEK_END)
        assert file.read() == DATA[-3:]
    with pytest.raises(UploadUnknownError):
        store.offset(upload)
    store.delete(DIGEST)
    store.delete(DIGEST)
    for ask in (store.open, store.size):
        with pytest.raises(NotFoundError):
            ask(DIGEST)


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
@pytest.mark.parametrize("named", ["sha256", "sha512"])
def test_either_algorithm_announced_or_not(again: Again, algorithm: str, named: str) -> None:
    store = again()
    upload = store.begin(algorithm=algorithm)
    send(store, upload, DATA[:1000])
    digest = Digest(f"{named}:{hashlib.new(named, DATA[:1000]).hexdigest()}")
    assert finish(store, upload, digest) == 1000
    assert read(store, digest) == DATA[:1000]
    with pytest.raises(UsageError):
        store.begin(algorithm="md5")


def test_an_empty_blob(again: Again) -> None:
    store = again()
    upload = store.begin()
    assert finish(store, upload, Digest.of(b"")) == 0
    assert read(store, Digest.of(b"")) == b""


def test_every_chunk_may_come_to_another_process(again: Again) -> None:
    stores = [again() for _ in range(3)]
    upload = stores[0].begin(mark="abc")
    step = len(DATA) // 5 + 1
    for number, start in enumerate(range(0, len(DATA), step)):
        store = stores[number % 3]
        assert store.offset(upload) == start
        send(store, upload, DATA[start : start + step], at=start)
    with pytest.raises(UploadOffsetError) as caught:
        stores[0].append(upload, [b"x"], at=7)
    assert caught.value.offset == len(DATA)
    assert finish(stores[1], upload, DIGEST) == len(DATA)
    assert read(stores[2], DIGEST) == DATA
    for store in stores:
        with pytest.raises(UploadUnknownError):
            store.append(upload, [b"x"])


def test_the_digest_may_come_to_another_process_than_the_bytes(again: Again) -> None:
    first, second = again(), again()
    upload = first.begin()
    send(first, upload, DATA)
    assert finish(second, upload, DIGEST) == len(DATA)
    assert read(first, DIGEST) == DATA


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("split", [False, True])
def test_wrong_bytes_leave_nothing(again: Again, elsewhere: bool, split: bool) -> None:
    store, other = again(), again()
    upload = store.begin()
    send(store, upload, DATA[:6_000_000])
    if split:
        send(other, upload, DATA[6_000_000:], at=6_000_000)
    with pytest.raises(DigestMismatchError):
        finish(other if elsewhere else store, upload, Digest.of(b"other"))
    assert list(store.digests()) == []
    for asked in (store, other):
        with pytest.raises(UploadUnknownError):
            finish(asked, upload, DIGEST)


def test_bounds(again: Again) -> None:
    store = again(BlobBounds(max_blob_bytes=10, max_uploads=2))
    upload = store.begin()
    store.append(upload, [b"12345"])
    with pytest.raises(BoundExceededError, match="max_blob_bytes = 10"):
        store.append(upload, [b"123", b"456"])
    assert store.append(upload, [b"67890"]) == 10
    store.begin()
    with pytest.raises(BoundExceededError, match="max_uploads = 2"):
        store.begin()
    finish(store, upload, Digest.of(b"1234567890"))
    store.begin()


def test_a_sealed_upload_takes_no_more_and_may_be_placed_again(again: Again) -> None:
    """Between the seal and the record a server may die, or its database: the client asks again."""
    store = again()
    upload = store.begin()
    send(store, upload, DATA)
    assert store.seal(upload, DIGEST) == len(DATA)
    store.place(upload, DIGEST)
    for asked in (store, again()):
        with pytest.raises(UploadUnknownError):
            asked.append(upload, [b"more"])
        assert asked.offset(upload) == len(DATA)
    other = again()
    assert other.seal(upload, DIGEST) == len(DATA)
    store.delete(DIGEST)  # somebody reclaimed it meanwhile
    other.place(upload, DIGEST)
    other.release(upload)
    assert read(store, DIGEST) == DATA


def test_what_was_placed_and_never_recorded_is_handed_to_whoever_reclaims(again: Again) -> None:
    store = again(BlobBounds(upload_idle_seconds=0))
    upload = store.begin()
    send(store, upload, DATA[:10])
    digest = Digest.of(DATA[:10])
    store.seal(upload, digest)
    store.place(upload, digest)
    store.put(b"envelope")  # and its transaction was rolled back
    send(store, store.begin(), b"half")
    found: list[Digest] = []
    again(BlobBounds(upload_idle_seconds=0)).sweep(found.append)
    # Asked of what may lie in its place as well: nothing speaks of that either.
    assert {digest, Digest.of(b"envelope")} <= set(found) <= {digest, Digest.of(b"envelope"), Digest.of(b"half")}
    told = len(found)
    again(BlobBounds(upload_idle_seconds=0)).sweep(found.append)
    assert len(found) == told


def test_a_sweep_that_is_killed_while_it_reclaims_hands_it_out_again(again: Again) -> None:
    store = again(BlobBounds(upload_idle_seconds=0))
    upload = store.begin()
    send(store, upload, DATA)
    store.seal(upload, DIGEST)
    store.place(upload, DIGEST)

    def killed(digest: Digest) -> None:
        raise KeyboardInterrupt(digest)

    with pytest.raises(KeyboardInterrupt):
        again(BlobBounds(upload_idle_seconds=0)).sweep(killed)
    found: list[Digest] = []
    again(BlobBounds(upload_idle_seconds=0)).sweep(found.append)
    assert found == [DIGEST]


@pytest.mark.tools
@pytest.mark.parametrize("senders", [1, 2])
def test_a_seal_in_an_object_store_that_is_killed_before_its_record_is_handed_to_whoever_reclaims(
    objects: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, senders: int
) -> None:
    """Of an upload that one process saw all of, and of one that is hashed when it is put in its place."""
    url = f"sqlite:///{tmp_path / 'state.db'}"
    migrated(url)
    database = Database(url)
    here = objects.url.replace("some/prefix", tmp_path.name)
    idle = BlobBounds(upload_idle_seconds=0)
    stores = [ObjectBlobs(open_objects(here, credentials=objects.credentials), database, idle) for _ in range(senders)]
    upload = stores[0].begin()
    for number, store in enumerate(stores):
        store.append(upload, [DATA[number::senders]])
        store.flush(upload)
    digest = Digest.of(b"".join(DATA[number::senders] for number in range(senders)))
    bring = ObjectBlobs._bring

    def killed(*arguments: Any, **options: Any) -> None:
        bring(*arguments, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(ObjectBlobs, "_bring", killed)
    with pytest.raises(KeyboardInterrupt):
        stores[-1].seal(upload, digest)
    assert digest in set(stores[0].digests())
    found: list[Digest] = []
    stores[0].sweep(found.append)
    assert digest in found
    database.close()


def test_only_idle_uploads_are_swept(again: Again) -> None:
    store = again()
    upload = store.begin()
    send(store, upload, b"half")
    assert again().sweep() == 0
    assert again().offset(upload) == 4
    assert again(BlobBounds(upload_idle_seconds=0)).sweep() == 1
    with pytest.raises(UploadUnknownError):
        store.append(upload, [b"x"])


@pytest.mark.tools
def test_streams_that_broke_off_are_let_go(objects: ObjectServer, tmp_path: Path) -> None:
    """Or there would soon be none left for others, who then are stored piece by piece."""
    url = f"sqlite:///{tmp_path / 'state.db'}"
    migrated(url)
    database = Database(url)
    here = objects.url.replace("some/prefix", tmp_path.name)
    store = ObjectBlobs(open_objects(here, credentials=objects.credentials), database, BlobBounds())
    uploads = [store.begin() for _ in range(MAX_STREAMS + 2)]
    for upload in uploads:
        store.append(upload, [b"never flushed"])
    assert store._writing == MAX_STREAMS
    store.forget_idle(3600)
    assert store._writing == MAX_STREAMS
    store.forget_idle(0)
    assert (store._writing, store._streams) == (0, {})
    assert [store.offset(upload) for upload in uploads] == [0] * MAX_STREAMS + [13] * 2
    store.append(uploads[0], [b"again"], at=0)
    assert finish(store, uploads[0], Digest.of(b"again")) == 5
    database.close()


def test_bytes_at_hand(again: Again) -> None:
    store = again()
    for _ in range(2):
        store.release(store.put(b"envelope"))
    assert list(store.digests()) == [Digest.of(b"envelope")]
    assert again(BlobBounds(upload_idle_seconds=0)).sweep() == 0


def test_the_same_blob_from_many_threads(again: Again) -> None:
    store = again()

    def push(_number: int) -> None:
        upload = store.begin()
        send(store, upload, DATA[:6_000_000])
        finish(store, upload, Digest.of(DATA[:6_000_000]))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(push, range(24)))  # more than there are streams
    assert [*store.digests()] == [Digest.of(DATA[:6_000_000])]
    assert read(store, Digest.of(DATA[:6_000_000])) == DATA[:6_000_000]


def test_two_processes_at_one_upload_do_not_mix(again: Again) -> None:
    stores = [again() for _ in range(4)]
    upload = stores[0].begin()
    store_won: list[int] = []

    def write(number: int) -> None:
        try:
            stores[number].append(upload, [bytes([number]) * 100_000], at=0)
            stores[number].flush(upload)
        except UploadOffsetError:
            return
        store_won.append(number)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert len(store_won) == 1
    wanted = bytes(store_won) * 100_000
    assert finish(again(), upload, Digest.of(wanted)) == 100_000


@pytest.mark.parametrize("name", ["", ".", "..", "../blobs", "a/b", "\0", "0" * 31, "0" * 32 + "/x"])
def test_names_that_lead_elsewhere(again: Again, name: str) -> None:
    store = again()
    for ask in (store.offset, store.cancel, lambda upload: store.seal(upload, DIGEST)):
        with pytest.raises(UploadUnknownError):
            ask(name)
