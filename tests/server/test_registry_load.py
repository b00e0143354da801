# SPDX-License-Identifier: Apache-2.0
"""Many at once, and large ones: the same answer, and memory that does not follow the size."""

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from live_registry import LiveRegistry
from oci_material import image
from registry_client import begin, push
from registry_process import registry_process
from sqlalchemy import func, select

from object_server import ObjectServer
from postgres_server import wiped
from tidegate.artifact import Digest
from tidegate.storage.blobs import BlobBounds
from tidegate.storage.schema import blob, outbox, state_change

MIB = 1 << 20


def test_the_same_image_from_many_clients(live: LiveRegistry) -> None:
    made = image("same")

    def work(number: int) -> None:
        with live.client() as http:
            for _ in range(5):
                push(http, "app", made, f"t{number % 3}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    with live.database.read() as connection:
        counts = [connection.scalar(select(func.count()).select_from(table)) for table in (blob, state_change, outbox)]
    assert counts == [2, 1, 1 + 3]
    live.admit(made.digest)
    with live.client() as http:
        for tag in ("t0", "t1", "t2"):
            assert http.get(f"/v2/app/manifests/{tag}").content == made.raw
    assert live.backing.store(live.folder, live.database, BlobBounds(upload_idle_seconds=0)).sweep() == 0


def test_one_tag_pulled_by_many(live: LiveRegistry) -> None:
    images = [image(f"n{number}") for number in range(6)]
    with live.client() as http:
        for made in images:
            push(http, "app", made)
            live.admit(made.digest)

    def work(number: int) -> bool:
        made = images[number % len(images)]
        with live.client() as http:
            push(http, "app", made, "latest")
            got = http.get("/v2/app/manifests/latest")
            return got.status_code == 200 and Digest.of(got.content) == got.headers["docker-content-digest"]

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(24)))


def _pieces(total: int) -> Iterator[bytes]:
    block = os.urandom(MIB)
    for number in range(total // MIB):
        yield number.to_bytes(8, "big") + block[8:]


@pytest.mark.slow
def test_memory_stays_flat(tmp_path: Path) -> None:
    """300 MiB in, chunked and whole, and out again, by path, in ranges, over HTTP/1.1."""
    total = 300 * MIB
    with registry_process(tmp_path) as running, running.client() as http:
        _round_trip(http, 8 * MIB)
        before = running.peak_bytes()
        digest = _round_trip(http, total)
        with http.stream("GET", f"/v2/app/blobs/{digest}", headers={"Range": f"bytes={MIB}-{total - 1}"}) as answer:
            assert answer.status_code == 206
            assert sum(map(len, answer.iter_raw())) == total - MIB
        assert running.peak_bytes() - before < 64 * MIB


@pytest.mark.slow
@pytest.mark.tools
def test_memory_stays_flat_before_an_object_store(postgres: str, objects: ObjectServer, tmp_path: Path) -> None:
    """One large blob, and more streams at once than are let hold a part in memory."""
    where = (wiped(postgres), objects.url.replace("some/prefix", tmp_path.name), str(objects.credentials))
    with registry_process(tmp_path, *where) as running, running.client() as http:
        _round_trip(http, 8 * MIB)
        before = running.peak_bytes()
        _round_trip(http, 120 * MIB)
        assert running.peak_bytes() - before < 64 * MIB

        def send(_number: int) -> None:
            with running.client() as client:
                _round_trip(client, 8 * MIB)

        with ThreadPoolExecutor(32) as pool:
            list(pool.map(send, range(32)))
        assert running.peak_bytes() < 512 * MIB


def _round_trip(http: httpx.Client, total: int) -> str:
    # A file of its own would be faster to send, but a stream is what clients of layers send.
    hashed = hashlib.sha256()

    def told() -> Iterator[bytes]:
        for piece in _pieces(total):
            hashed.update(piece)
            yield piece

    location = begin(http, "app")
    assert http.patch(location, content=told()).headers["range"] == f"0-{total - 1}"
    digest = f"sha256:{hashed.hexdigest()}"
    assert http.put(location, params={"digest": digest}).status_code == 201
    got = hashlib.sha256()
    with http.stream("GET", f"/v2/app/blobs/{digest}") as answer:
        for chunk in answer.iter_raw():
            got.update(chunk)
    assert got.hexdigest() == hashed.hexdigest()
    return digest
