# SPDX-License-Identifier: Apache-2.0
"""What the command costs before it works: CPU of whole processes, user and system."""

import os
import statistics
import sys
from pathlib import Path
from typing import Any

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
        {"name": "tidegate version", "value": value, "unit": "CPU ms", "reference": None, "ratio": None,
         "target": TARGET_MS, **spread},
        {"name": "tidegate version, against python -c pass", "value": value, "unit": "CPU ms", "reference": reference,
         "ratio": value / reference, "target": None},
    ]  # fmt: skip


def _cpu_ms(words: list[str]) -> float:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    actions = [(os.POSIX_SPAWN_DUP2, nowhere, 1)]
    pid = os.posix_spawn(words[0], words, dict(os.environ), file_actions=actions)
    os.close(nowhere)
    _, _, used = os.wait4(pid, 0)
    return (used.ru_utime + used.ru_stime) * 1000
