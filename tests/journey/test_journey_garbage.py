# SPDX-License-Identifier: Apache-2.0
"""Garbage collection in a whole server: killed at every step, and at random while clients push and delete."""

import hashlib
import json
import os
import random
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from whole_server import WholeServer, as_json, python_image, run_tidegate

from tidegate.errors import TidegateError

AT_ONCE = {"TIDEGATE_CURATION_GC_GRACE_S": "0", "TIDEGATE_CURATION_GC_EVERY_S": "0"}


def _collect(server: WholeServer) -> dict[str, int]:
    answer = server.http.post("/api/v1/gc")
    answer.raise_for_status()
    return dict(answer.json())


def _files(home: Path) -> set[str]:
    found = (home / "registry" / "blobs").glob("sha256/*/*")
    return {f"sha256:{path.name}" for path in found}


def _needed(home: Path) -> set[str]:
    query = "SELECT blob FROM manifest_blob JOIN repository_manifest ON digest = manifest"
    with closing(sqlite3.connect(home / "state.db")) as database, database:
        return {row[0] for row in database.execute(query)}


def _assert_clean(home: Path) -> None:
    """What manifests need is there and whole; nothing else is."""
    needed = _needed(home)
    assert _files(home) == needed
    for digest in needed:
        path = home / "registry" / "blobs" / "sha256" / digest[7:9] / digest[7:]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == digest[7:]
    with closing(sqlite3.connect(home / "state.db")) as database, database:
        for table in ("gc_look", "gc_removal"):
            assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    assert list((home / "registry" / "uploads").iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "step",
    [
        "ShelfBlobs._let_go:after",
        "ShelfBlobs.let_go_unneeded:after",
        "FolderBlobs.delete:after",
    ],
)
def test_a_kill_at_any_step_is_made_up_for(step: str, tmp_path: Path) -> None:
    home, layout = tmp_path / "home", tmp_path / "images"
    kept, gone = (python_image(layout, tag, {"h11": "0.14.0"}) for tag in ("kept", "gone"))
    with WholeServer(home, kill_at=step, environment=AT_ONCE) as server:
        for tag, digest in (("kept", kept), ("gone", gone)):
            server.push(layout, tag, f"team/{tag}:1")
            server.verdict(digest)
        assert server.http.delete(f"/v2/team/gone/manifests/{gone}").status_code == 202
        with pytest.raises(httpx.TransportError):
            _collect(server)
        assert server.died() == -9
    with WholeServer(home, environment=AT_ONCE) as server:
        _collect(server)
        _collect(server)
        assert server.http.get("/v2/team/kept/manifests/1").status_code == 200
        assert server.api(f"/passports/{kept}")["sound"]
        assert server.api("/gc")["waiting"] == {"due": 0, "removals": 0}
        assert server.stop() == 0
    _assert_clean(home)


@pytest.mark.slow
def test_kills_at_random_moments_lose_nothing_and_leave_nothing(tmp_path: Path) -> None:
    home, layout = tmp_path / "home", tmp_path / "images"
    chance = random.Random(5)
    accepted: dict[str, str] = {}
    deleted: set[str] = set()
    tags = [f"image-{number}" for number in range(6)]
    for tag in tags:
        python_image(layout, tag, {"h11": "0.14.0"})
    digests = {item["annotations"]["org.opencontainers.image.ref.name"]: item["digest"] for item in _index(layout)}
    for _ in range(2):
        with WholeServer(home, environment=AT_ONCE) as server:
            stopped, took = threading.Event(), threading.Event()

            def push(
                worker: int,
                server: WholeServer = server,
                stopped: threading.Event = stopped,
                took: threading.Event = took,
            ) -> None:
                while not stopped.is_set():
                    tag = tags[(worker * 3 + chance.randrange(3)) % 6]
                    name = f"r{worker}/{tag}"
                    try:
                        server.push(layout, tag, f"{name}:1")
                        accepted[name] = digests[tag]
                        took.set()
                        deleted.discard(name)
                        if chance.random() < 0.4:
                            deleted.add(name)  # asked for: it may be gone from now on
                            server.http.delete(f"/v2/{name}/manifests/{digests[tag]}")
                    except (TidegateError, httpx.HTTPError):
                        continue

            def collect(server: WholeServer = server, stopped: threading.Event = stopped) -> None:
                while not stopped.is_set():
                    try:
                        server.http.post("/api/v1/gc")
                    except httpx.HTTPError:
                        return

            with ThreadPoolExecutor(3) as pool:
                working = [pool.submit(push, 0), pool.submit(push, 1), pool.submit(collect)]
                assert took.wait(240), "nothing is accepted"  # a server that is killed before proves nothing
                after = server.api("/events", limit=1000)["next"]
                server.api("/events", after=after + chance.randrange(5, 40), limit=1, wait=3)
                server.process.kill()
                assert server.died() == -9
                stopped.set()
                for future in working:
                    future.result()
    # Uploads that were under way when it was killed are idle from the start.
    with WholeServer(home, environment=AT_ONCE) as server:
        for name, digest in accepted.items():
            status = server.http.head(f"/v2/{name}/manifests/{digest}").status_code
            assert status == 200 or (name in deleted and status == 404)
        for upload in (home / "registry" / "uploads").iterdir():
            os.utime(upload, (0, 0))
        for digest in set(digests.values()):
            if server.http.get(f"/api/v1/images/{digest}").status_code == 200:
                server.verdict(digest)
        assert server.stop() == 0
    with WholeServer(home, environment=AT_ONCE) as server:
        _collect(server)
        _collect(server)
        assert server.stop() == 0
    assert accepted
    _assert_clean(home)


def test_the_command_collects_where_no_server_does(tmp_path: Path) -> None:
    home, layout = tmp_path / "home", tmp_path / "images"
    digest = python_image(layout, "one", {"h11": "0.14.0"})
    (home.parent / "tidegate.toml").write_text("[curation]\ngc_grace_s = 0\ngc_every_s = 0\n")
    settings = ("--config", str(home.parent / "tidegate.toml"))
    with WholeServer(home, environment=AT_ONCE) as server:
        server.push(layout, "one", "team/app:1")
        server.verdict(digest)
        server.http.delete(f"/v2/team/app/manifests/{digest}")
        refused = run_tidegate(home, *settings, "gc")
        assert refused.returncode == 2
        assert "or ask it with --server" in refused.stderr
        assert as_json(run_tidegate(home, *settings, "gc", "--status", "--format", "json").stdout)["due"] > 0
        assert server.stop() == 0
    told = as_json(run_tidegate(home, *settings, "gc", "--format", "json").stdout)
    assert told["removed"] > 0
    assert told["freed_bytes"] > 0
    _assert_clean(home)
    assert "removed 0 blobs" in run_tidegate(home, *settings, "gc", "--format", "table").stdout


def _index(layout: Path) -> list[dict[str, Any]]:
    return list(json.loads((layout / "index.json").read_text())["manifests"])
