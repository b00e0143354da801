# SPDX-License-Identifier: Apache-2.0
"""Permission events of the kernel, fanotify(7), by the C library: a program waits until it is answered for."""

import ctypes
import errno
import os
import struct
from collections.abc import Iterator
from enum import IntFlag
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tidegate.bounds import KIB
from tidegate.errors import OutsideError
from tidegate.values import Struct

_CLASS_CONTENT: Final = 0x4
_CLOEXEC: Final = 0x1
_NONBLOCK: Final = 0x2
_UNLIMITED_QUEUE: Final = 0x10
_UNLIMITED_MARKS: Final = 0x20
_MARK_ADD: Final = 0x1
_MARK_MOUNT: Final = 0x10
_MARK_FILESYSTEM: Final = 0x100
_ALLOW: Final = 1
_DENY: Final = 2
_VERSION: Final = 3
_METADATA: Final = struct.Struct("=IBBHQii")
_RESPONSE: Final = struct.Struct("=iI")
_READ_BYTES: Final = 4 * KIB
"""About 170 events; a larger one is given back by each read."""
_AT_FDCWD: Final = -100


class Mask(IntFlag):
    """What is asked for."""

    OPEN = 0x10000
    EXECUTE = 0x40000


_OVERFLOW: Final = 0x4000
_EXECUTE: Final = int(Mask.EXECUTE)


class Event(Struct, frozen=True, gc=False):
    """A process that waits.

    Attributes:
        executes: it is about to run the file, else to open it.
        is_lost: nobody waits: the kernel lost events.
        file: an open file descriptor of what it does that to; -1 when events were lost.
        pid: of the process, as this process sees it; 0 when it cannot see it.
    """

    executes: bool
    is_lost: bool
    file: int
    pid: int


class Fanotify:
    """A group of permission events. Every event must be answered, or its program waits for ever.

    When this process ends, however it ends, the kernel lets everything through that waits.

    Raises:
        OutsideError: the kernel has no such events, or this process may not have them.
    """

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        # An endless queue: a full one would let programs through unseen.
        flags = _CLASS_CONTENT | _CLOEXEC | _NONBLOCK | _UNLIMITED_QUEUE | _UNLIMITED_MARKS
        self._file: int = self._libc.fanotify_init(flags, os.O_RDONLY | os.O_CLOEXEC | os.O_LARGEFILE)
        if self._file < 0:
            raise _failed("permission events of the kernel are not to be had", "fanotify")

    def fileno(self) -> int:
        """For waiting until there are events."""
        return self._file

    def mark_filesystem(self, path: Path, mask: Mask) -> None:
        """Asks for events of the whole file system that `path` lies on, in every mount of it.

        Raises:
            OutsideError: it is gone, or its kind has no such events.
        """
        self._mark(_MARK_FILESYSTEM, path, mask)

    def mark_mount(self, path: Path, mask: Mask) -> None:
        """Asks for events of one mount.

        Raises:
            OutsideError: it is gone.
        """
        self._mark(_MARK_MOUNT, path, mask)

    def events(self) -> Iterator[Event]:
        """The events that wait, each to be answered once.

        Raises:
            OutsideError: the kernel speaks another version.
        """
        try:
            data = os.read(self._file, _READ_BYTES)
        except BlockingIOError:
            return
        at = 0
        while at + _METADATA.size <= len(data):
            length, version, _, _, mask, file, pid = _METADATA.unpack_from(data, at)
            if version != _VERSION or length < _METADATA.size:
                raise OutsideError(f"the kernel speaks version {version} of its events", where="fanotify")
            yield Event(bool(mask & _EXECUTE), bool(mask & _OVERFLOW), file, pid)
            at += length

    def answer(self, event: Event, *, allow: bool) -> None:
        """Lets a program go on, or fails what it does with EPERM."""
        if event.file < 0:
            return
        try:
            os.write(self._file, _RESPONSE.pack(event.file, _ALLOW if allow else _DENY))
        except FileNotFoundError:  # it was killed while it waited
            pass
        finally:
            os.close(event.file)

    def close(self) -> None:
        """Lets everything through from here on."""
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _mark(self, what: int, path: Path, mask: Mask) -> None:
        done = self._libc.fanotify_mark(
            ctypes.c_int(self._file),
            ctypes.c_uint(_MARK_ADD | what),
            ctypes.c_uint64(mask),
            ctypes.c_int(_AT_FDCWD),
            os.fsencode(path),
        )
        if done < 0:
            raise _failed("it cannot be watched", str(path))


def _failed(what: str, where: str) -> OutsideError:
    number = ctypes.get_errno()
    remedy = "run it as root with CAP_SYS_ADMIN" if number == errno.EPERM else ""
    return OutsideError(f"{what}: {os.strerror(number)}", where=where, remedy=remedy)
