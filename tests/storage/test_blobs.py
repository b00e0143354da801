# SPDX-License-Identifier: Apache-2.0
"""The blob store: whole or not there, hashed on the way, resumed after a restart."""

import hashlib
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule, run_state_machine_as_test

from tidegate.artifact import Digest
from tidegate.errors import BoundExceededError, DigestMismatchError, NotFoundError, OutsideError, UsageError
from tidegate.storage.blobs import BlobBounds, UploadOffsetError, UploadUnknownError, finish
from tidegate.storage.folder_blobs import FolderBlobs

DATA = os.urandom(3_000_000)


def _leftovers(folder: Path) -> list[Path]:
    return list((folder / "uploads").iterdir())


def test_a_blob_lies_under_its_digest(tmp_path: Path) -> None:
    store = FolderBlobs(tmp_path)
    digest = Digest.of(DATA)
    store.release(store.put(DATA))
    assert store.path(digest) == tmp_path / "blobs" / "sha256" / digest.hex[:2] / digest.hex
    with store.open(digest) as file:
        assert file.read() == DATA
    assert store.size(digest) == len(DATA)
    assert list(store.digests()) == [digest]
    store.release(store.put(DATA))
    assert _leftovers(tmp_path) == []
    store.delete(digest)
    store.delete(digest)
    with pytest.raises(NotFoundError):
        store.open(digest)
    with pytest.raises(NotFoundError):
        store.size(digest)


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
@pytest.mark.parametrize("named", ["sha256", "sha512"])
def test_either_algorithm_announced_or_not(tmp_path: Path, algorithm: str, named: str) -> None:
    store = FolderBlobs(tmp_path)
    upload = store.begin(algorithm=algorithm)
    store.append(upload, [DATA[:10], DATA[10:]])
    digest = Digest(f"{named}:{hashlib.new(named, DATA).hexdigest()}")
    assert finish(store, upload, digest) == len(DATA)
    assert store.path(digest).read_bytes() == DATA
    with pytest.raises(UsageError):
        store.begin(algorithm="md5")


def test_an_upload_goes_on_after_a_restart(tmp_path: Path) -> None:
    before = FolderBlobs(tmp_path)
    upload = before.begin()
    before.append(upload, [DATA[:1_000_000]])
    after = FolderBlobs(tmp_path)
    assert after.offset(upload) == 1_000_000
    after.append(upload, [DATA[1_000_000:]], at=1_000_000)
    finish(after, upload, Digest.of(DATA))
    assert after.path(Digest.of(DATA)).read_bytes() == DATA


def test_wrong_bytes_leave_nothing(tmp_path: Path) -> None:
    store = FolderBlobs(tmp_path)
    upload = store.begin()
    store.append(upload, [DATA])
    with pytest.raises(DigestMismatchError) as caught:
        finish(store, upload, Digest.of(b"other"))
    assert caught.value.actual == Digest.of(DATA)
    assert _leftovers(tmp_path) == []
    assert list(store.digests()) == []
    with pytest.raises(UploadUnknownError):
        finish(store, upload, Digest.of(DATA))


def test_bounds(tmp_path: Path) -> None:
    store = FolderBlobs(tmp_path, BlobBounds(max_blob_bytes=10, max_uploads=2))
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


@pytest.mark.parametrize("name", ["", ".", "..", "../blobs", "a/b", "\0", "0" * 31, "0" * 32 + "/x"])
def test_names_that_lead_elsewhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(UploadUnknownError):
        FolderBlobs(tmp_path).offset(name)


def test_a_full_disk_keeps_what_was_there(tmp_path: Path) -> None:
    """The piece that did not fit is not counted; the same piece fits later."""
    program = """
import resource, signal, sys
from pathlib import Path
from tidegate.artifact import Digest
from tidegate.errors import OutsideError
from tidegate.storage.blobs import finish
from tidegate.storage.folder_blobs import FolderBlobs
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = FolderBlobs(Path(sys.argv[1]))
upload = store.begin()
store.append(upload, [b"a" * 60_000])
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
try:
    store.append(upload, [b"b" * 30_000, b"c" * 30_000])
except OutsideError as error:
    print(error)
assert store.offset(upload) == 60_000
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
data = b"a" * 60_000 + b"b" * 5
store.append(upload, [b"b" * 5], at=60_000)
finish(store, upload, Digest.of(data))
assert store.path(Digest.of(data)).read_bytes() == data
"""
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "the blob store failed" in done.stdout


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    store = FolderBlobs(tmp_path)
    (tmp_path / "uploads").rmdir()
    with pytest.raises(OutsideError, match="blob store failed"):
        store.begin()


