# SPDX-License-Identifier: Apache-2.0
"""Every figure of docs/capabilities.md, measured now: a table for people, .bench/results.json for comparison.

    make bench                 everything
    python -m bench policy     one part

Speed is told as a ratio against a reference of the same run wherever there is one, because machines differ and are
noisy; the noise itself is the first row. A target that is missed is marked; nothing fails by it.
"""

import hashlib
import json
import os
import platform
import statistics
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

PARTS = ("command", "knowledge", "policy", "ledger", "encryption", "server", "registry", "garbage", "scan_layers")
ASKED_FOR = ("scale",)
"""Parts that take minutes, and are measured when they are named."""
RESULTS = Path(".bench")
NOISE_ROUNDS = 15


def main() -> int:
    """Runs the parts named, or all."""
    parts = sys.argv[1:] or list(PARTS)
    unknown = [name for name in parts if name not in PARTS + ASKED_FOR]
    if unknown:
        sys.stderr.write(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS + ASKED_FOR)}\n")
        return 2
    rows = [_noise()]
    _print_head()
    _print(rows[0])
    for name in parts:
        sys.stderr.write(f"measuring {name} …\n")
        measure = import_module(f"bench.{name}").run
        for row in measure(_data()) if name == "knowledge" else measure():
            rows.append({"part": name, **row})
            _print(row)
    RESULTS.mkdir(exist_ok=True)
    machine = {"system": platform.platform(), "python": platform.python_version(), "processor": _processor()}
    (RESULTS / "results.json").write_text(json.dumps({"machine": machine, "rows": rows}, indent=2) + "\n")
    print(f"\nwritten to {RESULTS / 'results.json'}")
    return 0


def _noise() -> dict[str, Any]:
    """The same work again and again: how far apart equal things are on this machine, now."""
    data, times = bytes(64 << 20), []
    for _ in range(NOISE_ROUNDS):
        began = time.perf_counter()
        hashlib.sha256(data).digest()
        times.append((time.perf_counter() - began) * 1000)
    return {
        "part": "noise",
        "name": "noise: sha256 of 64 MiB, median (lowest to highest)",
        "value": statistics.median(times),
        "unit": "ms",
        "low": min(times),
        "high": max(times),
        "reference": None,
        "ratio": None,
        "target": None,
    }


def _data() -> Path | None:
    """The large set of advisories, when TIDEGATE_TEST_DATA names it or it lies where the tests look for it."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("TIDEGATE_TEST_DATA", beside))
    return folder if (folder / "osv").is_dir() else None


def _print_head() -> None:
    print(f"{'figure':<58} {'value':>10} {'unit':<8} {'ratio':>7} {'target':>8}")


def _print(row: dict[str, Any]) -> None:
    ratio = f"{row['ratio']:.2f}×" if row.get("ratio") is not None else ""
    target = row.get("target")
    judged = row["ratio"] if row.get("ratio") is not None else row["value"]
    missed = target is not None and (judged < target if row.get("more_is_better") else judged > target)
    spread = f"  ({row['low']:.3g} to {row['high']:.3g})" if row.get("low") is not None else ""
    limit = f"{target:g}{'×' if row.get('ratio') is not None else ''}" if target is not None else ""
    print(
        f"{row['name']:<58} {row['value']:>10.4g} {row['unit']:<8} {ratio:>7} {limit:>8}"
        f"{' MISSED' if missed else ''}{spread}",
        flush=True,
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


if __name__ == "__main__":
    sys.exit(main())
