# SPDX-License-Identifier: Apache-2.0
"""What the command costs before it works: CPU of whole processes, user and system."""

import os
import statistics
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tidegate.knowledge.seed import build_seed
from tidegate.oci.layer_builder import LayerBuilder
from tidegate.oci.write import write_image

ROUNDS = 15
TARGET_MS = 60.0


def run() -> list[dict[str, Any]]:
    """`tidegate version`, beside a Python that does nothing, in turn."""
    command = str(Path(sys.executable).with_name("tidegate"))
    ours, bare = [], []
    for _ in range(ROUNDS):
        ours.append(_cpu_ms([command, "version"]))
        bare.append(_cpu_ms([sys.executable, "-c", "pass"]))
    value, reference = statistics.median(ours), statistics.median(bare)
    spread = {"low": min(ours), "high": max(ours)}
    return [
        *_warm_scan(command),
        {"name": "tidegate version", "value": value, "unit": "CPU ms", "reference": None, "ratio": None,
         "target": TARGET_MS, **spread},
        {"name": "tidegate version, against python -c pass", "value": value, "unit": "CPU ms", "reference": reference,
         "ratio": value / reference, "target": None},
    ]  # fmt: skip


def _warm_scan(command: str) -> list[dict[str, Any]]:
    """The whole command over layers it has seen: nearly all of it is starting, a quarter is click's import."""
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as folder:
        layout = Path(folder) / "image"
        write_image(layout, "latest", [LayerBuilder().file("a", b"b").build()], {"User": "1"})
        build_seed(Path(folder) / "home" / "knowledge.db", made_at=datetime(2026, 1, 1, tzinfo=UTC))
        words = [command, "scan", f"oci:{layout}", "--home", f"{folder}/home", "--quiet"]
        times = [_cpu_ms(words) for _ in range(ROUNDS + 1)][1:]
    value = statistics.median(times)
    spread = {"low": min(times), "high": max(times)}
    return [{"name": "tidegate scan, layers seen before, whole command", "value": value, "unit": "CPU ms",
             "reference": None, "ratio": None, "target": None, **spread}]  # fmt: skip


def _cpu_ms(words: list[str]) -> float:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    actions = [(os.POSIX_SPAWN_DUP2, nowhere, 1)]
    pid = os.posix_spawn(words[0], words, dict(os.environ), file_actions=actions)
    os.close(nowhere)
    _, _, used = os.wait4(pid, 0)
    return (used.ru_utime + used.ru_stime) * 1000
