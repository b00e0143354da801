# SPDX-License-Identifier: Apache-2.0
"""What is watched: every overlay as soon as it is mounted, and what else a container could run programs from.

Runtimes mount a container's root before they start it, so its first program is seen already. Volumes are watched from
that first program on; mounts that a privileged container makes later, from the next look on.
"""

import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from tidegate.errors import InvalidInputError, OutsideError
from tidegate.sensor.containers import in_container
from tidegate.sensor.fanotify import Fanotify, Mask
from tidegate.sensor.mounts import Mount, mounts_of
from tidegate.sensor.overlay import OVERLAY, Overlay, overlay_of

_log = logging.getLogger(__name__)
_MOUNT_NUMBER: Final = re.compile(rb"^mnt_id:\s*([0-9]+)$", re.MULTILINE)
_NO_PROGRAMS: Final = frozenset(
    {"proc", "sysfs", "cgroup", "cgroup2", "devpts", "mqueue", "securityfs", "debugfs", "tracefs", "bpf", "pstore"}
)


class Watching:
    """The marks of a group of permission events.

    Args:
        fanotify: takes the marks.
        host: the process whose mounts are the node's; None for the first of all, or this one where that is closed.
    """

    def __init__(self, fanotify: Fanotify, host: int | None = None) -> None:
        self._fanotify = fanotify
        host = node_process() if host is None else host
        self._host = Path(f"/proc/{host}")
        self._overlays: dict[int, Overlay] = {}
        self._roots: dict[int, tuple[int, str | None]] = {}
        self._namespaces: dict[str, dict[int, Mount]] = {namespace_of(host): {}}
        self._points: tuple[str, ...] = ()
        self._opened: set[tuple[str, int]] = set()
        self.turn = 0
        """Grows when anything changes of what is watched."""
        # To answer for the programs of the node itself, or for its own, is not the sensor's task.
        self._own = {device_of("/"), device_of(str(self._host / "root"))}

    def mounts_file(self) -> BinaryIO:
        """A file whose POLLPRI tells that the node's mounts changed; to be closed by the caller."""
        return (self._host / "mountinfo").open("rb")

    def look_at_mounts(self) -> None:
        """Watches the overlays that are mounted on the node.

        Raises:
            OutsideError: the node's mounts cannot be known.
        """
        try:
            mounts = mounts_of(self._host / "mountinfo")
        except (OSError, InvalidInputError) as error:
            raise OutsideError(f"the node's mounts are not to be had: {error}", where=str(self._host)) from error
        root = self._host / "root"
        here = {mount.device: mount for mount in mounts if self._is_of_container(mount)}
        # The numbers of devices and namespaces are given to the next one: what was known of one that went is void.
        for device, mount in here.items():
            if self._roots.get(device) != (mount.number, mount.options.get("upperdir")):
                self._forget(device)
        for device in [one for one in self._roots if one not in here]:
            self._forget(device)
        for device, mount in here.items():
            overlay = overlay_of(mount, seen_from=str(root))
            if overlay is not None and self._mark(mount, root, Mask.EXECUTE):
                self._know(device, overlay)
                self._roots[device] = (mount.number, mount.options.get("upperdir"))
        points = [mount.point for mount in here.values()]
        self._points = tuple(sorted(points, key=len, reverse=True))

    def _know(self, device: int, overlay: Overlay) -> None:
        if self._overlays.get(device) != overlay:
            self._overlays[device] = overlay
            self.turn += 1

    def _forget(self, device: int) -> None:
        self.turn += 1
        self._roots.pop(device, None)
        self._overlays.pop(device, None)
        for name, mounts in list(self._namespaces.items()):
            if any(mount.device == device for mount in mounts.values()):
                self._forget_namespace(name)

    def _forget_namespace(self, name: str) -> None:
        self.turn += 1
        del self._namespaces[name]
        self._opened = {entry for entry in self._opened if entry[0] != name}

    def look_at_processes(self) -> None:
        """Looks at the mounts of every container again, also of those whose root is mounted for itself alone."""
        seen: dict[str, int] = {}
        for pid in _processes():
            if name := namespace_of(pid):
                seen.setdefault(name, pid)
        host = namespace_of(int(self._host.name))
        for name in [one for one in self._namespaces if one not in seen and one != host]:
            self._forget_namespace(name)
        for name, pid in seen.items():
            if name != host:
                self._look_into(name, pid, in_container=in_container(pid))

    def knows(self, name: str) -> bool:
        """True when the mounts of a namespace were looked at, so that a change of them is a change of `turn`."""
        return name in self._namespaces

    def mounts_seen_by(self, pid: int, name: str) -> Mapping[int, Mount]:
        """The mounts a process sees, by number; empty for one of the node itself. New ones are watched from here on.

        Args:
            pid: of the process.
            name: of its namespace of mounts.
        """
        if name and name not in self._namespaces:
            self._look_into(name, pid, in_container=in_container(pid))
        return self._namespaces.get(name, {})

    def overlay(self, file: os.stat_result, pid: int) -> Overlay | None:
        """The overlay that a file or the root of the process that uses it lies on."""
        return self._overlays.get(file.st_dev) or self._overlays.get(device_of(f"/proc/{pid}/root"))

    def inside(self, path: str) -> str:
        """The path as a container sees it, also where somebody outside goes through the runtime's mount of its root."""
        for point in self._points:
            if path.startswith(point + "/"):
                return path[len(point) :]
        return path

    def watch_opening(self, pid: int, name: str) -> None:
        """From here on every file that is opened where this process lives waits for an answer; as `mounts_seen_by`."""
        for mount in self.mounts_seen_by(pid, name).values():
            if (name, mount.number) in self._opened or not self._holds_programs(mount):
                continue
            if self._mark(mount, Path(f"/proc/{pid}/root"), Mask.EXECUTE | Mask.OPEN):
                self._opened.add((name, mount.number))

    def _look_into(self, name: str, pid: int, *, in_container: bool) -> None:
        try:
            mounts = mounts_of(Path(f"/proc/{pid}/mountinfo"))
        except OSError:  # it is gone
            return
        except InvalidInputError as error:
            _log.error("the mounts of process %d are not to be had: %s", pid, error)
            return
        before = self._namespaces.get(name, {})
        root = Path(f"/proc/{pid}/root")
        if not any(mount.point == "/" and self._is_of_container(mount) for mount in mounts):
            if in_container:  # its runtime has not made its root yet
                return
            self._namespaces[name] = {}  # a service of the node with mounts of its own
            return
        for mount in mounts:
            # The number of one that was taken away is given to the next.
            if before.get(mount.number) == mount or not self._holds_programs(mount):
                continue
            self._opened.discard((name, mount.number))
            if self._is_of_container(mount):
                overlay = overlay_of(mount, seen_from=str(self._host / "root"))
                if overlay is None:
                    _log.warning("the image of process %d is mounted in a way that tells nothing of it", pid)
                    continue
                self._know(mount.device, overlay)
            self._mark(mount, root, Mask.EXECUTE)
        now = {mount.number: mount for mount in mounts}
        if self._namespaces.get(name) != now:
            self._namespaces[name] = now
            self.turn += 1

    def _holds_programs(self, mount: Mount) -> bool:
        return mount.kind not in _NO_PROGRAMS and not mount.forbids_programs

    def _is_of_container(self, mount: Mount) -> bool:
        return mount.kind == OVERLAY and mount.device not in self._own

    def _mark(self, mount: Mount, root: Path, mask: Mask) -> bool:
        """Marks this mount and no other: one that went meanwhile leaves a folder of the node behind in its place."""
        try:
            place = os.open(f"{root}{mount.point}", os.O_PATH | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            if mount_number(place) != mount.number:  # unmounted since, or hidden by another
                return False
            exact = Path(f"/proc/self/fd/{place}")
            if mount.kind == OVERLAY:
                self._fanotify.mark_filesystem(exact, mask)
            else:
                self._fanotify.mark_mount(exact, mask)
        except OutsideError as error:
            _log.warning("%s: %s", mount.point, error)
            return False
        finally:
            os.close(place)
        return True


def mount_number(file: int) -> int:
    """The mount that an open file was opened in; -1 when it cannot be known."""
    try:
        found = _MOUNT_NUMBER.search(Path(f"/proc/self/fdinfo/{file}").read_bytes())
    except OSError:
        return -1
    return int(found[1]) if found else -1


def node_process() -> int:
    """A process that has the node's own mounts, as far as this one may look."""
    return 1 if device_of("/proc/1/root") >= 0 else os.getpid()


def device_of(path: str) -> int:
    """The file system that a path lies on; -1 when it is gone."""
    with suppress(OSError):
        return os.stat(path).st_dev  # noqa: PTH116 - 10x faster
    return -1


def namespace_of(pid: int) -> str:
    """The namespace of mounts that a process lives in; "" when it is gone."""
    with suppress(OSError):
        return os.readlink(f"/proc/{pid}/ns/mnt")  # noqa: PTH115 - 10x faster
    return ""


def _processes() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdecimal())  # noqa: PTH208 - names only
