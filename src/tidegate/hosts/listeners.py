# SPDX-License-Identifier: Apache-2.0
"""TCP ports that are listened on, and by whom: proc_net(5), proc_pid_fd(5)."""

import re
from collections.abc import Iterator
from typing import Final

from tidegate.hosts.proc_net import parse_place
from tidegate.hosts.tree import Tree
from tidegate.inventory.host import Listener

MAX_LISTENERS: Final = 5000
_LISTENING: Final = "0A"
_LINE: Final = re.compile(
    r"\s*\d+: ((?:[0-9A-F]{8}|[0-9A-F]{32}):[0-9A-F]{4}) \S+ ([0-9A-F]{2}) \S+ \S+ \S+ +\d+ +\d+ (\d+)"
)
_SOCKET: Final = re.compile(r"socket:\[(\d+)\]")


def listeners_of(tree: Tree) -> tuple[Listener, ...]:
    """Each address and port once, in their order."""
    told = {inode: place for name in ("tcp", "tcp6") for inode, place in _listening(_table(tree, name))}
    programs = _programs(tree, frozenset(told)) if told else {}
    found = {(place[1], place[0]): programs.get(inode, "") for inode, place in told.items()}
    return tuple(
        Listener(address=address, port=port, program=program) for (port, address), program in sorted(found.items())
    )


def _table(tree: Tree, name: str) -> str:
    """Of the first process, whose network is the host's, where it can be read; else of our own."""
    return tree.text(f"/proc/1/net/{name}") or tree.text(f"/proc/net/{name}")


def _listening(table: str) -> Iterator[tuple[str, tuple[str, int]]]:
    for number, line in enumerate(table.splitlines()):
        if number > MAX_LISTENERS:
            return
        if (found := _LINE.match(line)) and found[2] == _LISTENING:
            yield found[3], parse_place(found[1].encode())


def _programs(tree: Tree, inodes: frozenset[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pid in tree.processes():
        for name in tree.names(f"/proc/{pid}/fd"):
            if (socket := _SOCKET.fullmatch(tree.link(f"/proc/{pid}/fd/{name}"))) and socket[1] in inodes:
                found.setdefault(socket[1], tree.text(f"/proc/{pid}/comm"))
    return found
