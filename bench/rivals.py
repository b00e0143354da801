# SPDX-License-Identifier: Apache-2.0
"""Other scanners and ours, side by side over the same images on this machine, every run with empty caches.

    make bench-rivals                        all that are on PATH
    make bench-rivals RIVALS=/opt/rivals     … or in that folder
    python -m bench.rivals "0.34 GB"         one image

Images are made of this machine's own content (`layer_samples`, gzip layers) and kept under .bench. Elapsed seconds,
CPU seconds (user and system) and the peak of resident memory are of the whole process, as the kernel counts them.
A rival that is missing is named with the command that builds it. What rivals list and we do not is written to
.bench/rivals/IMAGE.missing.txt, to be judged one by one: a difference is not yet a fault.
"""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bench import rival_components
from bench.layer_samples import sample

IMAGES = ("0.34 GB", "1.5 GB", "3.3 GB")
FOLDER = Path(".bench/rivals")
LAYERS = Path(".bench/layers")
MODULES = {
    "syft": "github.com/anchore/syft/cmd/syft@v1.51.0",
    "osv-scanner": "github.com/google/osv-scanner/v2/cmd/osv-scanner@v2.5.0",
    "gitleaks": "github.com/zricethezav/gitleaks/v8@v8.24.0",
}
GIVEN = {
    "0.34 GB": {"Trivy, components (given)": 1.2, "Syft (given)": 6.5},
    "1.5 GB": {"Trivy, components (given)": 7.9, "Syft (given)": 26.0},
    "3.3 GB": {"Trivy, components (given)": 12.3, "Syft (given)": 64.0},
}
"""Seconds on an idle machine of two cores with layers of its own, as published by those who cannot be run here."""

_MEASURE = """
import os, sys, time
nowhere, words = os.open(os.devnull, os.O_RDWR), sys.argv[1:]
actions = [(os.POSIX_SPAWN_DUP2, nowhere, at) for at in range(3)]
began = time.perf_counter()
_, status, used = os.wait4(os.posix_spawn(words[0], words, os.environ, file_actions=actions), 0)
elapsed, cpu, code = time.perf_counter() - began, used.ru_utime + used.ru_stime, os.waitstatus_to_exitcode(status)
print('{"elapsed": %f, "cpu": %f, "peak_mb": %f, "status": %d}' % (elapsed, cpu, used.ru_maxrss / 1024, code))
"""

Row = dict[str, Any]
Read = Callable[[Path], set[rival_components.Name]]


class Contender(NamedTuple):
    """A tool's run: what it is called, its words, what it writes, and how that is read."""

    name: str
    words: list[str]
    result: Path
    read: Read | None


def main() -> int:
    """Measures the images named, or all."""
    images = sys.argv[1:] or list(IMAGES)
    found = {name: _found(name) for name in MODULES}
    for name, path in found.items():
        if not path:
            print(f"{name} is missing: it is built by `go install {MODULES[name]}`, and found on PATH or in RIVALS=…")
    FOLDER.mkdir(parents=True, exist_ok=True)
    knowledge = _knowledge()
    print(f"{'image':8} {'run':34} {'elapsed s':>10} {'CPU s':>8} {'peak MB':>8} {'× rival':>8} {'components':>11}")
    rows = [row for image in images for row in _of_image(image, found, knowledge)]
    (FOLDER / "results.json").write_text(json.dumps(rows, indent=2) + "\n")
    return 0


def _of_image(image: str, found: dict[str, str], knowledge: Path | None) -> list[Row]:
    layout = sample(LAYERS, image)
    rows: list[Row] = []
    seen: dict[str, set[rival_components.Name]] = {}
    with tempfile.TemporaryDirectory(prefix="tidegate-rivals-") as folder:
        for contender in _contenders(image, layout, found, knowledge, Path(folder)):
            row = {"image": image, "run": contender.name, **_measured(contender.words, Path(folder))}
            if contender.read is not None and contender.result.is_file():
                seen[contender.name] = contender.read(contender.result)
                row["components"] = len(seen[contender.name])
            rows.append(row)
            print(f"{'':8} measured {contender.name}", end="\r", file=sys.stderr)
    rows += [{"image": image, "run": name, "elapsed": seconds} for name, seconds in GIVEN.get(image, {}).items()]
    rivals = [row["elapsed"] for row in rows if not row["run"].startswith("tidegate") and "secrets" not in row["run"]]
    for row in rows:
        row["ratio"] = row["elapsed"] / min(rivals) if rivals else None
        _print(row)
    _write_missing(image, seen)
    return rows


