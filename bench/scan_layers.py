# SPDX-License-Identifier: Apache-2.0
"""What it costs to read an image, against inflating its layers once and hashing them once on the same machine.

    python -m bench.scan_layers [CACHE_FOLDER]

Layers are made of this machine's /usr and package database (`layer_samples`) and kept in the cache folder. Each figure
is of a fresh process and those it forks: CPU is user + system, memory the most they hold together at one time. The
reference of a row is measured in the same run: elapsed seconds against elapsed seconds, CPU against CPU.
"""

import json
import resource
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

ROUNDS = 3
CACHE = Path(".bench/layers")
SEARCHED_BYTES = 200_000_000
_SAMPLED_EVERY_SECONDS = 0.02

Row = dict[str, Any]
# Imports are local where the measured process can do without them: its start is part of the figure.


def run(cache: Path = CACHE) -> list[Row]:
    """Measures; builds the layers first when the cache folder has none, which takes some minutes."""
    return [*_usual(cache), *_elapsed(cache), *_secrets(cache), *_memory(cache)]


def _usual(cache: Path) -> list[Row]:
    usual = _sample(cache, "usual")
    # Taken in turns, so that what else the machine does falls on both.
    rounds = [{what: _child(what, usual) for what in ("reference", "scan", "packages", "again")} for _ in range(ROUNDS)]
    reference, full, packages, second = (
        min((one[what] for one in rounds), key=lambda row: row["cpu"])
        for what in ("reference", "scan", "packages", "again")
    )
    base = reference["cpu"]
    return [
        _row("inflate and hash once, 1 GB unpacked", base, "CPU s", None, None),
        _row("full scan of 1 GB unpacked, first time", full["cpu"], "CPU s", base, 3.5),
        _row("components of 1 GB unpacked, first time", packages["cpu"], "CPU s", base, 2.0),
        _row("full scan of 1 GB, first time, elapsed", full["elapsed"], "s", reference["elapsed"], None),
        _row("peak memory of that", full["peak_mb"], "MB", None, 400),
        _row("second scan of the same layers", second["cpu"] * 1000, "CPU ms", None, 150),
    ]


def _elapsed(cache: Path) -> list[Row]:
    """Components alone, as the rivals are timed."""
    rows = []
    # Half of what the fastest rival took on an idle machine of two cores, in seconds.
    for name, target in (("0.34 GB", 0.6), ("1.5 GB", 3.95), ("1.5 GB in one layer", 3.95), ("3.3 GB", 6.15)):
        layout = _sample(cache, name)
        reference, packages = _child("reference", layout), _child("packages", layout)
        rows.append(_row(f"components of {name}, elapsed", packages["elapsed"], "s", None, target))
        rows.append(_row("the same against the reference", packages["elapsed"], "s", reference["elapsed"], None))
        rows += [_row("CPU of that", packages["cpu"], "CPU s", reference["cpu"], 2.0)]
    return rows


def _secrets(cache: Path) -> list[Row]:
    searched = _child("search", _sample(cache, "text"))["mb_per_s"]
    rows = [_row("text searched for secrets by one core, at least", searched, "MB/s", None, 800)]
    for name in ("text", "1.5 GB"):
        layout = _sample(cache, name)
        reference, secrets = _child("reference", layout), _child("secrets", layout)
        rows.append(_row(f"secrets alone of {name}, elapsed", secrets["elapsed"], "s", reference["elapsed"], None))
        rows.append(_row("CPU of that", secrets["cpu"], "CPU s", reference["cpu"], None))
    return rows


def _memory(cache: Path) -> list[Row]:
    rows = []
    for name, told in (("5 GB", "5 GB with files of 250 MB"), ("tiny", "a million tiny files")):
        layout = _sample(cache, name)
        reference, full = _child("reference", layout), _child("scan", layout)
        rows.append(_row(f"full scan of {told}", full["cpu"], "CPU s", reference["cpu"], None))
        rows.append(_row("peak memory of that", full["peak_mb"], "MB", None, 400))
    return rows


def _sample(cache: Path, name: str) -> Path:
    from bench.layer_samples import sample

    return sample(cache, name)


def _row(name: str, value: float, unit: str, reference: float | None, target: float | None) -> Row:
    ratio = value / reference if reference else None
    return {"name": name, "value": value, "unit": unit, "reference": reference, "ratio": ratio, "target": target}


def _child(what: str, layout: Path) -> dict[str, float]:
    import tempfile

    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as folder:
        store = Path(folder) / "facts"
        if what == "again":
            _run_child("scan", layout, store)
        return _run_child("scan" if what == "again" else what, layout, store)


