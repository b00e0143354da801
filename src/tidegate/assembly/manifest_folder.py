# SPDX-License-Identifier: Apache-2.0
"""YAML files of a folder that somebody names, and changed ones written back."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from tidegate.bounds import MIB, read_bounded
from tidegate.errors import BoundExceededError, NotFoundError, OutsideError
from tidegate.execution.updates.files import SUFFIXES, ChangedFile

MAX_FILES: Final = 20_000
MAX_FILE_BYTES: Final = 4 * MIB
MAX_ALL_BYTES: Final = 256 * MIB


def manifest_files(path: Path) -> Iterator[tuple[str, bytes]]:
    """YAML files with their paths from the folder on, by name; of a file, itself. Links and hidden folders are left.

    Raises:
        NotFoundError: there is nothing of that name.
        BoundExceededError: more, or larger ones, than is read.
        OutsideError: one cannot be read.
    """
    if path.is_file():
        yield path.name, _content(path)
        return
    if not path.is_dir():
        raise NotFoundError("no such file or folder", where=str(path), remedy="check the path")
    left = MAX_ALL_BYTES
    for count, file in enumerate(_yaml_under(path)):
        if count == MAX_FILES:
            raise BoundExceededError("MAX_FILES", MAX_FILES, where=str(path))
        content = _content(file)
        left -= len(content)
        if left < 0:
            raise BoundExceededError("MAX_ALL_BYTES", MAX_ALL_BYTES, where=str(path))
        yield file.relative_to(path).as_posix(), content


def write_back(path: Path, changed: ChangedFile) -> None:
    """Puts a changed file in the place of the one before, whole or not at all; its mode stays.

    Args:
        path: the folder or file that was read.
        changed: as it was read from there.

    Raises:
        OutsideError: it is another by now, or cannot be written.
    """
    file = path if path.is_file() else path / changed.path
    if _content(file).decode(errors="replace") != changed.before:
        raise OutsideError("was changed meanwhile", where=str(file), remedy="run it again")
    draft = file.with_name(f".{file.name}.tidegate")
    try:
        draft.write_bytes(changed.after.encode())
        draft.chmod(file.stat().st_mode & 0o7777)
        draft.replace(file)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise OutsideError(f"cannot be written: {error.strerror}", where=str(file)) from error


def _yaml_under(folder: Path) -> Iterator[Path]:
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            file = Path(where) / name
            if name.endswith(SUFFIXES) and not file.is_symlink():
                yield file


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return read_bounded(file, max_bytes=MAX_FILE_BYTES, what=str(path))
    except OSError as error:
        raise OutsideError(f"cannot be read: {error.strerror}", where=str(path)) from error