def _contenders(
    image: str, layout: Path, found: dict[str, str], knowledge: Path | None, folder: Path
) -> Iterator[Contender]:
    ours = str(Path(sys.executable).with_name("tidegate"))
    target = f"oci:{layout}:bench"
    report = folder / "ours.json"
    alone = [sys.executable, "-m", "bench.scan_layers", "--child"]
    yield Contender(
        "tidegate, components alone", [*alone, "packages", str(layout), f"{folder}/a"], folder / "none", None
    )
    db = ["--db", str(knowledge)] if knowledge else []
    scan = [ours, "scan", target, "--home", f"{folder}/b", "--quiet", "--format", "json", "-o", str(report), *db]
    yield Contender(
        "tidegate, everything and matching" if db else "tidegate, everything",
        scan,
        report,
        rival_components.of_tidegate,
    )
    if found["syft"]:
        out = folder / "syft.json"
        yield Contender(
            "syft", [found["syft"], "scan", f"oci-dir:{layout}", "-q", "-o", f"json={out}"], out,
            rival_components.of_syft,
        )  # fmt: skip
    if found["osv-scanner"]:
        out, archive = folder / "osv.json", _archive(image, layout)
        words = ["scan", "image", "--archive", str(archive), "--all-packages", "--offline-vulnerabilities"]
        where = ["--local-db-path", f"{folder}/osv", "--format", "json", "--output-file", str(out)]
        yield Contender("osv-scanner", [found["osv-scanner"], *words, *where], out, rival_components.of_osv_scanner)
    if image == IMAGES[0]:
        yield from _of_secrets(layout, found["gitleaks"], folder)


def _of_secrets(layout: Path, gitleaks: str, folder: Path) -> Iterator[Contender]:
    """Secrets alone; gitleaks is given the files already unpacked."""
    alone = [sys.executable, "-m", "bench.scan_layers", "--child"]
    yield Contender("tidegate, secrets alone", [*alone, "secrets", str(layout), f"{folder}/c"], folder / "none", None)
    if gitleaks:
        root = folder / "root"
        for blob in (layout / "blobs" / "sha256").iterdir():
            if blob.open("rb").read(2) == b"\x1f\x8b":
                with tarfile.open(blob) as archive:
                    archive.extractall(root, filter="tar")
        words = [gitleaks, "dir", str(root), "--no-banner", "--exit-code", "0", "--report-path", f"{folder}/gl.json"]
        yield Contender("gitleaks, secrets of unpacked files", words, folder / "none", None)


def _measured(words: list[str], folder: Path) -> Row:
    """Runs a command; its resources are those the kernel counted of it and its children."""
    home = folder / "home"
    shutil.rmtree(home, ignore_errors=True)
    environment = os.environ | {
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home),
        "SYFT_CHECK_FOR_APP_UPDATE": "false",
        "TMPDIR": str(folder),
    }
    # A small parent of its own: a spawned program's peak of memory begins with its parent's.
    told = subprocess.run([sys.executable, "-SEc", _MEASURE, *words], env=environment, check=True, capture_output=True)
    row: Row = json.loads(told.stdout)
    return row


def _knowledge() -> Path | None:
    """A knowledge file of the large set of advisories, kept between runs; None where the set is not."""
    from bench.__main__ import _data

    data, made = _data(), FOLDER / "knowledge.db"
    if data is None:
        return None
    if not made.is_file():
        command = str(Path(sys.executable).with_name("tidegate"))
        words = [command, "db", "build", "--from", str(data), "--db", str(made), "--quiet"]
        subprocess.run(words, stdout=subprocess.DEVNULL, check=False)
    return made if made.is_file() else None


def _archive(image: str, layout: Path) -> Path:
    """The image as `docker save` writes it, layers as they are; kept between runs."""
    archive = FOLDER / f"{image}.tar"
    if archive.is_file():
        return archive
    index = json.loads((layout / "index.json").read_bytes())
    manifest = json.loads((layout / _blob(index["manifests"][0])).read_bytes())
    names = [_blob(manifest["config"]), *(_blob(layer) for layer in manifest["layers"])]
    listed = [{"Config": names[0], "RepoTags": ["bench:latest"], "Layers": names[1:]}]
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        told = Path(folder) / "manifest.json"
        told.write_text(json.dumps(listed))
        with tarfile.open(Path(folder) / "image.tar", "w") as file:
            file.add(told, "manifest.json")
            for name in names:
                file.add(layout / name, name)
        (Path(folder) / "image.tar").rename(archive)
    return archive


def _blob(descriptor: dict[str, str]) -> str:
    return f"blobs/{descriptor['digest'].replace(':', '/')}"


def _found(name: str) -> str:
    folder = os.environ.get("RIVALS", "")
    beside = Path(folder) / name
    return str(beside) if folder and os.access(beside, os.X_OK) else shutil.which(name) or ""


def _write_missing(image: str, seen: dict[str, set[rival_components.Name]]) -> None:
    ours = set().union(*(names for run, names in seen.items() if run.startswith("tidegate")))
    for run, names in seen.items():
        if not run.startswith("tidegate"):
            missing = sorted(names - ours)
            (FOLDER / f"{image}.{run}.missing.txt").write_text("".join(f"{' '.join(one)}\n" for one in missing))
            print(f"{image:8} {run}: {len(missing)} of its {len(names)} are not among ours, written to {FOLDER}")


def _print(row: Row) -> None:
    ratio = f"{row['ratio']:.2f}" if row["ratio"] else ""
    failed = f"  exit status {row['status']}" if row.get("status") else ""
    cpu, peak = (f"{row[key]:.1f}" if key in row else "" for key in ("cpu", "peak_mb"))
    print(
        f"{row['image']:8} {row['run']:34} {row['elapsed']:>10.2f} {cpu:>8} {peak:>8} {ratio:>8} "
        f"{row.get('components', ''):>11}{failed}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
