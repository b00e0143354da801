# SPDX-License-Identifier: Apache-2.0
"""What a container wrote: the upper folder of its overlay as one OCI layer (image-spec 1.1 `layer.md`), and as a list.

The kernel marks what was removed by a device with the numbers 0:0, and a folder that hides the image's by an attribute
(Documentation/filesystems/overlayfs.rst); a layer says the same by names beginning with `.wh.`.

The container goes on meanwhile, and may put anything in the place of anything: each folder is reached without
following a link, and nothing is opened that is not a regular file, neither a pipe, which would wait, nor a device.
"""

import hashlib
import os
import stat
import tarfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

from tidegate.artifact import Digest
from tidegate.bounds import GIB, MIB, printable
from tidegate.execution.capture import ChangedFile

MAX_WRITTEN_BYTES: Final = 4 * GIB
MAX_CHANGES: Final = 500_000
MAX_NAMES_BYTES: Final = 64 * MIB
"""Of all paths together, which the list of changes is made of."""
MAX_DEPTH: Final = 256
LARGE_BYTES: Final = 64 * MIB
"""Longer files come last, the shortest of them first: one that is made to be huge pushes no other out."""
_OPAQUE: Final = ("trusted.overlay.opaque", "user.overlay.opaque")
_REMOVED: Final = ".wh."
_EXECUTABLE: Final = 0o111
_KINDS: Final = (
    (stat.S_ISREG, "file"), (stat.S_ISDIR, "folder"), (stat.S_ISLNK, "link"), (stat.S_ISFIFO, "pipe"),
    (stat.S_ISSOCK, "socket"), (stat.S_ISCHR, "device"), (stat.S_ISBLK, "device"),
)  # fmt: skip
_TYPES: Final = {
    stat.S_IFDIR: tarfile.DIRTYPE, stat.S_IFLNK: tarfile.SYMTYPE, stat.S_IFIFO: tarfile.FIFOTYPE,
    stat.S_IFCHR: tarfile.CHRTYPE, stat.S_IFBLK: tarfile.BLKTYPE,
}  # fmt: skip
_PLACE: Final = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class _Folder:
    """An open folder of the upper layer, and those of the image's layers that show beneath it, topmost first."""

    inside: str
    upper: int
    lower: tuple[int, ...]

    def path(self, name: str) -> str:
        return f"{self.inside}/{name}" if self.inside else name


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
    _names: int = 0
    _linked: dict[tuple[int, int], str] = field(default_factory=dict)
    _large: list[tuple[int, str]] = field(default_factory=list)

    def write(self, sink: Any) -> None:
        """Writes the layer as a tar stream, folder by folder in the order of names, and large files after them."""
        with tarfile.open(fileobj=sink, mode="w|", format=tarfile.PAX_FORMAT) as tar:
            waiting = [""]
            while waiting and not self._is_full():
                waiting += reversed(self._take_folder(tar, waiting.pop()))
            for _, inside in sorted(self._large):
                self._take_large(tar, inside)

    def _is_full(self) -> bool:
        if len(self.changes) >= MAX_CHANGES:
            self.left_out.append(f"changes over the bound of {MAX_CHANGES}")
        elif self._names >= MAX_NAMES_BYTES:
            self.left_out.append(f"changes whose paths are over the bound of {MAX_NAMES_BYTES} bytes")
        else:
            return False
        return True

    def _take_folder(self, tar: tarfile.TarFile, inside: str) -> list[str]:
        """What lies in one folder; returns the folders in it."""
        if inside.count("/") >= MAX_DEPTH:
            self._leave_out(inside, f"folders over the depth of {MAX_DEPTH}")
            return []
        try:
            with ExitStack() as stack:
                folder = self._open(inside, stack)
                with os.scandir(folder.upper) as found:
                    entries = sorted(islice(found, MAX_CHANGES), key=lambda entry: entry.name)
                for entry in entries:
                    if len(self.changes) >= MAX_CHANGES or self._names >= MAX_NAMES_BYTES:
                        return []  # who goes on tells of it
                    self._names += len(folder.path(entry.name))
                    self._add(tar, folder, entry.name)
                return [folder.path(entry.name) for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError as error:
            self._leave_out(inside, (error.strerror or "cannot be read").lower())
            return []

    def _take_large(self, tar: tarfile.TarFile, inside: str) -> None:
        head, _, name = inside.rpartition("/")
        try:
            with ExitStack() as stack:
                folder = self._open(head, stack)
                self._take_file(tar, folder, name)
        except OSError as error:
            self._leave_out(inside, (error.strerror or "cannot be read").lower())

    def _open(self, inside: str, stack: ExitStack) -> _Folder:
        """Opens a folder, and those beneath it as far as they show.

        Raises:
            OSError: it is no folder any more.
        """
        upper = _reach(str(self.upper), inside, stack)
        below: list[int] = []
        for layer in self.lower:
            try:
                found = _reach(layer, inside, stack)
            except NotADirectoryError:
                break  # something else hides what lies beneath it
            except OSError:
                continue
            below.append(found)
            if _is_opaque(found):
                break
        return _Folder(inside, upper, tuple(below))

    def _add(self, tar: tarfile.TarFile, folder: _Folder, name: str) -> None:
        inside = folder.path(name)
        try:
            state = os.stat(name, dir_fd=folder.upper, follow_symlinks=False)
            if stat.S_ISCHR(state.st_mode) and state.st_rdev == 0:
                self._put(tar, tarfile.TarInfo(folder.path(f"{_REMOVED}{name}")))
                self.changes.append(ChangedFile(path=f"/{printable(inside)}", change="removed"))
            elif name.startswith(_REMOVED):
                self._leave_out(inside, "a layer would take it for the word that something was removed")
                self._note(folder, name, state, None)
            elif stat.S_ISSOCK(state.st_mode):  # a tar has no word for it
                self._note(folder, name, state, None)
            elif stat.S_ISREG(state.st_mode) and state.st_size > LARGE_BYTES:
                self._large.append((state.st_size, inside))
            elif stat.S_ISREG(state.st_mode):
                self._take_file(tar, folder, name)
            else:
                self._take_other(tar, folder, name, state)
        except FileNotFoundError:  # it is gone
            return
        except OSError as error:
            self._leave_out(inside, (error.strerror or "cannot be read").lower())

    def _take_other(self, tar: tarfile.TarFile, folder: _Folder, name: str, state: os.stat_result) -> None:
        info = _info(folder.path(name), state)
        if stat.S_ISLNK(state.st_mode):
            info.linkname = os.readlink(name, dir_fd=folder.upper)
        self._put(tar, info)
        if stat.S_ISDIR(state.st_mode):
            with ExitStack() as stack:
                place = os.open(name, _FOLDER, dir_fd=folder.upper)
                stack.callback(os.close, place)
                is_opaque = _is_opaque(place)
            if is_opaque:
                self._put(tar, tarfile.TarInfo(f"{folder.path(name)}/{_REMOVED}{_REMOVED}.opq"))
            elif _is_below(folder, name):
                return  # there because of what is in it, or its attributes changed
        self._note(folder, name, state, None)

    def _take_file(self, tar: tarfile.TarFile, folder: _Folder, name: str) -> None:
        """A regular file; it may grow, shrink or become something else while it is read."""
        inside = folder.path(name)
        place = os.open(name, _PLACE, dir_fd=folder.upper)
        try:
            state = os.fstat(place)
            if not stat.S_ISREG(state.st_mode):
                self._leave_out(inside, "became something else while it was looked at")
                return
            digest = None
            known = self._linked.setdefault((state.st_dev, state.st_ino), inside) if state.st_nlink > 1 else inside
            if known != inside:
                info = _info(inside, state)
                info.type, info.linkname, info.size = tarfile.LNKTYPE, known, 0
                self._put(tar, info)
            elif self._bytes + state.st_size > MAX_WRITTEN_BYTES:
                self._leave_out(inside, f"{state.st_size} bytes, over the bound of {MAX_WRITTEN_BYTES}")
            else:
                self._bytes += state.st_size
                # By the place that was looked at: what lies under its name now may be something that waits.
                with Path(f"/proc/self/fd/{place}").open("rb") as file:
                    reading = _Hashing(file, state.st_size)
                    self._put(tar, _info(inside, state), reading)
                digest = reading.digest
            self._note(folder, name, state, digest)
        finally:
            os.close(place)

    def _put(self, tar: tarfile.TarFile, info: tarfile.TarInfo, content: "_Hashing | None" = None) -> None:
        tar.addfile(info, content)
        tar.members.clear()  # type: ignore[attr-defined]  # its own list of all, which nobody asks for

    def _note(self, folder: _Folder, name: str, state: os.stat_result, digest: Digest | None) -> None:
        kind = next((word for fits, word in _KINDS if fits(state.st_mode)), "")
        self.changes.append(
            ChangedFile(
                path=f"/{printable(folder.path(name))}",
                change="changed" if _is_below(folder, name) else "added",
                kind=kind,
                mode=f"{stat.S_IMODE(state.st_mode):o}",
                user=state.st_uid,
                group=state.st_gid,
                size=state.st_size if kind == "file" else 0,
                digest=digest,
                is_executable=kind == "file" and bool(state.st_mode & _EXECUTABLE),
            )
        )

    def _leave_out(self, inside: str, why: str) -> None:
        self.left_out.append(f"/{printable(inside)}: {why}")


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


def _info(inside: str, state: os.stat_result) -> tarfile.TarInfo:
    info = tarfile.TarInfo(inside)
    info.mode, info.uid, info.gid, info.mtime = stat.S_IMODE(state.st_mode), state.st_uid, state.st_gid, state.st_mtime
    info.type = _TYPES.get(stat.S_IFMT(state.st_mode), tarfile.REGTYPE)
    info.size = state.st_size if info.type == tarfile.REGTYPE else 0
    if info.type in {tarfile.CHRTYPE, tarfile.BLKTYPE}:
        info.devmajor, info.devminor = os.major(state.st_rdev), os.minor(state.st_rdev)
    return info


def _reach(root: str, inside: str, stack: ExitStack) -> int:
    """Opens what lies below a root without following a link; closed with the stack.

    Raises:
        OSError: it is not there; `NotADirectoryError` where something else than a folder is.
    """
    here = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in inside.split("/") if inside else ():
            inner = os.open(part, _FOLDER, dir_fd=here)
            os.close(here)
            here = inner
    except BaseException:
        os.close(here)
        raise
    stack.callback(os.close, here)
    return here


def _is_below(folder: _Folder, name: str) -> bool:
    """Whether the image has something there; one of its layers may have removed it again."""
    for layer in folder.lower:
        try:
            state = os.stat(name, dir_fd=layer, follow_symlinks=False)
        except OSError:
            continue
        return not (stat.S_ISCHR(state.st_mode) and state.st_rdev == 0)
    return False


def _is_opaque(folder: int) -> bool:
    for name in _OPAQUE:
        try:
            if os.getxattr(folder, name) == b"y":
                return True
        except OSError:
            continue
    return False
