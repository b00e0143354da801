# SPDX-License-Identifier: Apache-2.0
"""kill -9 again and again, in the midst of pushes, deletes and collections, and what must be true after each.

What a registry answered 201 to is there, whole, until somebody asks for its removal; what it refuses it does not keep;
what it serves is never half; and at the end nothing lies there that nobody needs.
"""

import random
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from oci_material import MadeImage, image
from registry_client import begin
from registry_process import RegistryProcess, registry_process
from serve_registry import open_store
from sqlalchemy import select

from tidegate.artifact import Digest
from tidegate.clock import system_clock
from tidegate.curation.keeping.collector import Collector
from tidegate.curation.shelf_blobs import ShelfBlobs
from tidegate.storage import schema
from tidegate.storage.blobs import BlobBounds, BlobStore
from tidegate.storage.database import Database

NAME = "team/app"
_STILL_SECONDS = 120
SHARED = 12
"""Images share their contents: whoever deletes one races with whoever pushes the same bytes."""


@dataclass(kw_only=True)
class Promises:
    """What the registry has said yes to, by tag."""

    kept: dict[str, MadeImage] = field(default_factory=dict)
    pushed: int = 0
    deleted: int = 0
    refused: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def asked(self) -> int:
        """Everything that was answered, with a yes or a no."""
        return self.pushed + self.deleted + self.refused

    def take(self, chance: random.Random) -> tuple[str, MadeImage] | None:
        """One that is to be deleted: from now on nothing is promised of it."""
        with self.lock:
            if not self.kept:
                return None
            tag = chance.choice(sorted(self.kept))
            return tag, self.kept.pop(tag)


