# SPDX-License-Identifier: Apache-2.0
"""Reads a host: nothing of it is run, and nothing is written."""

from pathlib import Path
from typing import Final

from tidegate.bounds import printable
from tidegate.errors import InvalidInputError, NotFoundError
from tidegate.hosts.configs import configs_of
from tidegate.hosts.kernel import kernel_of
from tidegate.hosts.known_files import files_of
from tidegate.hosts.listeners import listeners_of
from tidegate.hosts.programs import programs_of
from tidegate.hosts.tree import Tree
from tidegate.inventory.host import Host, HostMount
from tidegate.values import replace

MAX_MOUNTS: Final = 20_000


def read_host(root: Path) -> Host:
    """What a host tells.

    Args:
        root: `/`, or where a host's root is mounted, its /proc and /sys included, such as `/host` in a pod.

    Raises:
        NotFoundError: there is no such folder.
        InvalidInputError: nothing of a Linux host is in it.
    """
    if not root.is_dir():
        raise NotFoundError("no such folder", where=str(root), remedy="name / or where the host's root is mounted")
    tree = Tree(root)
    if not tree.names("/etc") and not tree.names("/proc"):
        raise InvalidInputError("not the root of a Linux host", where=str(root), remedy="name / or where it is mounted")
    programs = programs_of(tree)
    host = Host(
        name=printable(tree.text("/etc/hostname") or tree.text("/proc/sys/kernel/hostname")),
        kernel=kernel_of(tree),
        programs=programs,
        configs=configs_of(tree, programs),
        files=files_of(tree),
        listeners=listeners_of(tree),
        mounts=_mounts(tree),
    )
    return replace(host, unread=_unread(tree))


def _mounts(tree: Tree) -> tuple[HostMount, ...]:
    """proc_pid_mounts(5), of the first process where it can be read."""
    table = tree.text("/proc/1/mounts") or tree.text("/proc/mounts")
    last: dict[str, HostMount] = {}  # what is mounted over another is what is seen
    for fields in (line.split(" ") for line in table.splitlines()[:MAX_MOUNTS]):
        if len(fields) >= 4:  # noqa: PLR2004 - device, point, kind, options
            last[fields[1]] = HostMount(point=fields[1], kind=fields[2], options=tuple(fields[3].split(",")))
    return tuple(last.values())


def _unread(tree: Tree) -> tuple[tuple[str, str], ...]:
    # Processes of others may not be looked into; that says nothing about the host.
    return tuple((path, why) for path, why in sorted(tree.unread.items()) if not path.startswith("/proc/"))
