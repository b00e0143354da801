# SPDX-License-Identifier: Apache-2.0
"""Blobs in and out of `tidegate serve`, beside Debian's docker-registry: same files, same client, taking turns.

    python -m bench registry                     every size and concurrency
    REGISTRY_SIZES=1 REGISTRY_WORKERS=8 …        only these (MB; connections)

Each figure is the median over rounds of our throughput divided by theirs in the same round, so that what else the
machine does at that moment touches both. The load comes from a process of its own (`bench.registry_load`).
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

Row = dict[str, Any]

ROUNDS: Final = 3
SIZES: Final = {1: 100, 10: 20, 100: 6}
"""Blobs moved in a round, by their size in megabytes; at least one for each connection."""
WORKERS: Final = (2, 8, 64)
TARGETS: Final = {("pull", 1): 3.2, ("pull", 10): 1.7, ("pull", 100): 1.3,
                  ("push", 1): 1.7, ("push", 10): 1.9, ("push", 100): 1.8}  # fmt: skip
MAX_MEMORY_MB: Final = 200.0
MOST_BYTES: Final = 1_500_000_000
"""A round of a push writes no more than this to each registry, whatever the number of connections."""
_MB: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Peer:
    """A registry that runs."""

    name: str
    address: str
    process: subprocess.Popen[str]

    def resident_mb(self) -> float:
        """Memory in RAM now, in megabytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def run() -> list[Row]:
    """Measures; without docker-registry on this machine there is nothing to compare with."""
    if shutil.which("docker-registry") is None:
        sys.stderr.write("registry: no docker-registry to compare with (apt-get install docker-registry)\n")
        return []
    sizes = [int(text) for text in os.environ.get("REGISTRY_SIZES", "").split()] or list(SIZES)
    workers = [int(text) for text in os.environ.get("REGISTRY_WORKERS", "").split()] or list(WORKERS)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as text:
        folder = Path(text)
        with _theirs(folder / "theirs") as theirs, _ours(folder / "ours") as ours, _peak_of(ours) as peak:
            for size in sizes:
                for connections in workers:
                    rows += _compared(ours, theirs, size, connections)
        rows.append({"name": "registry: most memory of the server meanwhile", "value": peak[0], "unit": "MB",
                     "reference": None, "ratio": None, "target": MAX_MEMORY_MB})  # fmt: skip
    return rows


def _compared(ours: Peer, theirs: Peer, size: int, connections: int) -> list[Row]:
    count = min(max(SIZES[size], 2 * connections), max(connections, MOST_BYTES // (size * _MB)))
    speeds: dict[tuple[str, str], list[float]] = {}
    for turn in range(ROUNDS + 1):
        seed = size * 1000 + connections * 10 + turn
        for act in ("push", "pull"):
            for peer in (ours, theirs) if turn % 2 else (theirs, ours):
                speed = _load(act, peer, connections, count, size * _MB, seed)
                if turn:  # the first round warms up
                    speeds.setdefault((act, peer.name), []).append(speed)
    rows = []
    for act in ("pull", "push"):
        mine, other = speeds[act, ours.name], speeds[act, theirs.name]
        ratios = [one / another for one, another in zip(mine, other, strict=True)]
        rows.append({
            "name": f"registry: {act} of {size} MB, {connections} at once, against docker-registry",
            "value": statistics.median(mine), "unit": "MB/s", "reference": statistics.median(other),
            "ratio": statistics.median(ratios), "target": TARGETS[act, size], "more_is_better": True,
            "low": min(mine), "high": max(mine),
        })  # fmt: skip
    return rows


def _load(act: str, peer: Peer, connections: int, count: int, size: int, seed: int) -> float:
    words = [act, peer.address, *map(str, (connections, count, size, seed))]
    done = subprocess.run(
        [sys.executable, "-m", "bench.registry_load", *words], capture_output=True, text=True, check=True, timeout=600
    )
    found = json.loads(done.stdout)
    return float(found["bytes"] / found["seconds"] / _MB)


@contextmanager
def _ours(folder: Path) -> Iterator[Peer]:
    environment = {**os.environ, "TIDEGATE_HOME": str(folder)}
    command = [str(Path(sys.executable).with_name("tidegate")), "serve", "--port", "0"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().rpartition("http://")[2].strip()
            assert address, "the server did not start"
            yield Peer("tidegate", address, process)
        finally:
            process.terminate()


@contextmanager
def _theirs(folder: Path) -> Iterator[Peer]:
    folder.mkdir()
    settings, log = folder / "settings.yml", folder / "log"
    # JSON is YAML. The cache is what Debian's own settings turn on.
    settings.write_text(
        json.dumps(
            {
                "version": 0.1,
                "log": {"level": "info", "formatter": "json", "accesslog": {"disabled": True}},
                "storage": {
                    "cache": {"blobdescriptor": "inmemory"},
                    "filesystem": {"rootdirectory": str(folder / "data")},
                },
                "http": {"addr": "127.0.0.1:0"},
            }
        )
    )
    with (
        log.open("w") as sink,
        subprocess.Popen(
            ["docker-registry", "serve", str(settings)], stdout=sink, stderr=subprocess.STDOUT, text=True
        ) as process,
    ):
        try:
            yield Peer("docker-registry", _address_in(log, process), process)
        finally:
            process.terminate()


def _address_in(log: Path, process: subprocess.Popen[str]) -> str:
    while process.poll() is None:
        for line in log.read_text().splitlines():
            if "listening on" in line:
                return str(json.loads(line)["msg"].rpartition(" ")[2])
        time.sleep(0.05)
    raise RuntimeError(f"docker-registry did not start: {log.read_text()[-500:]}")


@contextmanager
def _peak_of(peer: Peer) -> Iterator[list[float]]:
    peak, ended = [0.0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.1):
            peak[0] = max(peak[0], peer.resident_mb())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        ended.set()
        watcher.join()
