# SPDX-License-Identifier: Apache-2.0
"""Inputs that once did harm, kept beside the tests: a folder for each parser, a file for each input."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

CORPORA = Path(__file__).parent / "corpora"
MAX_KEPT_BYTES = 64 << 10


def kept() -> Iterator[tuple[str, Path]]:
    """Parser and file of every input that is kept."""
    for file in sorted(CORPORA.glob("*/*")):
        yield file.parent.name, file


def keep(parser: str, failure: str, data: bytes) -> Path | None:
    """Keeps an input under a name that says what it does; None when it is too long to be kept."""
    if len(data) > MAX_KEPT_BYTES:
        return None
    words = re.sub(r"[^a-z0-9]+", "-", failure.lower()).strip("-")[:60]
    folder = CORPORA / parser
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{words}-{hashlib.sha256(data).hexdigest()[:8]}"
    file.write_bytes(data)
    return file
