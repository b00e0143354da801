# SPDX-License-Identifier: Apache-2.0
"""The disk is full, the database is gone, the object store is slow or gone: 503, nothing accepted is lost, it goes on.

Each outage ends without a restart, and each answer says when to come again.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from live_registry import LiveRegistry
from oci_material import image
from registry_client import begin, push, push_blob, put_manifest

from backing import Backing
from object_server import start_objects
from postgres_server import postgres_server
from tidegate.artifact import Digest
from tidegate.storage.blobs import BlobBounds

MIB = 1 << 20
NAME = "team/app"


def is_told(answer: httpx.Response) -> bool:
    """It says that it is not the client's fault, and when to come again."""
    return (
        answer.status_code == 503
        and answer.headers["retry-after"].isdecimal()
        and answer.json()["errors"][0]["code"] == "UNAVAILABLE"
    )


@pytest.mark.tools
def test_the_database_goes_and_comes_back(tmp_path: Path) -> None:
    made, later = image("before"), image("after")
    with (
        postgres_server() as postgres,
        LiveRegistry(folder=tmp_path / "registry", backing=Backing(postgres=postgres.url)) as live,
        live.client() as http,
    ):
        push(http, NAME, made, "v1")
        live.admit(made.digest)
        location = begin(http, NAME)
        http.patch(location, content=b"first ")
        postgres.stop()
        assert is_told(http.get(f"/v2/{NAME}/manifests/v1"))
        assert is_told(http.get(f"/v2/{NAME}/blobs/{Digest.of(made.blobs[0])}"))
        assert is_told(put_manifest(http, NAME, made, "v2"))
        whole = Digest.of(b"first second")
        finishing = http.put(location, params={"digest": whole}, content=b"second")
        assert is_told(finishing)
        postgres.start()
        assert http.get(f"/v2/{NAME}/manifests/v1").content == made.raw
        assert http.get(f"/v2/{NAME}/manifests/v2").status_code == 404
        # What was to be finished may be asked for again.
        assert http.put(location, params={"digest": whole}).status_code == 201
        assert http.get(f"/v2/{NAME}/blobs/{whole}").content == b"first second"
        push(http, NAME, later, "v3")


@pytest.mark.tools
def test_the_object_store_is_slow_then_gone_and_comes_back(tmp_path: Path) -> None:
    data = os.urandom(7 * MIB)
    with start_objects(tmp_path) as objects:
        backing = Backing(objects=objects, request_seconds=3)
        with LiveRegistry(folder=tmp_path / "registry", backing=backing) as live, live.client() as http:
            made = image()
            push(http, NAME, made, "v1")
            live.admit(made.digest)
            held = Digest.of(made.blobs[1])
            location = begin(http, NAME)
            assert http.patch(location, content=data[: 6 * MIB]).status_code == 202
            objects.pause()
            assert is_told(http.get(f"/v2/{NAME}/blobs/{held}"))
            assert is_told(http.patch(location, content=data[6 * MIB :]))
            # What needs no blob is answered all the same.
            assert http.get(f"/v2/{NAME}/manifests/v1").content == made.raw
            objects.resume()
            _finish(http, location, data)
            assert http.get(f"/v2/{NAME}/blobs/{held}").content == made.blobs[1]

            location = begin(http, NAME)
            assert http.patch(location, content=data[:MIB]).status_code == 202
            objects.process.kill()
            objects.process.wait()
            assert is_told(http.get(f"/v2/{NAME}/blobs/{held}"))
            refused = http.post(f"/v2/{NAME}/blobs/uploads/", params={"digest": Digest.of(data)}, content=data)
            assert is_told(refused)
            with start_objects(tmp_path, port=objects.port):
                assert http.get(f"/v2/{NAME}/blobs/{held}").content == made.blobs[1]
                assert http.get(location).headers["range"] == f"0-{MIB - 1}"
                _finish(http, location, data[: 2 * MIB])
                swept = backing.store(live.folder, live.database, BlobBounds(upload_idle_seconds=0)).sweep()
                assert swept <= 1, "at most the upload that was refused half-way"


def _finish(http: httpx.Client, location: str, data: bytes) -> None:
    """Goes on where the registry says that the upload stands."""
    reached = int(http.get(location).headers["range"].partition("-")[2]) + 1
    answer = http.put(location, params={"digest": Digest.of(data)}, content=data[reached:])
    assert answer.status_code == 201, answer.text
    assert http.get(f"/v2/{NAME}/blobs/{Digest.of(data)}").content == data


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small file system needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.tools
def test_a_full_disk_takes_no_blob_and_loses_none(small_disk: Path, tmp_path: Path) -> None:
    (tmp_path / "registry").mkdir()
    (tmp_path / "registry" / "content").symlink_to(small_disk)
    one, two = os.urandom(5 * MIB), os.urandom(5 * MIB)
    with LiveRegistry(folder=tmp_path / "registry") as live, live.client() as http:
        first = push_blob(http, NAME, one)
        full = http.post(f"/v2/{NAME}/blobs/uploads/", params={"digest": Digest.of(two)}, content=two)
        assert is_told(full)
        assert http.get(f"/v2/{NAME}/blobs/{first}").content == one
        assert http.get(f"/v2/{NAME}/blobs/{Digest.of(two)}").status_code == 404
        live.backing.store(live.folder, live.database, BlobBounds(upload_idle_seconds=0)).sweep()
        assert http.delete(f"/v2/{NAME}/blobs/{first}").status_code == 202
        assert http.get(f"/v2/{NAME}/blobs/{push_blob(http, NAME, two)}").content == two


@pytest.mark.tools
def test_a_full_disk_takes_no_manifest_and_loses_none(small_disk: Path) -> None:
    """State and blobs on the same full disk, as in a home folder."""
    made = image("before")
    with LiveRegistry(folder=small_disk / "registry") as live, live.client() as http:
        push(http, NAME, made, "v1")
        live.admit(made.digest)
        filler = small_disk / "filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError:
                pass
        answers = [put_manifest(http, NAME, made, f"t{number}") for number in range(200)]
        refused = [answer for answer in answers if answer.status_code != 201]
        assert refused, "what is left of a page holds no two hundred tags"
        assert all(map(is_told, refused))
        assert http.get(f"/v2/{NAME}/manifests/v1").content == made.raw
        filler.unlink()
        assert put_manifest(http, NAME, made, "later").status_code == 201
        kept = http.get(f"/v2/{NAME}/tags/list").json()["tags"]
        promised = [f"t{number}" for number, answer in enumerate(answers) if answer.status_code == 201]
        assert sorted(kept) == sorted(["v1", "later", *promised])
