# SPDX-License-Identifier: Apache-2.0
"""What a cluster's watcher costs with 10,000 pods (kwok) at a real API server: memory, time idle, time for a change.

python -m bench cluster

PODS=N makes N. Its server is a real one too; what that takes is told beside it.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

sys.path[:0] = [str(Path(__file__).parents[1] / "tests"), str(Path(__file__).parents[1] / "tests" / "kubernetes")]

import httpx  # noqa: E402
import pytest  # noqa: E402
from watcher import Watched  # noqa: E402 - of the tests

from cluster import Cluster, cluster, cpu_seconds  # noqa: E402 - of the tests

PODS: Final = int(os.environ.get("PODS", "10000"))
CHANGES: Final = 500
IDLE_SECONDS: Final = 20.0
_DIGEST: Final = "sha256:" + "5" * 64
Row = dict[str, Any]


def run() -> list[Row]:
    """The rows; none where there is no Kubernetes to measure with."""
    try:
        with (
            tempfile.TemporaryDirectory(prefix="tg-bench-") as folder,
            cluster(Path(folder), controllers=True, nodes=10) as running,
        ):
            return _measure(Path(folder), running)
    except pytest.skip.Exception as error:
        sys.stderr.write(f"cluster: left out: {error}\n")
        return []


def _measure(folder: Path, running: Cluster) -> list[Row]:
    client = running.client()
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda number: _create(client, number), range(PODS)))
    running.wait(lambda: _all_run(client), "all pods", seconds=1800)
    place = folder / "watched"
    place.mkdir()
    with Watched(place, running.kubeconfig()) as watched:
        watched.watch()
        began = time.perf_counter()
        watched.wait_for(lambda: _known(watched) == PODS, "all pods on record", seconds=900)
        took = time.perf_counter() - began
        assert watched.watcher is not None
        pid = watched.watcher.pid
        spent = cpu_seconds(pid)
        idle = _spent(pid, lambda: time.sleep(IDLE_SECONDS)) / IDLE_SECONDS * 100
        changes = [_spent(pid, lambda part=part: _change(client, watched, part)) for part in range(4)]
        each = statistics.median(changes) / CHANGES * 1000
        return [
            _row(f"cluster: {PODS:,} pods heard and on record, processor time of the watcher", spent, "s"),
            _row(f"cluster: the same, until the server has all of it (began anew: {took:.0f} s)", took, "s"),
            _row(f"cluster: idle, {PODS:,} pods", idle, "% core", target=2),
            _row("cluster: a pod that ends, processor time of the watcher", each, "ms"),
            _row("cluster: memory of the watcher (PSS)", _own_bytes(pid) / 1e6, "MB", target=150),
        ]


def _create(client: httpx.Client, number: int) -> bool:
    metadata = {"name": f"pod-{number}", "labels": {"app": f"app-{number % 100}"}}
    containers = [{"name": "app", "image": f"registry.example/shop/app-{number % 100}@{_DIGEST}"}]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {
        "nodeName": f"node-{number % 10}", "containers": containers}}  # fmt: skip
    return client.post("/api/v1/namespaces/default/pods", json=pod).status_code == 201


def _all_run(client: httpx.Client) -> bool:
    waiting = {"fieldSelector": "status.phase!=Running", "limit": "1"}
    return not client.get("/api/v1/pods", params=waiting).json()["items"]


def _known(watched: Watched) -> int:
    nodes = watched.root.get("/nodes").json()["nodes"]
    return int(nodes[0]["containers"]) if nodes else 0


def _change(client: httpx.Client, watched: Watched, part: int) -> None:
    before = _known(watched)
    names = range(part * CHANGES, (part + 1) * CHANGES)
    with ThreadPoolExecutor(8) as pool:
        body = json.dumps({"gracePeriodSeconds": 0}).encode()
        paths = [f"/api/v1/namespaces/default/pods/pod-{number}" for number in names]
        list(pool.map(lambda path: client.request("DELETE", path, content=body), paths))
    watched.wait_for(lambda: _known(watched) == before - CHANGES, "what ended", seconds=300)


def _spent(pid: int, act: Any) -> float:
    before = cpu_seconds(pid)
    act()
    return cpu_seconds(pid) - before


def _own_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def _row(name: str, value: float, unit: str, *, target: float | None = None) -> Row:
    return {
        "name": name,
        "value": value,
        "unit": unit,
        "low": value,
        "high": value,
        "reference": None,
        "ratio": None,
        "target": target,
    }