def test_only_idle_uploads_are_swept(tmp_path: Path) -> None:
    bounds = BlobBounds(upload_idle_seconds=3600)
    earlier = FolderBlobs(tmp_path, bounds)
    old, young = earlier.begin(), earlier.begin()
    past = time.time() - 7200
    os.utime(tmp_path / "uploads" / old, (past, past))
    store = FolderBlobs(tmp_path, bounds)
    assert store.sweep() == 1
    assert store.offset(young) == 0
    with pytest.raises(UploadUnknownError):
        store.offset(old)
    eager = FolderBlobs(tmp_path, BlobBounds(upload_idle_seconds=0))
    upload = eager.begin()
    assert eager.sweep() == 2
    with pytest.raises(UploadUnknownError):
        eager.append(upload, [b"x"])


def test_the_same_blob_from_many_threads(tmp_path: Path) -> None:
    store = FolderBlobs(tmp_path)

    def push(_number: int) -> None:
        upload = store.begin()
        for start in range(0, len(DATA), 500_000):
            store.append(upload, [DATA[start : start + 500_000]], at=start)
        finish(store, upload, Digest.of(DATA))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(push, range(24)))
    assert [*store.digests()] == [Digest.of(DATA)]
    assert store.path(Digest.of(DATA)).read_bytes() == DATA
    assert _leftovers(tmp_path) == []


def test_two_writers_of_one_upload_do_not_mix(tmp_path: Path) -> None:
    store = FolderBlobs(tmp_path)
    upload = store.begin()

    def write(mark: bytes) -> int:
        won = 0
        for place in range(50):
            try:
                store.append(upload, [mark * 100], at=place * 100)
            except UploadOffsetError:
                continue
            won += 1
        return won

    with ThreadPoolExecutor(2) as pool:
        won = sum(pool.map(write, (b"a", b"b")))
    data = (tmp_path / "uploads" / upload).read_bytes()
    assert len(data) == won * 100 == store.offset(upload)
    assert all(len(set(data[at : at + 100])) == 1 for at in range(0, len(data), 100))
    finish(store, upload, Digest.of(data))


class Uploads(RuleBasedStateMachine):
    """Any order of words gives what a plain dictionary of bytes would."""

    folder: Path
    uploads = Bundle("uploads")

    def __init__(self) -> None:
        super().__init__()
        self.here = self.folder / os.urandom(8).hex()
        self.store = FolderBlobs(self.here)
        self.expected: dict[str, bytes] = {}
        self.blobs: set[bytes] = set()

    @rule(target=uploads, algorithm=st.sampled_from(["sha256", "sha512"]))
    def begin(self, algorithm: str) -> str:
        upload = self.store.begin(algorithm=algorithm)
        self.expected[upload] = b""
        return upload

    @rule(upload=uploads, chunks=st.lists(st.binary(max_size=40), max_size=3), shift=st.sampled_from([0, 0, 0, -1, 1]))
    def append(self, upload: str, chunks: list[bytes], shift: int) -> None:
        at = len(self.expected[upload]) + shift
        if shift:
            with pytest.raises(UploadOffsetError) as caught:
                self.store.append(upload, chunks, at=at)
            assert caught.value.offset == len(self.expected[upload])
        else:
            self.expected[upload] += b"".join(chunks)
            assert self.store.append(upload, chunks, at=at) == len(self.expected[upload])

    @rule(upload=consumes(uploads), right=st.booleans(), algorithm=st.sampled_from(["sha256", "sha512"]))
    def finish(self, upload: str, right: bool, algorithm: str) -> None:
        data = self.expected.pop(upload)
        digest = Digest(f"{algorithm}:{hashlib.new(algorithm, data if right else data + b'!').hexdigest()}")
        if right:
            assert finish(self.store, upload, digest) == len(data)
            assert self.store.path(digest).read_bytes() == data
            self.blobs.add(data)
        else:
            with pytest.raises(DigestMismatchError):
                finish(self.store, upload, digest)

    @rule(upload=consumes(uploads))
    def cancel(self, upload: str) -> None:
        del self.expected[upload]
        self.store.cancel(upload)
        with pytest.raises(UploadUnknownError):
            self.store.offset(upload)

    @rule()
    def restart(self) -> None:
        self.store = FolderBlobs(self.here)

    @invariant()
    def nothing_else_is_there(self) -> None:
        assert {path.name: path.read_bytes() for path in _leftovers(self.here)} == self.expected
        for digest in self.store.digests():
            data = self.store.path(digest).read_bytes()
            assert data in self.blobs
            assert hashlib.new(digest.algorithm, data).hexdigest() == digest.hex


@pytest.mark.property
def test_uploads_in_any_order(tmp_path: Path) -> None:
    machine = type("Machine", (Uploads,), {"folder": tmp_path})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
