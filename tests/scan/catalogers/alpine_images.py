# SPDX-License-Identifier: Apache-2.0
"""Real Alpine root file systems of the large data set."""

import json
import tarfile
from pathlib import Path
from typing import Any

NAMES = (
    "alpine-minirootfs-3.10.9-x86_64",
    "alpine-minirootfs-3.18.9-x86_64",
    "alpine-minirootfs-3.20.3-x86_64",
    "alpine-minirootfs-3.20.3-aarch64",
)


def member(shared_data: Path, image: str, *paths: str) -> tuple[str, bytes]:
    """The first of the paths that is a regular file there."""
    with tarfile.open(shared_data / "images" / f"{image}.tar.gz") as archive:
        names = {name.removeprefix("./"): name for name in archive.getnames()}
        for path in paths:
            info = archive.getmember(names[path]) if path in names else None
            source = archive.extractfile(info) if info is not None and info.isreg() else None
            if source is not None:
                return path, source.read()
    raise LookupError(f"{image} has none of {paths}")


def known_answer(shared_data: Path, image: str) -> dict[str, Any]:
    answers = json.loads((shared_data / "KNOWN-ANSWERS.json").read_bytes())
    found: dict[str, Any] = answers["images"][image]
    return found
