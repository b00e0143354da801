# SPDX-License-Identifier: Apache-2.0
"""Every figure of docs/capabilities.md, measured now: a table for people, .bench/results.json for comparison.

    make bench                                     everything
    python -m bench policy                         one part
    python -m bench registry --only push-1MB-64    some figures of a part that names them

Speed is told as a ratio against a reference of the same run wherever there is one, because machines differ and are
noisy; the noise itself is the first row. A target that is missed is marked; nothing fails by it.
"""

import argparse
import hashlib
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Iterable
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from typing import Any

PARTS = (
    "command",
    "knowledge",
    "policy",
    "signing",
    "ledger",
    "passport",
    "encryption",
    "server",
    "registry",
    "garbage",
    "scan_layers",
    "delivery",
    "webhook",
    "sensor",
    "cluster",
)
ASKED_FOR = ("fleet", "scale")
"""Parts that take minutes, and are measured when they are named."""
NAMES_FIGURES = ("registry",)
"""Parts of which single figures may be asked for."""
RESULTS = Path(".bench")
NOISE_ROUNDS = 15


def main() -> int:
    """Runs the parts named, or all."""
    asked = _asked()
    rows = [_noise()]
    _print_head()
    _print(rows[0])
    for name in asked.parts:
        sys.stderr.write(f"measuring {name} …\n")
        for row in _measured(name, asked.only):
            rows.append({"part": name, **row})
            _print(row)
    RESULTS.mkdir(exist_ok=True)
    machine = {"system": platform.platform(), "python": platform.python_version(), "processor": _processor()}
    (RESULTS / "results.json").write_text(json.dumps({"machine": machine, "rows": rows}, indent=2) + "\n")
    print(f"\nwritten to {RESULTS / 'results.json'}")
    return 0


def _asked() -> argparse.Namespace:
    every = PARTS + ASKED_FOR
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures; prints each row as it comes.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one of {', '.join(every)}; else all that are quick")
    parser.add_argument(
        "--only", action="append", default=[], metavar="FIGURE", help="a pattern, such as push-1MB-* of the registry"
    )
    asked = parser.parse_args()
    asked.parts = asked.parts or list(PARTS)
    if unknown := [name for name in asked.parts if name not in every]:
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(every)}")
    if asked.only and not set(asked.parts) <= set(NAMES_FIGURES):
        parser.error(f"--only goes with {', '.join(NAMES_FIGURES)}")
    return asked


def _measured(name: str, only: list[str]) -> Iterable[dict[str, Any]]:
    part = import_module(f"bench.{name}")
    if name in NAMES_FIGURES:
        unmatched = [text for text in only if not any(fnmatchcase(figure, text) for figure in part.names())]
        if unmatched:
            raise SystemExit(f"no such figure: {', '.join(unmatched)}; there are {', '.join(part.names())}")
        found: Iterable[dict[str, Any]] = part.run(only)
    else:
        found = part.run(_data()) if name == "knowledge" else part.run()
    return found


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
