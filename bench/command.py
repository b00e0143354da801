# SPDX-License-Identifier: Apache-2.0
"""What the command costs before it works: CPU of whole processes, user and system."""

import os
import statistics
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.child_environment import child_environment
from tidegate.knowledge.seed import build_seed
from tidegate.oci.layer_builder import LayerBuilder
from tidegate.oci.write import write_image

ROUNDS = 15
TARGET_MS = 30.0
WARM_TARGET_MS = 150.0


def run() -> list[dict[str, Any]]:
    """`tidegate version`, beside a Python that does nothing, in turn."""
    command = str(Path(sys.executable).with_name("tidegate"))
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as folder:
        environment = child_environment(Path(folder) / "bytecode")
        ours, bare = [], []
        for _ in range(ROUNDS + 1):
            ours.append(_cpu_ms([command, "version"], environment))
            bare.append(_cpu_ms([sys.executable, "-c", "pass"], environment))
        warm = _warm_scan(command, Path(folder), environment)
    del ours[0]  # it compiled the modules
    value, reference = statistics.median(ours), statistics.median(bare)
    spread = {"low": min(ours), "high": max(ours)}
    return [
        warm,
        {"name": "tidegate version", "value": value, "unit": "CPU ms", "reference": None, "ratio": None,
         "target": TARGET_MS, **spread},
        {"name": "tidegate version, against python -c pass", "value": value, "unit": "CPU ms", "reference": reference,
         "ratio": value / reference, "target": None},
    ]  # fmt: skip


def _warm_scan(command: str, folder: Path, environment: dict[str, str]) -> dict[str, Any]:
    """The whole command over layers it has seen, with knowledge: nearly all of it is starting."""
    layout = folder / "image"
    write_image(layout, "latest", [LayerBuilder().file("a", b"b").build()], {"User": "1"})
    build_seed(folder / "home" / "knowledge.db", made_at=datetime(2026, 1, 1, tzinfo=UTC))
    words = [command, "scan", f"oci:{layout}", "--home", f"{folder}/home", "--quiet"]
    times = [_cpu_ms(words, environment) for _ in range(ROUNDS + 1)][1:]
    return {"name": "tidegate scan, layers seen before, whole command", "value": statistics.median(times),
            "unit": "CPU ms", "reference": None, "ratio": None, "target": WARM_TARGET_MS,
            "low": min(times), "high": max(times)}  # fmt: skip


def _cpu_ms(words: list[str], environment: dict[str, str]) -> float:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    actions = [(os.POSIX_SPAWN_DUP2, nowhere, 1)]
    pid = os.posix_spawn(words[0], words, environment, file_actions=actions)
    os.close(nowhere)
    _, _, used = os.wait4(pid, 0)
    return (used.ru_utime + used.ru_stime) * 1000
