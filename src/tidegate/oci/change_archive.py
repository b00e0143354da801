# SPDX-License-Identifier: Apache-2.0
"""An archive of a layout, changed: taken apart beside itself, and written anew, whole or not at all."""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tidegate.bounds import KIB
from tidegate.errors import OutsideError, UsageError
from tidegate.oci.archive import is_packed, open_tar
from tidegate.oci.tar_index import TarIndex
from tidegate.oci.write import pack_oci_archive

_OF_LAYOUT: Final = re.compile(r"oci-layout|index\.json|blobs/[a-z0-9]+/[0-9a-f]+")
_CHUNK_BYTES: Final = 256 * KIB
_HEAD_BYTES: Final = 4


@contextmanager
def changing_archive(path: Path) -> Iterator[Path]:
    """Yields a layout folder with what an archive holds; when the block ends well, the archive is what is in it then.

    It needs room for two copies beside the archive while it lasts.

    Raises:
        UsageError: it is packed, or holds more than a layout: it would not be the same thing any more.
        InvalidInputError: it is no archive, or broken.
        OutsideError: the disk failed.
    """
    with _disk(path):
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
        scratch = tempfile.TemporaryDirectory(prefix=".tidegate-", dir=path.parent)
    with scratch as name:
        if is_packed(head):
            raise UsageError("is packed, and is not changed", where=str(path), remedy="unpack it first")
        layout = Path(name) / "layout"
        with open_tar(path) as tar:
            _unpack(tar, layout, path)
        yield layout
        draft = pack_oci_archive(layout, Path(name) / "archive.tar")
        with _disk(path):
            draft.chmod(path.stat().st_mode & 0o777)
            with draft.open("rb") as file:
                os.fsync(file.fileno())
            draft.replace(path)


def _unpack(tar: TarIndex, layout: Path, path: Path) -> None:
    """Writes the members of a layout, by names that lead nowhere else."""
    names = tar.names
    if odd := next((name for name in names if not _OF_LAYOUT.fullmatch(name)), None):
        raise UsageError(f"holds {odd[:80]!r} beside a layout, and is not changed", where=str(path))
    with _disk(path):
        for name, member in names.items():
            target, source = layout / name, tar.open(member)
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                while chunk := source.read(_CHUNK_BYTES):
                    file.write(chunk)


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutsideError(f"cannot be changed: {error.strerror or error}", where=str(path)) from error
