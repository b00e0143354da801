# SPDX-License-Identifier: Apache-2.0
"""Which container a process belongs to: by its cgroup, with what its runtime's bundle says of it.

No runtime is asked and no library of one is needed: the kernel knows the cgroup of each process, and whoever started a
container (conmon, containerd's shim) knows where its bundle lies (OCI runtime-spec 1.0, config.md).
"""

import os
import pwd
import re
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tidegate.bounds import KIB
from tidegate.clock import rfc3339
from tidegate.execution.observation import Container
from tidegate.sensor.bundle import describe
from tidegate.values import replace

_PROC_READ_BYTES: Final = 4 * KIB
_MAX_PROC_READS: Final = 64
_MAX_ANCESTORS: Final = 5
_MAX_REMEMBERED: Final = 10_000
_DESCRIBED_WITHIN_SECONDS: Final = 10.0
_ID: Final = re.compile(r"(?:^|[/:]|(?<!conmon)-)([0-9a-f]{64})(?:\.scope)?(?=/|$)", re.MULTILINE)
_SHIM: Final = "containerd-shim"
_NO_LOGIN: Final = (1 << 32) - 1
"""What the kernel says of a process that came from no login (`/proc/PID/loginuid`)."""
_BUNDLE: Final = ("-b", "--bundle", "-bundle")


Found = tuple[Container, Sequence[int]]
"""A container with its processes."""


class Containers:
    """Finds containers of processes, and remembers them.

    Args:
        proc: where the process file system is mounted.
    """

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = proc
        self._known: dict[tuple[str, ...], Container] = {}
        self._first_seen: dict[tuple[str, ...], float] = {}
        self._ids: dict[bytes, tuple[str, ...]] = {}

    def of_process(self, pid: int) -> Container | None:
        """The container a process runs in; None when it runs in none, or is gone."""
        return self.of_cgroups(pid, _read(f"{self._proc}/{pid}/cgroup"))

    def of_cgroups(self, pid: int, cgroups: bytes) -> Container | None:
        """The container of a process whose cgroups (/proc/PID/cgroup) were read already.

        Of several within each other it is the innermost that a runtime describes: a process that may make groups could
        name one like a container, to be none of its own any more.
        """
        numbers = self._ids_of(cgroups)
        found = (self._within(pid, numbers[at:]) for at in range(len(numbers)))
        return next(
            (one for one in found if one != Container(id=one.id)), Container(id=numbers[0]) if numbers else None
        )

    def _within(self, pid: int, numbers: tuple[str, ...]) -> Container:
        """The first of these, which lies within the others; under the same id elsewhere it may be another's name."""
        number = numbers[0]
        found = self._known.get(numbers) or self._described(pid, number)
        now = time.monotonic()
        if len(self._first_seen) >= _MAX_REMEMBERED:
            self._first_seen.clear()
        # One that nobody described yet may be described a moment later; after a while nobody will.
        if found != Container(id=number) or now - self._first_seen.setdefault(numbers, now) > _DESCRIBED_WITHIN_SECONDS:
            if len(self._known) >= _MAX_REMEMBERED:
                self._known.clear()
            self._known[numbers] = found
        return found

    def is_settled(self, container: Container, cgroups: bytes) -> bool:
        """True when nothing more will be known of the container of these cgroups than this."""
        numbers = self._ids_of(cgroups)
        return self._known.get(numbers) == container and numbers[0] == container.id

    def running(self) -> dict[str, tuple[Container, list[int]]]:
        """The containers that run, by id, each with its processes in the order of their numbers."""
        found: dict[bytes, list[int]] = {}
        for pid in _processes(self._proc):
            cgroups = _read(f"{self._proc}/{pid}/cgroup")
            if self._ids_of(cgroups):
                found.setdefault(cgroups, []).append(pid)
        known: dict[str, tuple[Container, list[int]]] = {}
        for cgroups, pids in found.items():
            one = self.of_cgroups(pids[0], cgroups)
            if one is not None:
                known.setdefault(one.id, (one, []))[1].extend(pids)
        for _, pids in known.values():
            pids.sort()
        return known

    def _ids_of(self, cgroups: bytes) -> tuple[str, ...]:
        """As `container_ids`; most processes of a node share their cgroups with others, and keep them."""
        if cgroups not in self._ids:
            if len(self._ids) >= _MAX_REMEMBERED:
                self._ids.clear()
            self._ids[cgroups] = container_ids(cgroups.decode("utf-8", "surrogateescape"))
        return self._ids[cgroups]

    def _described(self, pid: int, number: str) -> Container:
        for ancestor in self._ancestors(pid):
            words = _text(f"{self._proc}/{ancestor}/cmdline").split("\0")
            bundle = self._bundle(ancestor, words, number)
            if bundle is not None:
                found = describe(bundle, number, root=self._proc / str(ancestor) / "root")
                if found == Container(id=number):
                    return found
                return replace(found, started_at=_written_at(bundle / "config.json"), starter=self._starter(ancestor))
        return Container(id=number)

    def _starter(self, pid: int) -> str:
        """Who started a container's keeper: the login it came from, or whose process it is; "" for a daemon's."""
        login = _text(f"{self._proc}/{pid}/loginuid").strip()
        if login.isdecimal() and int(login) != _NO_LOGIN:
            return _user(int(login))
        match = re.search(r"^Uid:\s*([0-9]+)", _text(f"{self._proc}/{pid}/status"), re.MULTILINE)
        return _user(int(match[1])) if match is not None and int(match[1]) else ""

    def _ancestors(self, pid: int) -> list[int]:
        found: list[int] = []
        while pid > 1 and len(found) < _MAX_ANCESTORS:
            match = re.search(r"^PPid:\s*([0-9]+)$", _text(f"{self._proc}/{pid}/status"), re.MULTILINE)
            if match is None:
                break
            pid = int(match[1])
            found.append(pid)
        return found

    def _bundle(self, pid: int, words: list[str], number: str) -> Path | None:
        """Where a process that was told of a container's bundle knows it to be; None when it knows none."""
        process = self._proc / str(pid)
        if _SHIM in words[0]:  # started in the bundle of a pod's first container; those of the others lie beside it
            near = process / "cwd" / ".." / number
        elif number in words:
            stated = next((found for option in _BUNDLE if (found := _after(words, option)).startswith("/")), "/")
            near = process / "root" / stated.lstrip("/")
        else:
            return None
        choices = (near, near / "..")  # a session of `exec` has a folder of its own within the bundle
        return next((folder for folder in choices if (folder / "config.json").is_file()), None)