@dataclass(kw_only=True)
class CrashLoop:
    """Rounds of work, each ended by kills.

    Attributes:
        folder: of everything that lies in files.
        where: of what does not, as `serve_registry.py` takes it.
        replicas: servers at once; the first is killed in each round, and every third round all of them.
    """

    folder: Path
    seed: int
    where: tuple[str, ...] = ()
    replicas: int = 1
    workers: int = 6
    promises: Promises = field(default_factory=Promises)

    def round(self, number: int) -> None:
        """Starts the servers, checks all that was promised, works until enough was done, kills."""
        chance = random.Random(self.seed * 1000 + number)
        if self.promises.pushed:
            self._check_at_rest()
        with ExitStack() as stack:
            servers = [
                stack.enter_context(registry_process(self.folder, *self.where, "collect")) for _ in range(self.replicas)
            ]
            clients = [stack.enter_context(server.client()) for server in servers]
            self._check(chance.choice(clients))
            over = threading.Event()
            goal = self.promises.pushed + chance.randrange(8, 40)
            threads = [
                threading.Thread(target=self._work, args=(clients, over, random.Random(f"{self.seed}/{number}/{n}")))
                for n in range(self.workers)
            ]
            for thread in threads:
                thread.start()
            self._until(goal, threads, servers)
            doomed = servers if number % 3 == 0 else servers[:1]
            for server in doomed:
                _kill(server)
            # The others go on for a while, and must not stumble over what the dead one left.
            if len(doomed) < len(servers):
                self._until(self.promises.pushed + 5, threads, servers[1:])
            over.set()
            for thread in threads:
                thread.join()

    def _until(self, goal: int, threads: list[threading.Thread], servers: list[RegistryProcess]) -> None:
        """Waits until so many were pushed, or nobody is there to push; on a slow machine as long as anything moves."""
        before, ends = self.promises.asked, time.monotonic() + _STILL_SECONDS
        while self.promises.pushed < goal and any(thread.is_alive() for thread in threads):
            time.sleep(0.005)
            if self.promises.asked != before:
                before, ends = self.promises.asked, time.monotonic() + _STILL_SECONDS
            if time.monotonic() > ends:
                for server in servers:
                    server.tell_stacks()
                raise AssertionError("nothing moves any more; what the servers were at is on standard error")

    def finish(self) -> None:
        """Nothing promised is missing, and after a collection nothing else is left."""
        with registry_process(self.folder, *self.where) as server, server.client() as http:
            self._check(http)
        with ExitStack() as stack:
            database, store = self._open(stack)
            collector = Collector(database, ShelfBlobs(database, store, system_clock), system_clock)
            for _ in range(2):
                collector.run(at=system_clock().replace(year=2999))
            held, known, wanted = _rows(database)
            stored = set(store.digests())
            assert held == known == wanted == stored, (held ^ wanted, known ^ wanted, stored ^ wanted)
            for digest in store.digests():
                with store.open(digest) as file:
                    assert Digest.of(file.read()) == digest
            assert store.sweep() == 0

    def _check_at_rest(self) -> None:
        """While no server runs: every row has its bytes, and every manifest its rows."""
        with ExitStack() as stack:
            database, store = self._open(stack)
            held, known, wanted = _rows(database)
            assert wanted <= held == known <= set(store.digests())

    def _open(self, stack: ExitStack) -> tuple[Database, BlobStore]:
        database = Database(self.where[0] if self.where else f"sqlite:///{self.folder / 'state.db'}")
        stack.callback(database.close)
        return database, open_store(self.folder, database, BlobBounds(upload_idle_seconds=0), list(self.where))

    def _work(self, clients: list[httpx.Client], over: threading.Event, chance: random.Random) -> None:
        number = 0
        while not over.is_set():
            number += 1
            try:
                if chance.random() < 0.3:
                    self._delete(chance.choice(clients), chance)
                else:
                    self._push(clients, f"{chance.getrandbits(64):016x}", chance)
            except httpx.TransportError:
                clients = [client for client in clients if _lives(client)]
                if not clients:
                    return

    def _push(self, clients: list[httpx.Client], tag: str, chance: random.Random) -> None:
        content = f"content {chance.randrange(SHARED)}" if chance.random() < 0.4 else tag
        made = image(content, annotations={"n": tag})
        for data in made.blobs:
            if not self._push_blob(clients, data, chance):
                return
        http = chance.choice(clients)
        answer = http.put(f"/v2/{NAME}/manifests/{tag}", content=made.raw, headers={"Content-Type": made.media_type})
        with self.promises.lock:
            if answer.status_code == 201:
                self.promises.kept[tag] = made
                self.promises.pushed += 1
                return
            self.promises.refused += 1
        # Its contents were collected while nobody needed them: said before anything of it is there.
        assert answer.status_code in {404, 503}, answer.text

    def _push_blob(self, clients: list[httpx.Client], data: bytes, chance: random.Random) -> bool:
        """In two chunks, which may come to two replicas; False when one is too busy at this moment."""
        if chance.choice(clients).head(f"/v2/{NAME}/blobs/{Digest.of(data)}").status_code == 200:
            return True
        location, middle = begin(chance.choice(clients), NAME), chance.randrange(len(data))
        first = chance.choice(clients).patch(location, content=data[:middle])
        if first.status_code != 202:
            assert first.status_code == 503, first.text
            return False
        last = chance.choice(clients).put(location, params={"digest": Digest.of(data)}, content=data[middle:])
        assert last.status_code in {201, 503}, last.text
        return last.status_code == 201

    def _delete(self, http: httpx.Client, chance: random.Random) -> None:
        chosen = self.promises.take(chance)
        if chosen is None:
            return
        answer = http.delete(f"/v2/{NAME}/manifests/{chosen[1].digest}")
        assert answer.status_code in {202, 503}, answer.text
        if answer.status_code == 202:
            assert http.head(f"/v2/{NAME}/manifests/{chosen[0]}").status_code == 404
            with self.promises.lock:
                self.promises.deleted += 1

    def _check(self, http: httpx.Client) -> None:
        for tag, made in self.promises.kept.items():
            got = http.get(f"/v2/{NAME}/manifests/{tag}")
            assert (got.status_code, got.content) == (200, made.raw), f"{tag}: {got.status_code} {got.text[:200]}"
        for data in {data for made in self.promises.kept.values() for data in made.blobs}:
            got = http.get(f"/v2/{NAME}/blobs/{Digest.of(data)}")
            assert got.content == data, f"{Digest.of(data)}: {got.status_code}"
        # What was not promised may be there or not, but is never half there.
        for tag in http.get(f"/v2/{NAME}/tags/list").json().get("tags", ()):
            manifest = http.get(f"/v2/{NAME}/manifests/{tag}")
            assert manifest.status_code == 200, manifest.text
            for part in (manifest.json()["config"], *manifest.json()["layers"]):
                assert http.head(f"/v2/{NAME}/blobs/{part['digest']}").status_code == 200, f"{tag}: {part['digest']}"


def _rows(database: Database) -> tuple[set[str], set[str], set[str]]:
    """Blobs that repositories hold, that are on record, and that manifests of repositories need."""
    with database.read() as connection:
        held = set(connection.scalars(select(schema.repository_blob.c.digest)))
        known = set(connection.scalars(select(schema.blob.c.digest)))
        needed = select(schema.manifest_blob.c.blob).join(
            schema.repository_manifest, schema.repository_manifest.c.digest == schema.manifest_blob.c.manifest
        )
        return held, known, set(connection.scalars(needed))


def _lives(client: httpx.Client) -> bool:
    try:
        return client.get("/livez").is_success
    except httpx.TransportError:
        return False


def _kill(server: RegistryProcess) -> None:
    server.process.kill()
    server.process.wait()
