# SPDX-License-Identifier: Apache-2.0
"""What it costs to read an image, against inflating its layers once and hashing them once on the same machine.

    python bench/scan_layers.py [CACHE_FOLDER]

Layers are made of this machine's /usr and package database (seeded choice, gzip level 6) and kept in the cache folder.
Each figure is of a fresh process: CPU is user + system of the whole process, memory its peak resident set.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tidegate.oci.layer_builder import LayerBuilder

TOTAL_BYTES = 1_000_000_000
FILES = 36_000
LAYERS = 4
TINY_FILES = 1_000_000
MAX_FILE_BYTES = 30_000_000
ROUNDS = 3
CACHE = Path(".bench/layers")

Row = dict[str, Any]
# Imports are local where the measured process can do without them: its start is part of the figure.


def run(cache: Path = CACHE) -> list[Row]:
    """Measures; builds the layers first when the cache folder has none, which takes some minutes."""
    return _measured(cache)


def _measured(cache: Path) -> list[Row]:
    cache.mkdir(parents=True, exist_ok=True)
    usual = _once(cache / "usual", _usual)
    tiny = _once(cache / "tiny", _tiny)
    # Taken in turns, so that what else the machine does falls on both.
    rounds = [{what: _child(what, usual) for what in ("reference", "scan", "again")} for _ in range(ROUNDS)]
    reference, first, second = (
        min((one[what] for one in rounds), key=lambda row: row["cpu"]) for what in ("reference", "scan", "again")
    )
    many = _child("scan", tiny)
    base = reference["cpu"]
    return [
        _row("inflate and hash once, 1 GB unpacked", base, "CPU s", None, None),
        _row("scan of 1 GB unpacked, first time", first["cpu"], "CPU s", base, 2.0),
        _row("scan of 1 GB unpacked, first time, elapsed", first["elapsed"], "s", reference["elapsed"], None),
        _row("peak memory of that", first["peak_mb"], "MB", None, 300),
        _row("second scan of the same layers", second["cpu"] * 1000, "CPU ms", None, 150),
        _row(f"scan of {TINY_FILES} tiny files", many["cpu"], "CPU s", None, None),
        _row("peak memory of that", many["peak_mb"], "MB", None, 300),
    ]


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
    import subprocess

    arguments = [sys.executable, __file__, "--child", what, str(layout), str(store)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(arguments, check=True, stdout=subprocess.PIPE)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    told: dict[str, float] = json.loads(done.stdout)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {**told, "cpu": cpu}


def _inside(what: str, layout: Path, store: Path) -> None:
    """The measured process itself."""
    started = time.perf_counter()
    told = {"reference": _reference, "scan": _scan}[what](layout, store)
    # Not getrusage: its peak would be the parent's, from before the child's own program began.
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    print(json.dumps({**told, "elapsed": time.perf_counter() - started, "peak_mb": peak}))


def _reference(layout: Path, _: Path) -> dict[str, float]:
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


def _scan(layout: Path, store: Path) -> dict[str, float]:
    from tidegate.oci.open import open_target
    from tidegate.oci.target import parse_target
    from tidegate.scan.facts_store import FactsStore
    from tidegate.scan.image import scan_image
    from tidegate.scan.roster import CATALOGERS
    from tidegate.scan.secrets.detector import SecretDetector

    with open_target(parse_target(f"oci:{layout}:bench")) as image:
        found = scan_image(image, store=FactsStore(store), roster=CATALOGERS, secrets=SecretDetector())
    return {"components": len(found.components), "secrets": len(found.secrets)}


def _layer_blobs(layout: Path) -> list[Path]:
    blobs = (layout / "blobs" / "sha256").iterdir()
    return [blob for blob in blobs if blob.read_bytes()[:2] == b"\x1f\x8b"]


def _once(layout: Path, build: Any) -> Path:
    if not (layout / "index.json").exists():
        build(layout)
    return layout


def _usual(layout: Path) -> None:
    """Four layers of files of all kinds; the first has the package database."""
    from tidegate.oci.layer_builder import LayerBuilder

    builders = [LayerBuilder(mtime=1) for _ in range(LAYERS)]
    files = [*_below(Path("/var/lib/dpkg")), *_chosen()]
    for at, path in enumerate(files):
        index = 0 if path.is_relative_to("/var") else min(at * LAYERS // len(files), LAYERS - 1)
        builders[index].file(str(path).lstrip("/"), path)
    builders[0].file("etc/os-release", Path("/etc/os-release").read_bytes())
    _write(layout, builders)


def _chosen() -> list[Path]:
    chosen: list[Path] = []
    total = 0
    for path in _below(Path("/usr")):
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            continue
        chosen.append(path)
        total += size
        if total >= TOTAL_BYTES or len(chosen) >= FILES:
            break
    return sorted(chosen)


def _below(folder: Path) -> list[Path]:
    import random

    found = [path for path in _walk(folder) if path.is_file() and not path.is_symlink() and os.access(path, os.R_OK)]
    found.sort()
    random.Random(7).shuffle(found)
    return found


def _walk(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        for name in names:
            yield Path(parent) / name


def _tiny(layout: Path) -> None:
    from tidegate.oci.layer_builder import LayerBuilder

    builder = LayerBuilder(mtime=1, parents=False)
    for at in range(TINY_FILES):
        builder.file(f"srv/data/{at // 1000:04d}/record-{at:07d}.json", b'{"at": %d}' % at)
    _write(layout, [builder])


def _write(layout: Path, builders: "list[LayerBuilder]") -> None:
    import tempfile

    from tidegate.oci.write import write_image

    with tempfile.TemporaryDirectory(dir=layout.parent) as folder:
        built = [builder.build(to=Path(folder) / f"{at}.layer") for at, builder in enumerate(builders)]
        write_image(layout, "bench", built)


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
