# SPDX-License-Identifier: Apache-2.0
"""The tree of a commit, or of the index, as files of a folder of its own: git's objects, never the work tree.

Paths are hostile: only names that lead down are written, links and submodules are passed over, so nothing leads out.
Neither filters nor attributes of the repository run, for objects are read as they are.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from tidegate.bounds import GIB, KIB, MIB
from tidegate.development.git.repository import Repository, TreeFile
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.scan.git_program import git_output

MAX_FILES: Final = 200_000
MAX_BYTES: Final = 4 * GIB
"""Of all files together."""
MAX_FILE_BYTES: Final = 64 * MIB
"""A larger file is passed over: no lock file and no Dockerfile is that long."""

_MAX_LINE: Final = 64 * KIB
_FIELDS: Final = 3
_REGULAR: Final = frozenset({"100644", "100755", "100664"})


def files_of_commit(repository: Repository, commit: str, below: str) -> tuple[TreeFile, ...]:
    """Regular files of a commit's tree below a folder of it ("" for all), their paths relative to that folder.

    Raises:
        BoundExceededError: over `MAX_FILES`.
        InvalidInputError: git cannot read it.
    """
    return _below(repository.files(commit), below, str(repository.folder))


def files_of_index(folder: Path, below: str, *, index: Path | None = None) -> tuple[TreeFile, ...]:
    """Regular files that are staged, their paths relative to a folder of the repository; sizes are not known (0).

    Args:
        folder: of the repository.
        below: the folder within it, "" for all.
        index: the file to read; None for the repository's own.

    Raises:
        BoundExceededError: over `MAX_FILES`.
        InvalidInputError: git cannot read it, or a merge is not finished.
    """
    found: list[TreeFile] = []
    environment = {"GIT_INDEX_FILE": str(index.absolute())} if index else {}
    with git_output(folder, ("ls-files", "--stage", "-z", "--full-name"), environment=environment) as output:
        for record in _records(output):
            head, _, path = record.partition(b"\t")
            mode, blob, stage = head.decode("ascii", "replace").split()
            if stage != "0":
                raise InvalidInputError("a merge is not finished", where=str(folder), remedy="finish it, then stage it")
            found.append(TreeFile(path=path.decode("utf-8", "surrogateescape"), mode=mode, blob=blob, size=0))
            if len(found) > MAX_FILES:
                raise BoundExceededError("MAX_FILES", MAX_FILES, where=str(folder))
    return _below(found, below, str(folder))


def print_of(files: Sequence[TreeFile]) -> str:
    """What tells trees apart: equal for equal paths, modes and contents."""
    told = hashlib.sha256()
    for file in files:
        told.update(f"{file.path}\0{file.mode} {file.blob}\n".encode("utf-8", "surrogateescape"))
    return told.hexdigest()


@contextmanager
def written(folder: Path, files: Sequence[TreeFile]) -> Iterator[Path]:
    """Writes files to a folder that is gone afterwards.

    Args:
        folder: of the repository.
        files: what to write.

    Raises:
        BoundExceededError: over `MAX_BYTES`.
        InvalidInputError: git cannot read an object.
    """
    places: dict[str, list[TreeFile]] = {}
    for file in files:
        if _leads_down(file.path):
            places.setdefault(file.blob, []).append(file)
    with tempfile.TemporaryDirectory(prefix="tidegate-tree-") as name, tempfile.TemporaryFile() as asked:
        asked.writelines(f"{blob}\n".encode() for blob in places)
        asked.seek(0)
        with git_output(folder, ("cat-file", "--batch", "--buffer"), stdin=asked) as output:
            _write_all(output, places, Path(name), str(folder))
        yield Path(name)


def _write_all(output: IO[bytes], places: dict[str, list[TreeFile]], root: Path, where: str) -> None:
    left = MAX_BYTES
    for _ in places:
        header = output.readline(_MAX_LINE).decode("ascii", "replace").split()
        if len(header) != _FIELDS or not header[2].isdecimal():
            raise InvalidInputError(
                "an object of git is missing", where=where, remedy="fetch more of it: git fetch --unshallow"
            )
        size = int(header[2])
        left -= size * len(places.get(header[0], ()))
        if left < 0:
            raise BoundExceededError("MAX_BYTES", MAX_BYTES, where=where)
        content = output.read(size) if size <= MAX_FILE_BYTES else _passed(output, size)
        output.read(1)
        for file in places.get(header[0], ()):
            if size <= MAX_FILE_BYTES:
                _write(root, file, content)


def _write(root: Path, file: TreeFile, content: bytes) -> None:
    path = root / file.path
    with suppress(OSError):  # a name too long for this disk, or a file where a folder should be: no tree of a work tree
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(content)
        if file.mode == "100755":
            path.chmod(0o700)


def _passed(output: IO[bytes], size: int) -> bytes:
    while size > 0 and (piece := output.read(min(size, MIB))):
        size -= len(piece)
    return b""


def _below(files: Iterable[TreeFile], below: str, where: str) -> tuple[TreeFile, ...]:
    prefix = f"{below.strip('/')}/" if below.strip("/.") else ""
    found: list[TreeFile] = []
    for file in files:
        if file.mode in _REGULAR and file.path.startswith(prefix):
            path = file.path[len(prefix) :]
            found.append(TreeFile(path=path, mode=file.mode, blob=file.blob, size=file.size))
            if len(found) > MAX_FILES:
                raise BoundExceededError("MAX_FILES", MAX_FILES, where=where)
    return tuple(sorted(found, key=lambda one: one.path))


def _leads_down(path: str) -> bool:
    parts = path.split("/")
    return "\0" not in path and not any(part in {"", ".", "..", ".git"} for part in parts)


def _records(output: IO[bytes]) -> Iterator[bytes]:
    rest = b""
    while piece := output.read(MIB):
        *whole, rest = (rest + piece).split(b"\0")
        yield from whole
        if len(rest) > MIB:
            raise InvalidInputError("a name in the index of git is too long", where="git ls-files")
