# SPDX-License-Identifier: Apache-2.0
"""A store of 100,000 manifests and 1,000,000 blobs beside an empty one: the same server, the same requests, in turns.

TIDEGATE_TEST_SCALE=MANIFESTS makes it smaller; on PostgreSQL with TIDEGATE_TEST_DATABASE=1 (a server of its own).
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from bench.server import Row

sys.path.extend(str(Path(__file__).parents[1] / "tests" / name) for name in ("", "journey", "server"))
from oci_material import image
from registry_client import push
from whole_server import WholeServer

from large_store import BIG, LargeStore
from postgres_server import start_postgres
from tidegate.artifact import Digest, Repository
from tidegate.clock import system_clock
from tidegate.curation.keeping.collector import Collector
from tidegate.curation.shelf_blobs import ShelfBlobs
from tidegate.storage.database import Database
from tidegate.storage.folder_blobs import FolderBlobs

ROUNDS = 200
TARGET_START_SECONDS = 2.0
TARGET_RATIO = 1.3


def run() -> list[Row]:
    """Fills one of two stores, starts a server on each and measures both in turns."""
    large = LargeStore(manifests=int(os.environ.get("TIDEGATE_TEST_SCALE", "100000")))
    small = LargeStore(manifests=10)
    with tempfile.TemporaryDirectory(prefix="tidegate-scale-") as folder, ExitStack() as stack:
        sides = {}
        for name, store in (("empty", small), ("large", large)):
            environment = stack.enter_context(_database())
            home = Path(folder) / name
            with WholeServer(home, environment=environment) as server:
                server.stop()
            sys.stderr.write(f"filling the {name} store: {store.manifests} manifests …\n")
            database = Database(environment.get("TIDEGATE_DATABASE_URL") or f"sqlite:///{home / 'state.db'}")
            store.fill(database, home / "registry")
            database.close()
            sides[name] = (home, environment, store)
        starts = {name: [_start(*sides[name][:2]) for _ in range(3)] for name in sides}
        rows = [_compared("start", "s", starts, target=TARGET_START_SECONDS)]
        servers = {
            name: stack.enter_context(WholeServer(home, environment=environment))
            for name, (home, environment, _) in sides.items()
        }
        for what, ask in _questions().items():
            times: dict[str, list[float]] = {name: [] for name in sides}
            for number in range(ROUNDS):
                for name, server in servers.items():
                    began = time.perf_counter()
                    ask(server.http, sides[name][2], number)
                    times[name].append((time.perf_counter() - began) * 1000)
            rows.append(_compared(what, "ms", times))
        for server in servers.values():
            server.stop()
        collections = {name: _collections(home, environment) for name, (home, environment, _) in sides.items()}
        return [*rows, _compared("collection of 20 blobs", "ms", collections)]


def _collections(home: Path, environment: dict[str, str]) -> list[float]:
    """Milliseconds of collections, each of blobs that somebody uploaded and nobody used."""
    database = Database(environment.get("TIDEGATE_DATABASE_URL") or f"sqlite:///{home / 'state.db'}")
    blobs = ShelfBlobs(database, FolderBlobs(home / "registry"), system_clock)
    collector, later = Collector(database, blobs, system_clock), system_clock().replace(year=2999)
    collector.run(at=later)  # what the pushes before left to be looked at
    name, times = Repository("bench/collected"), []
    for turn in range(10):
        for number in range(20):
            data = f"collected {turn}/{number}".encode()
            upload = blobs.begin(name)
            blobs.append(name, upload, [data])
            blobs.finish(name, upload, Digest.of(data))
        began = time.perf_counter()
        assert collector.run(at=later).removed == 20
        times.append((time.perf_counter() - began) * 1000)
    database.close()
    return times


def _questions() -> dict[str, Callable[[httpx.Client, LargeStore, int], None]]:
    def ok(answer: httpx.Response) -> None:
        assert answer.is_success, answer.text

    def known(store: LargeStore, number: int) -> tuple[str, str]:
        chosen = number * 7919 % store.manifests
        return store.repository(chosen), f"v{chosen}"

    def pull(http: httpx.Client, store: LargeStore, number: int) -> None:
        name, tag = known(store, number)
        answer = http.get(f"/v2/{name}/manifests/{tag}")
        ok(answer)
        ok(http.get(f"/v2/{name}/blobs/{answer.json()['layers'][0]['digest']}"))

    return {
        "tags of a large repository, one by one": lambda http, _store, _: ok(http.get(f"/v2/{BIG}/tags/list?n=1")),
        "catalogue, a page of 5": lambda http, _store, _: ok(http.get("/v2/_catalog?n=5")),
        "referrers of an image": lambda http, store, number: ok(
            http.get(f"/v2/{known(store, number)[0]}/referrers/{store.manifest(number % store.manifests)[0]}")
        ),
        "images, the newest 10": lambda http, _store, _: ok(http.get("/api/v1/images?limit=10")),
        "pull of a manifest and a small blob": pull,
        "push of a small image": lambda http, store, number: _push(http, f"{store.manifests}-{number}", number),
    }


def _push(http: httpx.Client, name: str, number: int) -> None:
    push(http, "bench/pushed", image(name), f"v{number}")


@contextmanager
def _database() -> Iterator[dict[str, str]]:
    if not os.environ.get("TIDEGATE_TEST_DATABASE"):
        yield {}
        return
    with start_postgres() as url:
        yield {"TIDEGATE_DATABASE_URL": url}


def _start(home: Path, environment: dict[str, str]) -> float:
    began = time.perf_counter()
    with WholeServer(home, environment=environment) as server:
        took = time.perf_counter() - began
        server.stop()
    return took


def _compared(what: str, unit: str, times: dict[str, list[float]], *, target: float | None = None) -> Row:
    value, reference = statistics.median(times["large"]), statistics.median(times["empty"])
    return {
        "name": f"scale: {what}",
        "value": value,
        "unit": unit,
        "reference": None if target else reference,
        "ratio": None if target else value / reference,
        "target": target or TARGET_RATIO,
        "low": min(times["large"]),
        "high": max(times["large"]),
    }
