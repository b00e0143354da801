# SPDX-License-Identifier: Apache-2.0
"""Which image a container of containerd was made of, by containerd's own record: its database of metadata.

A bundle has a link `work` to where containerd keeps what lasts, and the database lies beside that. It is read without
containerd's socket. A name of an image may have moved to another since: it counts only when it has not been written
since the container was made.
"""

import os
import re
from pathlib import Path, PurePosixPath
from typing import Final

from tidegate.errors import InvalidInputError
from tidegate.execution.observation import MAX_WORD_CHARS, Container, clean
from tidegate.sensor.bolt import Bolt

_DATABASE: Final = "io.containerd.metadata.v1.bolt/meta.db"
_CRI: Final = b"io.cri-containerd.container.metadata"
_IMAGE_ID: Final = re.compile(rb'"ImageRef":\s*"(sha256:[0-9a-f]{64})"')
_DIGEST: Final = re.compile(rb"sha256:[0-9a-f]{64}")
_MOMENT_BYTES: Final = 13  # of Go's time.Time: a version, seconds, nanoseconds; a zone follows


def by_containerd(bundle: Path, number: str, root: Path) -> Container | None:
    """The container of a bundle, with its image as far as the database tells; None when it tells nothing.

    Args:
        bundle: a folder with `config.json`.
        number: the container's id.
        root: the root that absolute paths of its runtime are named from.
    """
    try:
        work = PurePosixPath((bundle / "work").readlink())
        if not work.is_absolute() or ".." in work.parts or len(work.parents) < 3:  # noqa: PLR2004 - the shortest is /R/N/ID
            return None
        with Bolt(root / str(work.parents[2]).lstrip("/") / _DATABASE) as database:
            return _told(database, number, b"v1", os.fsencode(work.parent.name))
    except (OSError, InvalidInputError):
        return None


def _told(database: Bolt, number: str, *within: bytes) -> Container | None:
    own = (*within, b"containers", number.encode())
    image = database.get(*own, b"image")
    cri = _IMAGE_ID.search(database.get(*own, b"extensions", _CRI) or b"")
    if image is None and cri is None:
        return None
    digest = ""
    if image:
        target = database.get(*within, b"images", image, b"target", b"digest") or b""
        named = _moment(database.get(*within, b"images", image, b"updatedat"))
        made = _moment(database.get(*own, b"createdat"))
        if _DIGEST.fullmatch(target) and named is not None and made is not None and named <= made:
            digest = target.decode()
    return Container(
        id=number,
        image=clean((image or b"").decode("utf-8", "surrogateescape"), MAX_WORD_CHARS),
        digest=digest,
        config=cri[1].decode() if cri else "",
    )


def _moment(value: bytes | None) -> bytes | None:
    """A moment that can be compared: seconds and nanoseconds, the highest byte first."""
    return value[1:_MOMENT_BYTES] if value is not None and len(value) >= _MOMENT_BYTES else None
