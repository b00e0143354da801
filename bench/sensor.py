# SPDX-License-Identifier: Apache-2.0
"""What a sensor costs: each program of a container that waits for it, and a node on which nothing happens.

python -m bench sensor

TURNS=N, CONTAINERS=N and SECONDS=N change how long it is looked at. It needs root, as the sensor does, and an idle
machine: what else runs takes part in every turn.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from bench.made_container import ExecLoop, idle_containers, sensor
from tidegate.errors import OutsideError
from tidegate.sensor.fanotify import Fanotify

TURNS: Final = int(os.environ.get("TURNS", "6"))
CONTAINERS: Final = int(os.environ.get("CONTAINERS", "100"))
SECONDS: Final = float(os.environ.get("SECONDS", "30"))
EXECS: Final = 300
WARM: Final = 50
SETTLED_SECONDS: Final = 12.0
"""After so long the sensor has looked at all that runs, and looks again."""
Row = dict[str, Any]


def run() -> list[Row]:
    """Measures everything here; nothing where the kernel does not ask this process."""
    try:
        Fanotify().close()
    except OutsideError as error:
        sys.stderr.write(f"sensor: left out: {error}\n")
        return []
    return [*_execs(), *_idle()]


def _execs() -> list[Row]:
    """A small program with one library, and so two questions each time, in turns: unguarded, let through, guarded."""
    unguarded, through, guarded = [], [], []
    spent: dict[str, list[float]] = {"through": [], "guarded": []}
    with tempfile.TemporaryDirectory(prefix="tg-", dir="/tmp") as name, ExitStack() as stack:
        loop = ExecLoop(Path(name), stack)
        for _ in range(TURNS):
            unguarded.append(_median(loop))
            with _let_through(loop.root) as pid:
                through.append(_median(loop, pid, spent["through"]))
            with sensor(Path(name) / "home", ["--mode", "enforce"]) as process:
                guarded.append(_median(loop, _guard(process.pid), spent["guarded"]))
    before, least, ours = (statistics.median(times) for times in (unguarded, through, guarded))
    bare, own = (statistics.median(times) for times in spent.values())
    return [
        _row("sensor: a small program that nobody asks about", before, "ms", spread=unguarded),
        _row("sensor: added where all is let through by a bare loop", least - before, "ms"),
        _row("sensor: added by it to each program, enforced", ours - before, "ms", target=0.15),
        _row("sensor: likewise, against the bare loop", ours - before, "ms", reference=least - before),
        _row("sensor: processor time of its answers to a program", own, "ms", reference=bare),
    ]


def _median(loop: ExecLoop, answering: int = 0, spent: list[float] | None = None) -> float:
    """Of one program; what the process that answers spent on it, which a busy machine changes less, goes to `spent`."""
    loop.median_ms(WARM)
    before = _cpu_seconds(answering) if answering else 0
    found = loop.median_ms(EXECS)
    if spent is not None:
        spent.append((_cpu_seconds(answering) - before) / EXECS * 1000)
    return found


def _guard(pid: int) -> int:
    return next(one for one in _family(pid) if b"--as-guard" in Path(f"/proc/{one}/cmdline").read_bytes())


@contextmanager
def _let_through(root: Path) -> Iterator[int]:
    command = [sys.executable, "-m", "bench.let_through", str(root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "watching\n"
            yield process.pid
        finally:
            process.kill()


def _idle() -> list[Row]:
    with (
        tempfile.TemporaryDirectory(prefix="tg-", dir="/tmp") as name,
        idle_containers(CONTAINERS),
        sensor(Path(name)) as process,
    ):
        time.sleep(SETTLED_SECONDS)
        processes = _family(process.pid)
        before, began = [_cpu_seconds(pid) for pid in processes], time.monotonic()
        time.sleep(SECONDS)
        spent = [now - then for now, then in zip(map(_cpu_seconds, processes), before, strict=True)]
        share = sum(spent) / (time.monotonic() - began) * 100
        memory = sum(map(_own_bytes, processes)) / 1e6
    return [
        _row(f"sensor: idle, {CONTAINERS} containers", share, "% core", target=2),
        _row(f"sensor: memory of its {len(processes)} processes (PSS)", memory, "MB", target=150),
    ]


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    threads = [path for path in Path(f"/proc/{pid}/task").iterdir() if path.name != str(pid)]
    children += [child for thread in threads for child in (thread / "children").read_text().split()]
    return [pid, *(one for child in children for one in _family(int(child)))]


def _cpu_seconds(pid: int) -> float:
    """Of all its threads, by the scheduler's own count in nanoseconds."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def _own_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def _row(
    name: str,
    value: float,
    unit: str,
    *,
    target: float | None = None,
    reference: float | None = None,
    spread: list[float] | None = None,
) -> Row:
    return {
        "name": name,
        "value": value,
        "unit": unit,
        "low": min(spread) if spread else None,
        "high": max(spread) if spread else None,
        "reference": reference,
        "ratio": value / reference if reference else None,
        "target": target,
    }
