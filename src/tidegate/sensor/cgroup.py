# SPDX-License-Identifier: Apache-2.0
"""A container's cgroup: stopped, let go on, and ended; in the unified hierarchy and in the older one with its freezer.

cgroup-v2 (`cgroup.freeze`, `cgroup.kill`) and freezer-subsystem of the kernel's documentation.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from tidegate.errors import NotFoundError, OutsideError
from tidegate.sensor.mounts import mounts_of
from tidegate.values import Struct

_WAIT_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.01
_FIELDS: Final = 3


class Cgroup(Struct, frozen=True, kw_only=True):
    """Where a container's processes are held together.

    Attributes:
        folder: of the group.
        is_unified: it has the files of cgroup v2.
    """

    folder: Path
    is_unified: bool

    def freeze(self, *, stop: bool) -> None:
        """Stops all its processes, or lets them go on; returns once they are.

        Raises:
            OutsideError: the kernel does not do it.
        """
        if self.is_unified:
            self._write("cgroup.freeze", "1" if stop else "0")
            wanted = f"frozen {int(stop)}"
            self._wait("cgroup.events", lambda text: wanted in text)
        else:
            state = "FROZEN" if stop else "THAWED"
            self._write("freezer.state", state)
            self._wait("freezer.state", lambda text: text.strip() == state)

    def is_frozen(self) -> bool:
        """True when it is stopped. Raises as `freeze`."""
        name, word = ("cgroup.events", "frozen 1") if self.is_unified else ("freezer.state", "FROZEN")
        return word in self._read(name)

    def kill(self) -> int:
        """Ends all its processes, also those that are stopped; returns how many were seen.

        Raises:
            OutsideError: some are still there after ten seconds.
        """
        seen: set[int] = set()
        ends = time.monotonic() + _WAIT_SECONDS
        while processes := set(self.processes()):
            seen |= processes
            if self.is_unified and (self.folder / "cgroup.kill").exists():
                self._write("cgroup.kill", "1")
            else:
                for pid in processes:
                    self._end(pid)
                with suppress(OutsideError):  # what is stopped does not die before it goes on
                    self._write("cgroup.freeze" if self.is_unified else "freezer.state", self._going)
            if time.monotonic() > ends:
                raise OutsideError(f"{len(processes)} processes are still there", where=str(self.folder))
            time.sleep(_LOOK_SECONDS)
        return len(seen)

    def processes(self) -> Iterator[int]:
        """Its processes, and those of groups within it."""
        for folder, _, _ in os.walk(self.folder):
            with suppress(OSError):
                yield from map(int, (Path(folder) / "cgroup.procs").read_text(encoding="ascii").split())

    @property
    def _going(self) -> str:
        return "0" if self.is_unified else "THAWED"

    def _end(self, pid: int) -> None:
        try:
            process = os.pidfd_open(pid)
        except OSError:  # it is gone
            return
        try:
            if pid in set(self.processes()):  # and not another one by its number
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(process, signal.SIGKILL)
        finally:
            os.close(process)

    def _wait(self, name: str, is_so: Callable[[str], bool]) -> None:
        ends = time.monotonic() + _WAIT_SECONDS
        while not is_so(self._read(name)):
            if time.monotonic() > ends:
                raise OutsideError("the kernel does not come to it", where=str(self.folder / name))
            time.sleep(_LOOK_SECONDS)

    def _read(self, name: str) -> str:
        try:
            return (self.folder / name).read_text(encoding="ascii")
        except OSError as error:
            raise OutsideError(f"cannot be read: {error.strerror}", where=str(self.folder / name)) from error

    def _write(self, name: str, text: str) -> None:
        try:
            (self.folder / name).write_text(text, encoding="ascii")
        except OSError as error:
            raise OutsideError(f"cannot be set: {error.strerror}", where=str(self.folder / name)) from error


def cgroup_of(pid: int, container: str) -> Cgroup:
    """The group of a container, by one of its processes.

    Raises:
        NotFoundError: the process is not in it, or gone.
        OutsideError: no hierarchy that can stop processes is mounted.
    """
    unified = freezer = ""
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError as error:
        raise NotFoundError("the process is gone", where=str(pid)) from error
    for line in lines:
        _, controllers, path = [*line.split(":", _FIELDS - 1), "", ""][:_FIELDS]
        if not controllers:
            unified = path
        elif "freezer" in controllers.split(","):
            freezer = path
    for path, kind, wanted in ((freezer, "cgroup", "freezer"), (unified, "cgroup2", "")):
        within = _up_to(path, container)
        for mount in mounts_of(Path("/proc/self/mountinfo")) if within else ():
            if mount.kind == kind and (not wanted or wanted in mount.options):
                inside = os.path.relpath(within, mount.root) if mount.root != "/" else within.lstrip("/")
                folder = Path(mount.point) / inside
                if folder.is_dir() and (folder / ("cgroup.freeze" if not wanted else "freezer.state")).exists():
                    return Cgroup(folder=folder, is_unified=not wanted)
    if not any(_up_to(path, container) for path in (unified, freezer)):
        raise NotFoundError("the process is not in this container", where=container[:12])
    raise OutsideError("no cgroup hierarchy that stops processes is to be had", where=container[:12])


def _up_to(path: str, container: str) -> str:
    """The part of a cgroup's path up to the container: what it makes within is held with it."""
    parts = path.split("/")
    places = [at for at, part in enumerate(parts) if container in part]
    return "/".join(parts[: places[-1] + 1]) if places else ""
