# SPDX-License-Identifier: Apache-2.0
"""kill -9 in the midst of pushes: what was answered with 201 is there, and nothing is half true."""

import contextlib
import hashlib
import os
import random
import signal
import sqlite3
import threading
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from crash_loop import CrashLoop
from oci_material import MadeImage, image
from registry_client import begin
from registry_process import registry_process

from object_server import ObjectServer
from postgres_server import wiped
from tidegate.artifact import Digest

ROUNDS = 4
PUSHERS = 4


@dataclass(kw_only=True)
class Promised:
    """What the registry has said yes to."""

    blobs: dict[Digest, bytes] = field(default_factory=dict)
    tags: dict[str, MadeImage] = field(default_factory=dict)
    count: int = 0
    grown: threading.Condition = field(default_factory=threading.Condition)

    def add_blob(self, data: bytes) -> None:
        with self.grown:
            self.blobs[Digest.of(data)] = data
            self._grow()

    def add_tag(self, tag: str, made: MadeImage) -> None:
        with self.grown:
            self.tags[tag] = made
            self._grow()

    def _grow(self) -> None:
        self.count += 1
        self.grown.notify_all()


def _push_until_killed(http: httpx.Client, promised: Promised, seed: int) -> None:
    chance = random.Random(seed)
    with contextlib.suppress(httpx.TransportError):
        for number in range(10_000):
            made = image(f"{seed}-{number}")
            for data in (*made.blobs, chance.randbytes(chance.randrange(1, 600_000))):
                _push_blob(http, promised, data, chance)
            tag = f"t{seed}-{number}"
            answer = http.put(f"/v2/app/manifests/{tag}", content=made.raw, headers={"Content-Type": made.media_type})
            assert answer.status_code == 201, answer.text
            promised.add_tag(tag, made)


def _push_blob(http: httpx.Client, promised: Promised, data: bytes, chance: random.Random) -> None:
    location = begin(http, "app")
    middle = chance.randrange(len(data))
    http.patch(location, content=data[:middle])
    answer = http.put(location, params={"digest": Digest.of(data)}, content=data[middle:])
    assert answer.status_code == 201, answer.text
    promised.add_blob(data)


@pytest.mark.slow
def test_nothing_promised_is_lost(tmp_path: Path) -> None:
    promised = Promised()
    chance = random.Random(3)
    for turn in range(ROUNDS):
        with registry_process(tmp_path) as running, running.client() as http:
            _check(http, promised, tmp_path)
            goal = promised.count + chance.randrange(3, 60)
            pushers = [
                threading.Thread(target=_push_until_killed, args=(http, promised, turn * 100 + n))
                for n in range(PUSHERS)
            ]
            for pusher in pushers:
                pusher.start()
            with promised.grown:
                assert promised.grown.wait_for(lambda: promised.count >= goal, timeout=240)  # noqa: B023 - used at once
            running.process.send_signal(signal.SIGKILL)
            for pusher in pushers:
                pusher.join()
    assert len(promised.tags) > ROUNDS
    # With no patience at all for uploads, the leftovers of every kill are gone after one more start.
    with registry_process(tmp_path, idle_seconds=0) as running, running.client() as http:
        assert list((tmp_path / "content" / "uploads").iterdir()) == []
        _check(http, promised, tmp_path, swept=True)


def _check(http: httpx.Client, promised: Promised, folder: Path, *, swept: bool = False) -> None:
    for digest, data in promised.blobs.items():
        assert http.get(f"/v2/app/blobs/{digest}").content == data
    for tag, made in promised.tags.items():
        head = http.head(f"/v2/app/manifests/{tag}")
        assert (head.status_code, head.headers["docker-content-digest"]) == (200, made.digest)
        assert head.headers["tidegate-state"] == "quarantined"
    _check_disk(folder, swept=swept)


def _check_disk(folder: Path, *, swept: bool) -> None:
    """Every file is what its name says, every row has its file, every manifest its blobs, state and event."""
    files: set[str] = set()
    for path in (folder / "content" / "blobs").glob("sha*/*/*"):
        assert hashlib.new(path.parts[-3], path.read_bytes()).hexdigest() == path.name
        files.add(f"{path.parts[-3]}:{path.name}")
    with contextlib.closing(sqlite3.connect(folder / "state.db")) as database:

        def ask(query: str) -> set[str]:
            return {row[0] for row in database.execute(query)}

        assert ask("PRAGMA integrity_check") == {"ok"}
        assert list(database.execute("PRAGMA foreign_key_check")) == []
        blobs = ask("SELECT digest FROM blob")
        # Bytes that were placed and never came on record go when the upload they came by is swept.
        assert blobs == files if swept else blobs <= files
        assert ask("SELECT digest FROM repository_blob") == blobs
        assert ask("SELECT blob FROM manifest_blob") <= blobs
        manifests = ask("SELECT digest FROM manifest")
        for table in ("repository_manifest", "state", "state_change", "tag"):
            assert ask(f"SELECT digest FROM {table}") == manifests
        assert ask("SELECT manifest FROM manifest_blob") == manifests
        assert ask("SELECT subject FROM outbox WHERE kind = 'curation.image.quarantined'") == manifests


def test_an_upload_goes_on_after_a_kill(tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    with registry_process(tmp_path) as running, running.client() as http:
        location = begin(http, "app")
        http.patch(location, content=data[:2_000_000])
        running.process.send_signal(signal.SIGKILL)
        running.process.wait()
    with registry_process(tmp_path) as running, running.client() as http:
        status = http.get(location)
        assert status.headers["range"] == "0-1999999"
        http.patch(location, content=data[2_000_000:], headers={"Content-Range": "2000000-2999999"})
        assert http.put(location, params={"digest": Digest.of(data)}).status_code == 201
        assert http.get(f"/v2/app/blobs/{Digest.of(data)}").content == data


def _shared(postgres: str, objects: ObjectServer, folder: Path) -> tuple[str, ...]:
    return (wiped(postgres), objects.url.replace("some/prefix", folder.name), str(objects.credentials))


@pytest.mark.slow
def test_pushes_deletes_and_collections_survive_kills(tmp_path: Path) -> None:
    loop = CrashLoop(folder=tmp_path, seed=4)
    for number in range(3):
        loop.round(number)
    loop.finish()
    assert loop.promises.pushed > 20
    assert loop.promises.deleted > 3


@pytest.mark.slow
@pytest.mark.tools
def test_and_so_they_do_on_replicas_that_share_a_database_and_an_object_store(
    postgres: str, objects: ObjectServer, tmp_path: Path
) -> None:
    loop = CrashLoop(folder=tmp_path, seed=5, where=_shared(postgres, objects, tmp_path), replicas=2)
    for number in range(1, 3):
        loop.round(number)
    loop.finish()
    assert loop.promises.pushed > 20
    assert loop.promises.deleted > 3
