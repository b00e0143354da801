# SPDX-License-Identifier: Apache-2.0
"""What a whole server costs: from push to verdict, a pull against reading the file, one review, memory at rest."""

import hashlib
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tidegate.oci.layer_builder import Compression, LayerBuilder
from tidegate.oci.write import write_image

sys.path.extend(str(Path(__file__).parents[1] / "tests" / name) for name in ("journey", ""))
from whole_server import WholeServer, python_image

PUSHES = 20
REVIEWS = 200
BLOB_BYTES = 256 << 20
POD = """
apiVersion: v1
kind: Pod
metadata: {name: bench, namespace: bench}
spec: {containers: [{name: main, image: "127.0.0.1/bench/image-0:1"}]}
"""
Row = dict[str, Any]


def run() -> list[Row]:
    """Measures a server of its own, over loopback."""
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as folder:
        home, layout = Path(folder) / "home", Path(folder) / "images"
        began = time.perf_counter()
        with WholeServer(home) as server:
            started = time.perf_counter() - began
            resting = _resident_mb(server.process.pid)
            verdicts = _pushes(server, layout)
            reviews = _reviews(server)
            pulled, read = _pull(server, layout)
    return [
        _row("server: start to first answer", started, "s"),
        _row("server: memory at rest", resting, "MB", target=300.0),
        _row("server: push to verdict, small image, median", statistics.median(verdicts), "ms", spread=verdicts),
        _row("server: workload review over HTTP, median", statistics.median(reviews), "ms", spread=reviews),
        _row("server: pull of 256 MiB, against reading and hashing it", pulled, "s", reference=read),
    ]


def _pushes(server: WholeServer, layout: Path) -> list[float]:
    times = []
    for number in range(PUSHES):
        digest = python_image(layout, f"image-{number}", {"h11": "0.16.0", "uvicorn": f"0.{number}.0"})
        began = time.perf_counter()
        server.push(layout, f"image-{number}", f"bench/image-{number}:1")
        assert server.verdict(digest)["state"] == "admitted"
        times.append((time.perf_counter() - began) * 1000)
    return times


def _reviews(server: WholeServer) -> list[float]:
    times = []
    for _ in range(REVIEWS):
        began = time.perf_counter()
        assert server.review(POD, dry_run=True)["allowed"]
        times.append((time.perf_counter() - began) * 1000)
    return times


def _pull(server: WholeServer, layout: Path) -> tuple[float, float]:
    layer = LayerBuilder(compression=Compression.PLAIN).file("blob", bytes(BLOB_BYTES)).build()
    write_image(layout, "large", [layer], {"User": "1"})
    server.push(layout, "large", "bench/large:1")
    path = layout / "blobs" / "sha256" / layer.descriptor.digest.hex
    pulled, read = [], []
    for _ in range(5):
        began = time.perf_counter()
        with server.http.stream("GET", f"/v2/bench/large/blobs/{layer.descriptor.digest}") as answer:
            found = hashlib.sha256()
            for part in answer.iter_raw(1 << 20):
                found.update(part)
        pulled.append(time.perf_counter() - began)
        began = time.perf_counter()
        with path.open("rb") as file:
            hashlib.file_digest(file, "sha256")
        read.append(time.perf_counter() - began)
    return statistics.median(pulled), statistics.median(read)


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def _row(
    name: str,
    value: float,
    unit: str,
    *,
    reference: float | None = None,
    target: float | None = None,
    spread: list[float] | None = None,
) -> Row:
    ratio = value / reference if reference else None
    around = {"low": min(spread), "high": max(spread)} if spread else {}
    return {
        "name": name,
        "value": value,
        "unit": unit,
        "reference": reference,
        "ratio": ratio,
        "target": target,
        **around,
    }