def _run_child(what: str, layout: Path, store: Path) -> dict[str, float]:
    from bench.child_environment import child_environment

    arguments = [sys.executable, __file__, "--child", what, str(layout), str(store)]
    environment = child_environment(layout.parent / "bytecode")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, env=environment) as child:
        peak = _peak_mb(child)
        output, _ = child.communicate()
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, arguments)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    told: dict[str, float] = json.loads(output)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {**told, "cpu": cpu, "peak_mb": peak}


def _peak_mb(child: "subprocess.Popen[bytes]") -> float:
    """Most memory of a process and those it forked at one time; what they share is counted once (PSS)."""
    peak = 0
    while child.poll() is None:
        with suppress(OSError):
            forked = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
            peak = max(peak, sum(_pss_kb(pid) for pid in (str(child.pid), *forked)))
        time.sleep(_SAMPLED_EVERY_SECONDS)
    return peak / 1024


def _pss_kb(pid: str) -> int:
    try:
        return int(Path(f"/proc/{pid}/smaps_rollup").read_text().partition("Pss:")[2].split()[0])
    except (OSError, IndexError):  # it has just ended
        return 0


def _inside(what: str, layout: Path, store: Path) -> None:
    """The measured process itself."""
    started = time.perf_counter()
    told = _told(what, layout, store)
    print(json.dumps({**told, "elapsed": time.perf_counter() - started}))


def _told(what: str, layout: Path, store: Path) -> dict[str, float]:
    if what == "reference":
        return _reference(layout)
    return _search(layout) if what == "search" else _scan(what, layout, store)


def _reference(layout: Path) -> dict[str, float]:
    import hashlib

    from isal import igzip

    buffer = memoryview(bytearray(1 << 20))
    for blob in _layer_blobs(layout):
        digest = hashlib.sha256()
        with blob.open("rb") as file:
            reader = igzip._GzipReader(file, 128 * 1024)  # type: ignore[attr-defined] # noqa: SLF001 - the fastest it has
            while size := reader.readinto(buffer):
                digest.update(buffer[:size])
    return {}


def _scan(what: str, layout: Path, store: Path) -> dict[str, float]:
    from tidegate.oci.open import open_target
    from tidegate.oci.target import parse_target
    from tidegate.scan.facts_store import FactsStore
    from tidegate.scan.image import scan_image
    from tidegate.scan.parts import ALL_PARTS, ScanParts
    from tidegate.scan.roster import CATALOGERS
    from tidegate.scan.secrets.detector import SecretDetector

    parts = {
        "scan": ALL_PARTS,
        "packages": ScanParts(secrets=False, custody=False),
        "secrets": ScanParts(packages=False, custody=False),
    }[what]
    with open_target(parse_target(f"oci:{layout}:bench")) as image:
        found = scan_image(image, store=FactsStore(store), roster=CATALOGERS, secrets=SecretDetector(), parts=parts)
    return {"components": len(found.components), "secrets": len(found.secrets)}


def _search(layout: Path) -> dict[str, float]:
    """Files in memory, searched over and over: what the search costs without the inflating around it."""
    import tarfile

    from tidegate.scan.secrets.detector import SecretDetector

    files: list[tuple[str, bytes]] = []
    total = 0
    with tarfile.open(_layer_blobs(layout)[0]) as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None:
                files.append((member.name, file.read()))
                total += member.size
            if total > SEARCHED_BYTES:
                break
    detector = SecretDetector()
    best = 0.0
    for _ in range(ROUNDS + 1):  # the first compiles
        started = time.thread_time()
        detector.scan_batch(files)
        best = max(best, total / (time.thread_time() - started) / 1e6)
    return {"mb_per_s": best}


def _layer_blobs(layout: Path) -> list[Path]:
    blobs = (layout / "blobs" / "sha256").iterdir()
    return [blob for blob in blobs if blob.open("rb").read(2) == b"\x1f\x8b"]


def main(arguments: list[str]) -> None:
    """Prints the rows, or is the measured process."""
    if arguments[:1] == ["--child"]:
        _inside(arguments[1], Path(arguments[2]), Path(arguments[3]))
        return
    for row in run(Path(arguments[0]) if arguments else CACHE):
        ratio = f"{row['ratio']:.2f} x" if row["ratio"] else ""
        print(f"{row['name']:48} {row['value']:10.2f} {row['unit']:8} {ratio:8} target {row['target'] or '-'}")


if __name__ == "__main__":
    main(sys.argv[1:])
