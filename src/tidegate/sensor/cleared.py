# SPDX-License-Identifier: Apache-2.0
"""Programs of images that were judged and let run: what is the same in all that was judged needs no judging again.

Nearly all that waits for an answer was answered before, and every program of a node's containers waits. So what is
remembered is exact and cheap to compare: who asks, the path, and the file by everything that changes when it does. Its
place in the writable layer is looked at each time: a file of the image leaves it, for its copy there, the moment that
anything of it is changed, renamed or removed.
"""

import os
import time
from typing import Final

from tidegate.bounds import KIB
from tidegate.sensor.fanotify import Event
from tidegate.values import Struct

_MAX_REMEMBERED: Final = 50_000
_MAX_CGROUPS_BYTES: Final = 64 * KIB
_SAME_SECONDS: Final = 0.01
"""For so long a number is the same process, in the same place: its program, the loader of that, and its libraries."""


class Whose(Struct, frozen=True, gc=False):
    """Who asks.

    Attributes:
        namespace: of the mounts that the process sees; "" when it is gone.
        cgroups: that it is in, as the kernel has them.
    """

    namespace: str
    cgroups: bytes


_NOBODY: Final = Whose("", b"")


class Asked(Struct, frozen=True, gc=False):
    """What a judgement depends on, as far as it is not the same for everybody.

    Attributes:
        whose: who asks.
        path: of the file.
        executes: it is to run, else to be opened.
        device, number: of the file.
        changed, modified, size: likewise (`st_ctime_ns`, `st_mtime_ns`, `st_size`).
    """

    whose: Whose
    path: str
    executes: bool
    device: int
    number: int
    changed: int
    modified: int
    size: int


class Cleared:
    """What was let run. To be closed by its owner."""

    def __init__(self) -> None:
        self._proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self._files = os.open("/proc/self/fd", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self._above: dict[Asked, str] = {}
        self._turn = 0
        self._last, self._last_pid, self._until = _NOBODY, 0, 0.0

    def asked(self, event: Event, file: os.stat_result) -> Asked:
        """What an event asks."""
        return Asked(
            self._whose(event.pid),
            os.readlink(str(event.file), dir_fd=self._files),
            event.executes,
            file.st_dev,
            file.st_ino,
            file.st_ctime_ns,
            file.st_mtime_ns,
            file.st_size,
        )

    def _whose(self, pid: int) -> Whose:
        now = time.monotonic()
        if pid == self._last_pid and now < self._until:
            return self._last
        try:
            namespace = os.readlink(f"{pid}/ns/mnt", dir_fd=self._proc)
            cgroups = os.open(f"{pid}/cgroup", os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._proc)
            try:
                found = Whose(namespace, os.read(cgroups, _MAX_CGROUPS_BYTES))
            finally:
                os.close(cgroups)
        except OSError:  # it was killed, or runs where this process sees nothing
            found = _NOBODY
        self._last, self._last_pid, self._until = found, pid, now + _SAME_SECONDS
        return found

    def knows(self, asked: Asked, turn: int) -> bool:
        """True when the same was judged and let run, and the writable layer has nothing in its place.

        Args:
            asked: of an event.
            turn: what is watched, as a number that changes with it; with another one nothing is known.
        """
        if turn != self._turn:
            self._above.clear()
            self._turn = turn
        above = self._above.get(asked)
        return above is not None and not (above and os.access(above, os.F_OK, follow_symlinks=False))

    def remember(self, asked: Asked, above: str) -> None:
        """Remembers what was let run because it is of the image.

        Args:
            asked: what was judged.
            above: where the writable layer would have it; "" when there is none.
        """
        if len(self._above) >= _MAX_REMEMBERED:
            self._above.clear()
        self._above[asked] = above

    def close(self) -> None:
        """Remembers nothing more."""
        self._above.clear()
        os.close(self._proc)
        os.close(self._files)
