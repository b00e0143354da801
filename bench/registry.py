# SPDX-License-Identifier: Apache-2.0
"""Blobs in and out of `tidegate serve`, beside Debian's docker-registry: same files, same client, taking turns.

    python -m bench registry                              every act, size and number of connections
    python -m bench registry --only push-1MB-64           one of them
    python -m bench registry --only 'pull-*' --only '*-8' some of them

Each ratio is the median, over pairs of runs, of our throughput divided by theirs in the same pair, with the first of a
pair alternating: what else the machine does at that moment touches both. A figure takes as many pairs as its time
allows, and at least one; each size and number of connections has two fresh servers. The load comes from a process of
its own (`bench.registry_load`).
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
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

Row = dict[str, Any]

ACTS: Final = ("push", "pull")
SIZES: Final = {1: 200, 10: 40, 100: 6}
"""Blobs moved in a run, by their size in megabytes; at least one for each connection."""
CONNECTIONS: Final = (2, 8, 64)
TARGETS: Final = {("pull", 1): 3.2, ("pull", 10): 1.7, ("pull", 100): 1.3,
                  ("push", 1): 1.7, ("push", 10): 1.9, ("push", 100): 1.8}  # fmt: skip
MAX_MEMORY_MB: Final = 200.0
MOST_PAIRS: Final = 9
FIGURE_SECONDS: Final = 14.0
"""No pair is begun that would end later than this, by what the one before took."""
MOST_DISTINCT_BYTES: Final = 600_000_000
"""Of blobs that are pulled: more of them are pulled again, so that they lie in the page cache for both."""
_MB: Final = 1_000_000
_WATCH_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Peer:
    """A registry that runs."""

    name: str
    address: str
    process: subprocess.Popen[str]


@dataclass(slots=True)
class Memory:
    """The most memory a server had in RAM, all its processes together, in megabytes."""

    peak_mb: float = 0.0
    _ended: threading.Event = field(default_factory=threading.Event)

    def watch(self, pid: int) -> None:
        """Looks until told to end."""
        while not self._ended.wait(_WATCH_SECONDS):
            self.peak_mb = max(self.peak_mb, sum(map(_resident_mb, _family(pid))))

    def end(self) -> None:
        """Ends the watching."""
        self._ended.set()


def names() -> list[str]:
    """All combinations, as `--only` takes them."""
    return [_name(act, size, connections) for size in SIZES for connections in CONNECTIONS for act in ACTS]


def run(only: Sequence[str] = ()) -> Iterator[Row]:
    """Measures; without docker-registry on this machine there is nothing to compare with.

    Args:
        only: patterns of the combinations wanted; none for all.
    """
    if shutil.which("docker-registry") is None:
        sys.stderr.write("registry: no docker-registry to compare with (apt-get install docker-registry)\n")
        return
    for size in SIZES:
        for connections in CONNECTIONS:
            acts = [act for act in ACTS if not only or any(_is_meant(act, size, connections, text) for text in only)]
            if acts:
                yield from _compared(acts, size, connections)


def _name(act: str, size: int, connections: int) -> str:
    return f"{act}-{size}MB-{connections}"


def _is_meant(act: str, size: int, connections: int, pattern: str) -> bool:
    return fnmatchcase(_name(act, size, connections), pattern)


def _compared(acts: list[str], size: int, connections: int) -> Iterator[Row]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tidegate-bench-")))
        theirs = stack.enter_context(_theirs(folder / "theirs"))
        ours = stack.enter_context(_ours(folder / "ours"))
        memory = stack.enter_context(_memory_of(ours))
        for peer in (ours, theirs):
            _load("push", peer, connections, connections, _MB, seed=0)
        for act in acts:
            yield _row(act, size, connections, ours, theirs)
        yield {"name": f"registry: most memory with {size} MB, {connections} at once", "value": memory.peak_mb,
               "unit": "MB", "reference": None, "ratio": None, "target": MAX_MEMORY_MB}  # fmt: skip


def _row(act: str, size: int, connections: int, ours: Peer, theirs: Peer) -> Row:
    count = max(SIZES[size], connections)
    distinct = count if act == "push" else min(count, MOST_DISTINCT_BYTES // (size * _MB))
    if act == "pull":
        for peer in (ours, theirs):
            _load("push", peer, 2, distinct, size * _MB, seed=1)
    mine: list[float] = []
    other: list[float] = []
    began = latest = time.monotonic()
    for pair in range(MOST_PAIRS):
        for peer, speeds in ((ours, mine), (theirs, other))[:: 1 if pair % 2 else -1]:
            seed = 1 if act == "pull" else 2 + pair
            speeds.append(_load(act, peer, connections, count, size * _MB, seed=seed, distinct=distinct))
        now = time.monotonic()
        if now - began + (now - latest) > FIGURE_SECONDS:
            break
        latest = now
    ratios = [one / another for one, another in zip(mine, other, strict=True)]
    return {
        "name": f"registry: {act} of {size} MB, {connections} at once, against docker-registry",
        "value": statistics.median(mine), "unit": "MB/s", "reference": statistics.median(other),
        "ratio": statistics.median(ratios), "target": TARGETS[act, size], "more_is_better": True,
        "low": min(mine), "high": max(mine), "ratios": [round(ratio, 3) for ratio in ratios],
    }  # fmt: skip


def _load(
    act: str, peer: Peer, connections: int, count: int, size: int, *, seed: int, distinct: int | None = None
) -> float:
    """Megabytes a second."""
    words = [act, peer.address, *map(str, (connections, count, size, seed, distinct or count))]
    command = [sys.executable, "-m", "bench.registry_load", *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=600)
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
def _memory_of(peer: Peer) -> Iterator[Memory]:
    memory = Memory()
    watcher = threading.Thread(target=memory.watch, args=(peer.process.pid,))
    watcher.start()
    try:
        yield memory
    finally:
        memory.end()
        watcher.join()


def _family(pid: int) -> Iterator[int]:
    """A process and all that came from it."""
    yield pid
    for task in _listed(Path(f"/proc/{pid}/task")):
        for child in _text(task / "children").split():
            yield from _family(int(child))


def _resident_mb(pid: int) -> float:
    found = _text(Path(f"/proc/{pid}/status")).partition("VmRSS:")[2].split()
    return int(found[0]) / 1024 if found else 0.0


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:  # it has ended
        return []


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # it has ended
        return ""
