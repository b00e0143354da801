# SPDX-License-Identifier: Apache-2.0
"""Upkeep that takes longer than an answer may: ordered from a real server that scrubs slowly, followed to its end."""

import os
import pty
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from api_server import ApiServer
from oci_material import image
from registry_client import push

SLOWLY = "1500"
TIMEOUT = 8.0


def _server(home: Path, *, rate: str) -> ApiServer:
    environment = {"TIDEGATE_CURATION_SCRUB_BYTES_PER_S": rate, "TIDEGATE_CURATION_SCRUB_EVERY_S": "0"}
    return ApiServer(home, environment=environment)


def _fill(server: ApiServer) -> None:
    """Six layers of some 3.4 kB: each takes two seconds at 1.5 kB a second."""
    with server.client(None, base="") as http:
        for number in range(6):
            push(http, "team/app", image(os.urandom(3000).hex()), f"{number}")


def _until(http: httpx.Client, place: str, seen: Callable[[Any], bool]) -> Any:
    ends = time.monotonic() + 240
    while not seen(found := http.get(place, params={"wait": 1}).raise_for_status().json()):
        assert time.monotonic() < ends, found
    return found


def test_a_run_longer_than_the_timeout_is_followed_to_its_end(tmp_path: Path) -> None:
    with _server(tmp_path, rate=SLOWLY) as server:
        _fill(server)
        own, terminal = pty.openpty()
        try:
            environment = {**os.environ, "TIDEGATE_HOME": str(tmp_path / "desk"), "HOME": str(tmp_path)}
            environment["TIDEGATE_OUTBOUND_READ_TIMEOUT_S"] = str(TIMEOUT)
            command = [sys.executable, "-m", "tidegate", "scrub", "--server", server.address, "--format", "json"]
            done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=terminal, check=False)
            told = os.read(own, 65536).decode()
        finally:
            os.close(own)
            os.close(terminal)
        assert done.returncode == 0, told
        assert "blobs: " in told
        (run,) = server.client(None).get("/scrub").json()["runs"]
        took = datetime.fromisoformat(run["ended_at"]) - datetime.fromisoformat(run["began_at"])
        assert (run["told"]["finished"], took.total_seconds() > TIMEOUT) == (True, True), took


def test_an_order_outlives_the_server_that_took_it(tmp_path: Path) -> None:
    with _server(tmp_path, rate="300") as server:
        _fill(server)
        http = server.client(None)
        ordered = http.post("/scrub", params={"seconds": 0, "wait": 0})
        place = ordered.headers["location"].removeprefix("/api/v1")
        assert (ordered.status_code, place) == (202, f"/upkeep/{ordered.json()['id']}")
        assert "MiB read" in _until(http, place, lambda order: order["progress"])["progress"]
        server.process.kill()
    with _server(tmp_path, rate="0") as server:
        ended = _until(server.client(None), place, lambda order: order["state"] in {"done", "failed"})
        assert (ended["state"], ended["told"]["finished"], ended["problem"]) == ("done", True, "")


def test_what_ends_in_time_is_answered_at_once(tmp_path: Path) -> None:
    with _server(tmp_path, rate="0") as server:
        http = server.client(None)
        collected = http.post("/gc", params={"wait": 60})
        assert (collected.status_code, collected.json()["removed"]) == (200, 0)
        assert http.post("/retention/plan", content=b"kind: Nothing").status_code == 422
        assert http.get("/upkeep/none").status_code == 404
