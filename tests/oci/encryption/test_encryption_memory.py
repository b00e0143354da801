# SPDX-License-Identifier: Apache-2.0
"""Memory does not grow with the layer: a child process says the most it ever held."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from encryption_keys import KeyPair

from tidegate.artifact import Descriptor, Digest
from tidegate.artifact import media_type as mt
from tidegate.oci.layer_builder import BuiltLayer
from tidegate.oci.write import write_image

LARGE_BYTES = 300_000_000
MORE_BYTES = 24 << 20
"""What a layer of 300 MB may cost more than one of 300 kB."""

_RUN = """
import resource, sys
from tidegate.cli import main
status = main(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
sys.exit(status)
"""


def peak_bytes(*words: object) -> int:
    command = [sys.executable, "-c", _RUN, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.splitlines()[-1])


def an_image(folder: Path, size: int) -> None:
    """An image whose only layer is that large; a hole on the disk, so that writing it costs nothing."""
    blob = folder.parent / f"{folder.name}.blob"
    with blob.open("wb") as file:
        file.truncate(size)
    with blob.open("rb") as file:
        digest = Digest("sha256:" + hashlib.file_digest(file, "sha256").hexdigest())
    descriptor = Descriptor(media_type=mt.OCI_LAYER, digest=digest, size=size)
    write_image(folder, "1", [BuiltLayer(descriptor=descriptor, diff_id=digest, blob=blob)])
    blob.unlink()


@pytest.mark.slow
def test_a_layer_of_300_mb_costs_no_more_than_a_small_one(pairs: dict[str, KeyPair], tmp_path: Path) -> None:
    pair = pairs["ec:P-256"]
    peaks: dict[str, tuple[int, int]] = {}
    for name, size in (("small", 300_000), ("large", LARGE_BYTES)):
        an_image(tmp_path / name, size)
        hidden = tmp_path / f"{name}-hidden"
        peaks[name] = (
            peak_bytes("encrypt", f"oci:{tmp_path}/{name}:1", f"oci:{hidden}:1", "-r", pair.public),
            peak_bytes("decrypt", f"oci:{hidden}:1", f"oci:{tmp_path}/{name}-back:1", "--key", pair.private),
        )
    for small, large in zip(peaks["small"], peaks["large"], strict=True):
        assert large - small < MORE_BYTES, peaks