def in_container(pid: int) -> bool:
    """True when a process runs in a container, or is being made one."""
    return bool(container_ids(_text(f"/proc/{pid}/cgroup")))


def is_in_container(pid: int, number: str) -> bool:
    """True when a process runs in this container now."""
    return container_id(_text(f"/proc/{pid}/cgroup")) == number


def container_id(cgroups: str) -> str | None:
    """The container that a process of these cgroups (/proc/PID/cgroup) runs in."""
    found = container_ids(cgroups)
    return found[0] if found else None


def container_ids(cgroups: str) -> tuple[str, ...]:
    """The containers it may run in, innermost first: one in another, or groups that a process made itself."""
    return tuple(dict.fromkeys(reversed(_ID.findall(cgroups))))


def _processes(proc: Path) -> Iterator[int]:
    return (int(name) for name in os.listdir(proc) if name.isdecimal())  # noqa: PTH208 - names only


def _after(words: list[str], option: str) -> str:
    try:
        return words[words.index(option) + 1]
    except (ValueError, IndexError):
        return ""


def _text(path: str) -> str:
    return _read(path).decode("utf-8", "surrogateescape")


def _read(path: str) -> bytes:
    """What a file of /proc tells; nothing when its process is gone."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    found: list[bytes] = []
    try:
        while len(found) < _MAX_PROC_READS:
            found.append(os.read(file, _PROC_READ_BYTES))
            if len(found[-1]) < _PROC_READ_BYTES:  # these are one record each: what comes short is the end
                break
    except OSError:
        return b""
    finally:
        os.close(file)
    return b"".join(found)


def _written_at(config: Path) -> str:
    """When a runtime wrote a container's configuration, which is when it was started; "" when it is gone."""
    try:
        return rfc3339(datetime.fromtimestamp(int(config.stat().st_mtime), UTC))
    except OSError:
        return ""


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
