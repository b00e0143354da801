# SPDX-License-Identifier: Apache-2.0
"""Folders builds happen in: one a build, gone after it; what a killed build left is cleared by the next."""

import fcntl
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from tidegate.builders.program import MARK
from tidegate.errors import OutsideError

_LOCK: Final = ".lock"
_ROUNDS: Final = 50
_PAUSE_SECONDS: Final = 0.1
_MAX_PROC_BYTES: Final = 4 << 20


@contextmanager
def open_workspace(parent: Path) -> Iterator[Path]:
    """A new folder for one build, after what killed ones left was cleared; leaving the block clears it.

    Its lock is held as long as this process lives, whatever ends it.

    Raises:
        OutsideError: the disk refused.
    """
    try:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        clear_abandoned(parent)
        folder = parent / secrets.token_hex(8)
        lock = folder.with_suffix(_LOCK)
        with lock.open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            folder.mkdir(mode=0o700)
            try:
                yield folder
            finally:
                clear(folder)
                lock.unlink(missing_ok=True)
    except OSError as error:
        raise OutsideError(f"cannot be built in: {error.strerror or error}", where=str(parent)) from error


def short_folder(workspace: Path) -> Path:
    """Beside a workspace, a folder with a short path, which podman demands for its runtime state; cleared with it."""
    return Path(tempfile.gettempdir()) / f"tg-{workspace.name}"


def clear_abandoned(parent: Path) -> None:
    """Clears what builds left whose process is gone.

    Raises:
        OutsideError: the disk refused.
    """
    for folder in [one for one in parent.iterdir() if one.is_dir()]:
        lock = folder.with_suffix(_LOCK)
        with lock.open("a") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            clear(folder)
            lock.unlink(missing_ok=True)


def clear(folder: Path) -> None:
    """Ends every process of a build, undoes its mounts and deletes its folder.

    Raises:
        OutsideError: something of it cannot be deleted.
    """
    _end_processes(folder)
    for one in (short_folder(folder), folder):
        for place in sorted(_mounts_below(one), key=len, reverse=True):
            subprocess.run(["umount", "-l", place], stdin=subprocess.DEVNULL, capture_output=True, check=False)
        _delete(one)


def _delete(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists() and (program := shutil.which("buildah") or shutil.which("podman")):
        # Files of other users of a user namespace: only inside it they may be deleted.
        subprocess.run(
            [program, "unshare", "rm", "-rf", str(folder)], stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    if folder.exists():
        raise OutsideError("cannot be deleted", where=str(folder), remedy="delete it by hand; it is of no use")


def _end_processes(folder: Path) -> None:
    for _ in range(_ROUNDS):
        found = [pid for pid in _processes() if _is_of(pid, folder)]
        if not found:
            return
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_PAUSE_SECONDS)


def _processes() -> list[int]:
    own = os.getpid()
    return [int(one.name) for one in Path("/proc").iterdir() if one.name.isdecimal() and int(one.name) != own]


def _is_of(pid: int, folder: Path) -> bool:
    """True for a process a builder began, or whose root file system lies in the folder; not for one that has ended."""
    mark = f"{MARK}={folder.name}\0".encode()
    if mark in _read(f"/proc/{pid}/environ"):
        return True
    inside = str(folder).encode()
    return any(inside in line and line.split()[4:5] == [b"/"] for line in _read(f"/proc/{pid}/mountinfo").splitlines())


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - thousands of them
            return file.read(_MAX_PROC_BYTES)
    except OSError:
        return b""


def _mounts_below(folder: Path) -> list[str]:
    places = [line.split()[4].decode("unicode_escape") for line in _read("/proc/self/mountinfo").splitlines()]
    return [place for place in places if place.startswith(f"{folder.resolve()}/")]
