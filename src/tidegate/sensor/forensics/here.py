# SPDX-License-Identifier: Apache-2.0
"""Captures a container of this node that a person names."""

import os
import platform
from pathlib import Path

from tidegate.artifact import Digest
from tidegate.clock import system_clock
from tidegate.errors import NotFoundError, RefusedError, UsageError
from tidegate.execution.capture import Capture
from tidegate.execution.observation import Container
from tidegate.sensor.containers import Containers, is_in_container
from tidegate.sensor.forensics.capturing import Wanted, capture, captured_container
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
    found = {number: one for number, one in Containers().running().items() if _is_meant(name, one[0])}
    if not found:
        raise NotFoundError("no such container runs here", where=name, remedy="give its name, or its id's beginning")
    if len(found) > 1:
        ids = ", ".join(number[:12] for number in found)
        raise UsageError(f"{len(found)} containers are called so: {ids}", where=name, remedy="give more of its id")
    ((one, pids),) = found.values()
    container = captured_container(one)
    wanted = Wanted(
        node=node or platform.node(),
        container=container,
        pids=tuple(pids),
        reason=reason,
        incident=incident,
        memory=memory,
    )
    return capture(wanted, to, system_clock, is_of=lambda pid: is_in_container(pid, one.id))


def _is_meant(name: str, one: Container) -> bool:
    names = {one.name, f"{one.namespace}/{one.pod}/{one.name}"}
    return name in names - {"", "//"} or (len(name) >= 4 and one.id.startswith(name))  # noqa: PLR2004 - more than a guess
