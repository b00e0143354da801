# SPDX-License-Identifier: Apache-2.0
"""Blobs go out right whichever way they take, and few bytes wait in memory for slow connections."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from live_registry import LiveRegistry
from registry_client import push_blob

from tidegate.bounds import KIB, MIB
from tidegate.server.registry.whole_bodies import HELD_SECONDS, MAX_PIECE_BYTES, WholeBodies

NAME = "team/one"
SIZE = 64 * KIB


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file in the page cache, of a file system that tells so."""
    path = tmp_path / "blob"
    path.write_bytes(os.urandom(SIZE))
    handle = os.open(path, os.O_RDONLY)
    os.fsync(handle)
    try:
        os.preadv(handle, [bytearray(SIZE)], 0, os.RWF_NOWAIT)
    except OSError as error:
        pytest.skip(f"this file system does not tell what is in memory ({error.strerror}): use ext4 or xfs for TMPDIR")
    finally:
        os.close(handle)
    return path


def _from(port: int, **other: object) -> dict[str, Any]:
    return {"client": ("127.0.0.1", port), "scheme": "http", "http_version": "1.1", **other}


def test_a_connection_has_one_piece_at_a_time_and_all_together_few(file: Path) -> None:
    clock = Clock()
    whole = WholeBodies(2 * SIZE, now=clock)
    data = bytearray(file.read_bytes())
    for _ in range(5):  # it asks again, so it has had the last one
        assert whole.read(file, SIZE, _from(1)) == data
    assert whole.read(file, SIZE, _from(2)) == data
    assert whole.read(file, SIZE, _from(3)) is None
    assert whole.read(file, SIZE, _from(2)) == data
    clock.seconds += HELD_SECONDS
    assert whole.read(file, SIZE, _from(3)) == data
    assert whole.read(file, SIZE, _from(4)) == data
    assert whole.read(file, SIZE, _from(5)) is None


def test_what_cannot_go_so_is_left_to_others(file: Path, tmp_path: Path) -> None:
    whole = WholeBodies()
    assert whole.read(file, SIZE, _from(1, scheme="https")) is None
    assert whole.read(file, SIZE, _from(1, http_version="2")) is None
    assert whole.read(file, SIZE, _from(1, client=None)) is None
    assert whole.read(file, 0, _from(1)) is None
    assert whole.read(file, SIZE + 1, _from(1)) is None  # shorter than it was
    assert whole.read(tmp_path / "gone", SIZE, _from(1)) is None
    large = tmp_path / "large"
    large.write_bytes(bytes(MAX_PIECE_BYTES + 1))
    assert whole.read(large, MAX_PIECE_BYTES + 1, _from(1)) is None
    assert whole.read(file, SIZE, _from(1)) is not None


def test_many_who_pull_blobs_of_all_sizes_get_theirs(live: LiveRegistry) -> None:
    sizes = (0, 1, 100, SIZE, MIB - 1, MIB, MIB + 1, 3 * MIB)
    with live.client() as http:
        digests = [push_blob(http, NAME, os.urandom(size)) for size in sizes * 2]

    def pull(turn: int) -> None:
        with live.client() as http:
            for digest in digests[turn % len(digests) :] + digests[: turn % len(digests)]:
                answer = http.get(f"/v2/{NAME}/blobs/{digest}")
                assert answer.status_code == 200
                assert f"sha256:{hashlib.sha256(answer.content).hexdigest()}" == digest
                part = http.get(f"/v2/{NAME}/blobs/{digest}", headers={"Range": "bytes=0-9"})
                assert part.content == answer.content[:10]
                told = http.head(f"/v2/{NAME}/blobs/{digest}")
                assert (told.content, told.headers["content-length"]) == (b"", str(len(answer.content)))

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(pull, range(24)))
