# SPDX-License-Identifier: Apache-2.0
"""Captures a container of this node that a person names."""

import os
import platform
from pathlib import Path

from tidegate.artifact import Digest
from tidegate.clock import system_clock
from tidegate.errors import NotFoundError, RefusedError, UsageError
from tidegate.execution.capture import Capture, CapturedContainer
from tidegate.execution.observation import Container
from tidegate.sensor.containers import Containers
from tidegate.sensor.forensics.capturing import Wanted, capture
from tidegate.sensor.forensics.memory import MemoryChoice


def capture_here(
    name: str, to: Path, *, node: str, memory: MemoryChoice, reason: str, incident: str
) -> tuple[Digest, Capture]:
    """Captures one container.

    Args:
        name: as its runtime calls it, `NAMESPACE/POD/NAME`, or the beginning of its id.
        to: the archive.
        node: this one's name; "" for the machine's.
        memory: how much of it.
        reason: why.
        incident: that it belongs to.

    Raises:
        NotFoundError: there is no such container.
        UsageError: there are several.
        RefusedError: only root may look into all of a container.
        OutsideError: the disk failed.
    """
    if os.geteuid() != 0:
        raise RefusedError("only root may look into a container", where=name, remedy="run it as root on its node")
    found = {number: one for number, one in running().items() if _is_meant(name, one[0])}
    if not found:
        raise NotFoundError("no such container runs here", where=name, remedy="give its name, or its id's beginning")
    if len(found) > 1:
        ids = ", ".join(number[:12] for number in found)
        raise UsageError(f"{len(found)} containers are called so: {ids}", where=name, remedy="give more of its id")
    ((one, pids),) = found.values()
    container = CapturedContainer(id=one.id, name=one.name, image=one.image, namespace=one.namespace, pod=one.pod)
    wanted = Wanted(
        node=node or platform.node(),
        container=container,
        pids=tuple(pids),
        reason=reason,
        incident=incident,
        memory=memory,
    )
    return capture(wanted, to, system_clock)


def running() -> dict[str, tuple[Container, list[int]]]:
    """The containers that run here, each with its processes."""
    containers = Containers()
    found: dict[str, tuple[Container, list[int]]] = {}
    for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdecimal()):  # noqa: PTH208 - names only
        one = containers.of_process(pid)
        if one is not None and not _is_of_the_runtime(pid):
            found.setdefault(one.id, (one, []))[1].append(pid)
    return found


def _is_meant(name: str, one: Container) -> bool:
    names = {one.name, f"{one.namespace}/{one.pod}/{one.name}"}
    return name in names - {"", "//"} or (len(name) >= 4 and one.id.startswith(name))  # noqa: PLR2004 - more than a guess


def _is_of_the_runtime(pid: int) -> bool:
    """A runtime's own process, such as conmon, may lie in a cgroup below its container's name."""
    try:
        return Path(f"/proc/{pid}/root").samefile("/")
    except OSError:
        return True
