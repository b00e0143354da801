# SPDX-License-Identifier: Apache-2.0
"""What a container wrote: the upper folder of its overlay as one OCI layer (image-spec 1.1 `layer.md`), and as a list.

The kernel marks what was removed by a device with the numbers 0:0, and a folder that hides the image's by an attribute
(Documentation/filesystems/overlayfs.rst); a layer says the same by names beginning with `.wh.`.
"""

import hashlib
import os
import stat
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tidegate.artifact import Digest
from tidegate.bounds import GIB, printable
from tidegate.execution.capture import ChangedFile

MAX_WRITTEN_BYTES: Final = 4 * GIB
MAX_CHANGES: Final = 500_000
_OPAQUE: Final = ("trusted.overlay.opaque", "user.overlay.opaque")
_EXECUTABLE: Final = 0o111
_KINDS: Final = (
    (stat.S_ISREG, "file"), (stat.S_ISDIR, "folder"), (stat.S_ISLNK, "link"), (stat.S_ISFIFO, "pipe"),
    (stat.S_ISSOCK, "socket"), (stat.S_ISCHR, "device"), (stat.S_ISBLK, "device"),
)  # fmt: skip


@dataclass(slots=True)
class Written:
    """Writes the layer while it makes the list.

    Args:
        upper: the folder that took all changes.
        lower: the image's folders, topmost first.
        left_out: is told of what was not kept.
    """

    upper: Path
    lower: Sequence[str]
    left_out: list[str]
    changes: list[ChangedFile] = field(default_factory=list)
    _bytes: int = 0

    def write(self, sink: Any) -> None:
        """Writes the layer as a tar stream, folder by folder in the order of names."""
        with tarfile.open(fileobj=sink, mode="w|", format=tarfile.PAX_FORMAT) as tar:
            for inside in self._walk():
                self._add(tar, inside)

    def _walk(self) -> Iterator[str]:
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            try:
                entries = sorted(os.scandir(self.upper / folder), key=lambda entry: entry.name, reverse=True)
            except OSError as error:
                self.left_out.append(f"/{printable(folder)}: {(error.strerror or 'cannot be read').lower()}")
                continue
            for entry in reversed(entries):
                if len(self.changes) >= MAX_CHANGES:
                    self.left_out.append(f"changes over the bound of {MAX_CHANGES}")
                    return
                yield f"{folder}/{entry.name}" if folder else entry.name
            waiting += [
                f"{folder}/{entry.name}" if folder else entry.name
                for entry in entries
                if entry.is_dir(follow_symlinks=False)
            ]

    def _add(self, tar: tarfile.TarFile, inside: str) -> None:
        path = self.upper / inside
        try:
            state = path.lstat()
        except OSError:
            return
        head, _, name = inside.rpartition("/")
        if stat.S_ISCHR(state.st_mode) and state.st_rdev == 0:
            tar.addfile(tarfile.TarInfo(f"{head}/.wh.{name}" if head else f".wh.{name}"))
            self.changes.append(ChangedFile(path=f"/{printable(inside)}", change="removed"))
            return
        if stat.S_ISSOCK(state.st_mode):  # a tar has no word for it
            self._note(inside, state, None)
            return
        try:
            digest = self._put(tar, path, inside, state)
        except OSError as error:
            self.left_out.append(f"/{printable(inside)}: {(error.strerror or 'cannot be read').lower()}")
            return
        if stat.S_ISDIR(state.st_mode):
            if _is_opaque(path):
                tar.addfile(tarfile.TarInfo(f"{inside}/.wh..wh..opq"))
            elif self._is_below(inside):
                return  # there because of what is in it, or its attributes changed
        self._note(inside, state, digest)

    def _put(self, tar: tarfile.TarFile, path: Path, inside: str, state: os.stat_result) -> Digest | None:
        info = tar.gettarinfo(str(path), arcname=inside)
        info.uname = info.gname = ""
        if not stat.S_ISREG(state.st_mode) or not info.isreg():
            tar.addfile(info)
            return None
        # Opened before it is written of: the file may grow, shrink or become a link while it is read.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
            info.size = os.fstat(file.fileno()).st_size
            if self._bytes + info.size > MAX_WRITTEN_BYTES:
                self.left_out.append(f"/{printable(inside)}: {info.size} bytes, over the bound of {MAX_WRITTEN_BYTES}")
                return None
            self._bytes += info.size
            reading = _Hashing(file, info.size)
            tar.addfile(info, reading)
            return reading.digest

    def _note(self, inside: str, state: os.stat_result, digest: Digest | None) -> None:
        kind = next((word for fits, word in _KINDS if fits(state.st_mode)), "")
        self.changes.append(
            ChangedFile(
                path=f"/{printable(inside)}",
                change="changed" if self._is_below(inside) else "added",
                kind=kind,
                mode=f"{stat.S_IMODE(state.st_mode):o}",
                user=state.st_uid,
                group=state.st_gid,
                size=state.st_size if kind == "file" else 0,
                digest=digest,
                is_executable=kind == "file" and bool(state.st_mode & _EXECUTABLE),
            )
        )

    def _is_below(self, inside: str) -> bool:
        """Whether the image has something there; one of its layers may have removed it again."""
        for folder in self.lower:
            try:
                state = os.lstat(f"{folder}/{inside}")
            except OSError:
                continue
            return not (stat.S_ISCHR(state.st_mode) and state.st_rdev == 0)
        return False


class _Hashing:
    """Reads as many bytes as were promised: zeros for those a file lost meanwhile."""

    def __init__(self, file: Any, size: int) -> None:
        self._file = file
        self._left = size
        self._hash = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        data: bytes = self._file.read(wanted)
        data += b"\0" * (wanted - len(data))
        self._left -= len(data)
        self._hash.update(data)
        return data

    @property
    def digest(self) -> Digest:
        return Digest("sha256:" + self._hash.hexdigest())


def _is_opaque(folder: Path) -> bool:
    for name in _OPAQUE:
        try:
            if os.getxattr(folder, name, follow_symlinks=False) == b"y":
                return True
        except OSError:
            continue
    return False
