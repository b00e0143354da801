# SPDX-License-Identifier: Apache-2.0
"""What the kernel tells of processes, judged: programs without a file, shells, more rights than a container began with.

The process is looked at after it happened: one that is gone by then is not seen.
"""

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tidegate.execution.confinement import ConfinementClass, weaknesses
from tidegate.execution.observation import Act, Container, clean
from tidegate.sensor.confined import confined_by, security_label, status_fields
from tidegate.sensor.connector import Happened, ProcessEvent
from tidegate.sensor.watching import node_process
from tidegate.values import Struct

_SHELLS: Final = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "csh", "tcsh"})
_MANY_IN_ONE: Final = frozenset({"busybox", "toybox"})
_DELETED: Final = " (deleted)"
_MAX_STATUS_BYTES: Final = 8192
_MAX_REMEMBERED: Final = 10_000
_FULL: Final = (1 << 64) - 1


class Noticed(Struct, frozen=True, kw_only=True):
    """Something about a process."""

    act: Act
    path: str
    program: str
    pid: int
    what: str


class Processes:
    """Judges what happens.

    Args:
        container_of: the container of a process; None for one of the node.
        demanded_of: how its processes are to be confined; None for anyhow.
    """

    def __init__(
        self,
        container_of: Callable[[int], Container | None],
        demanded_of: Callable[[Container], ConfinementClass | None] = lambda _: None,
    ) -> None:
        self._container_of = container_of
        self._demanded_of = demanded_of
        self._bounds: dict[str, int] = {}
        self._outside = {_root(os.getpid()), _root(node_process())}

    def begin_with(self, container: Container, pid: int) -> None:
        """Remembers the most rights that a container's first process may have."""
        if container.id not in self._bounds and not self.is_of_the_runtime(pid):
            if len(self._bounds) >= _MAX_REMEMBERED:
                self._bounds.clear()
            self._bounds[container.id] = _number(_status(pid), "CapBnd", _FULL)

    def weak(self, container: Container, pid: int) -> list[Noticed]:
        """Where a process is confined less than is demanded."""
        demanded = self._demanded_of(container)
        if demanded is None or self.is_of_the_runtime(pid):
            return []
        status = _status(pid)
        return self._weak(demanded, pid, status, _program_of(pid)) if status else []

    def judge(self, event: ProcessEvent) -> tuple[Container, list[Noticed]] | None:
        """What is told of an event; None for what is not of a container."""
        container = self._container_of(event.pid)
        if container is None or self.is_of_the_runtime(event.pid):
            return None
        try:
            path = os.readlink(f"/proc/{event.pid}/exe")  # noqa: PTH115 - 10x faster
        except OSError:  # it is gone
            return None
        status = _status(event.pid)
        program = clean(status.get("Name", ""))
        found: list[Noticed] = []

        def note(act: Act, what: str) -> None:
            found.append(Noticed(act=act, path=clean(path), program=program, pid=event.pid, what=what))

        if event.happened is Happened.USER_CHANGED:
            if event.effective == 0 and event.real != 0:
                note(Act.PRIVILEGED, f"user {event.real} acts as root")
            return container, found
        self._executed(event.pid, path, status, container, note)
        demanded = self._demanded_of(container)
        return container, found if demanded is None else [*found, *self._weak(demanded, event.pid, status, path)]

    def _weak(self, demanded: ConfinementClass, pid: int, status: Mapping[str, str], path: str) -> list[Noticed]:
        label = security_label(Path("/proc", str(pid))) if demanded.lsm else ""
        program = clean(status.get("Name", ""))
        return [
            Noticed(act=Act.WEAK, path=clean(path), program=program, pid=pid, what=f"{demanded.name}: {one.what}")
            for one in weaknesses(demanded, confined_by(status, label))
        ]

    def _executed(
        self, pid: int, path: str, status: dict[str, str], container: Container, note: Callable[[Act, str], None]
    ) -> None:
        if path.startswith("/memfd:"):
            note(Act.FILELESS, "its program lies in memory only")
        elif path.endswith(_DELETED):
            note(Act.FILELESS, "its program has no name any more")
        name = os.path.basename(path)  # noqa: PTH119 - 10x faster
        if name in _SHELLS or (name in _MANY_IN_ONE and status.get("Name") in _SHELLS):
            note(Act.SHELL, _words(pid))
        users = status.get("Uid", "").split()
        if len(users) > 1 and users[0] != "0" and users[1] == "0":
            note(Act.PRIVILEGED, f"user {users[0]} runs it as root ({_mode(pid)})")
        bound = self._bounds.get(container.id, _FULL)
        if more := _number(status, "CapEff", 0) & ~bound:
            note(Act.PRIVILEGED, f"has capabilities that its container has not: {more:#x}")

    def is_of_the_runtime(self, pid: int) -> bool:
        """True for a runtime's process that has not gone into the container's root yet."""
        return _root(pid) in self._outside


def _root(pid: int) -> tuple[int, int]:
    try:
        found = os.stat(f"/proc/{pid}/root")  # noqa: PTH116 - 10x faster
    except OSError:
        return (0, 0)
    return (found.st_dev, found.st_ino)


def _mode(pid: int) -> str:
    try:
        mode = os.stat(f"/proc/{pid}/exe").st_mode  # noqa: PTH116 - 10x faster
    except OSError:
        return "it is gone"
    return "set-uid" if mode & stat.S_ISUID else "without set-uid"


def _words(pid: int) -> str:
    return clean(_text(f"/proc/{pid}/cmdline").replace("\0", " ").strip(), 200)


def _status(pid: int) -> dict[str, str]:
    return status_fields(_text(f"/proc/{pid}/status"))


def _program_of(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/exe")  # noqa: PTH115 - no path but what the kernel says
    except OSError:
        return ""


def _number(status: dict[str, str], name: str, otherwise: int) -> int:
    try:
        return int(status[name], 16)
    except (KeyError, ValueError):
        return otherwise


def _text(path: str) -> str:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - 10x faster
            return file.read(_MAX_STATUS_BYTES).decode("utf-8", "surrogateescape")
    except OSError:
        return ""
