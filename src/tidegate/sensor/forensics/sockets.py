# SPDX-License-Identifier: Apache-2.0
"""Sockets of a network namespace, as /proc/PID/net tells them: proc_pid_net(5)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from tidegate.bounds import MIB, printable
from tidegate.execution.capture import CapturedProcess, CapturedSocket
from tidegate.hosts.proc_net import parse_place

MAX_SOCKETS: Final = 20_000
MAX_HOLDERS: Final = 100
"""Processes told of one socket."""
_MAX_TABLE_BYTES: Final = 8 * MIB
_STATES: Final = {
    "01": "established", "02": "syn-sent", "03": "syn-received", "04": "fin-wait-1", "05": "fin-wait-2",
    "06": "time-wait", "07": "closed", "08": "close-wait", "09": "last-ack", "0A": "listening", "0B": "closing",
}  # fmt: skip
_ADDRESS: Final = re.compile(r"([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})")
_FIELDS: Final = 10
_UNIX_FIELDS: Final = 7
_SOCKET: Final = re.compile(r"socket:\[(\d+)\]")


def captured_sockets(pid: int, processes: Sequence[CapturedProcess], left_out: list[str]) -> list[CapturedSocket]:
    """All that the namespace of a process has, by protocol.

    Args:
        pid: one of the container.
        processes: of the container, to tell who holds which.
        left_out: is told of what was not kept.
    """
    holders = _holders(processes)
    found: list[CapturedSocket] = []
    for protocol in ("tcp", "tcp6", "udp", "udp6"):
        found += _inet(protocol, _table(pid, protocol), holders)
    found += _unix(_table(pid, "unix"), holders)
    if len(found) > MAX_SOCKETS:
        left_out.append(f"{len(found) - MAX_SOCKETS} sockets over the bound of {MAX_SOCKETS}")
    return found[:MAX_SOCKETS]


def _holders(processes: Sequence[CapturedProcess]) -> Mapping[str, tuple[int, ...]]:
    made: dict[str, dict[int, None]] = {}
    for process in processes:
        for file in process.files:
            if socket := _SOCKET.fullmatch(file.target):
                holders = made.setdefault(socket[1], {})
                if len(holders) < MAX_HOLDERS:
                    holders[process.pid] = None
    return {inode: tuple(holders) for inode, holders in made.items()}


def _inet(protocol: str, lines: Sequence[str], holders: Mapping[str, tuple[int, ...]]) -> Iterator[CapturedSocket]:
    for fields in (line.split() for line in lines):
        if len(fields) < _FIELDS or not (_ADDRESS.fullmatch(fields[1]) and _ADDRESS.fullmatch(fields[2])):
            continue
        yield CapturedSocket(
            protocol=protocol,
            local=_place(fields[1]),
            remote=_place(fields[2]),
            state=_STATES.get(fields[3], fields[3]) if protocol.startswith("tcp") else "",
            inode=fields[9],
            pids=holders.get(fields[9], ()),
        )


def _unix(lines: Sequence[str], holders: Mapping[str, tuple[int, ...]]) -> Iterator[CapturedSocket]:
    for fields in (line.split(maxsplit=_UNIX_FIELDS) for line in lines):
        if len(fields) >= _UNIX_FIELDS:
            path = printable(fields[7]) if len(fields) > _UNIX_FIELDS else ""
            yield CapturedSocket(
                protocol="unix", local=path, remote="", state="", inode=fields[6], pids=holders.get(fields[6], ())
            )


def _place(text: str) -> str:
    address, port = parse_place(text.encode())
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _table(pid: int, name: str) -> Sequence[str]:
    try:
        with Path(f"/proc/{pid}/net/{name}").open("rb") as file:
            return file.read(_MAX_TABLE_BYTES).decode("utf-8", "replace").split("\n")[1:]
    except OSError:
        return ()
