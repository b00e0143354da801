# SPDX-License-Identifier: Apache-2.0
"""Counts connections until the server has them: which container talked to which address, at which port.

They are kept in memory: what is open is seen again after a restart, and counts are for people to judge by.
"""

import uuid
from threading import Lock
from typing import Final

from tidegate.execution.network.endpoint import Protocol
from tidegate.execution.network.flow_report import MAX_ADDRESSES, MAX_FLOWS, CountedFlow, FlowReport
from tidegate.execution.observation import Container
from tidegate.sensor.sockets import Link, Sockets

MAX_WAITING: Final = 10_000
"""Different ones that wait for the server."""
_PROTOCOLS: Final = {"tcp": Protocol.TCP, "udp": Protocol.UDP}
_Key = tuple[str, bool, str, int, str]


class Counting:
    """Counts. Safe for threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: dict[_Key, int] = {}
        self._addresses: dict[str, frozenset[str]] = {}
        self._lost = 0
        self._sent: FlowReport | None = None

    def look(self, container: Container, before: Sockets | None, now: Sockets) -> None:
        """Counts what is new in a container's network; of what is in no pod nothing is kept.

        Args:
            container: one of those that share the network.
            before: what was open when it was looked at last; None for never.
            now: what is open.
        """
        fresh = now.links - before.links if before is not None else now.links
        if not container.pod or not fresh:
            return
        with self._lock:
            self._addresses[container.id] = now.addresses
            for link in fresh:
                self._add(container.id, link)

    def waiting(self) -> FlowReport | None:
        """What the server is to have next, the same until it has it; None for nothing."""
        with self._lock:
            if self._sent is None and (self._counts or self._lost):
                keys = sorted(self._counts)[:MAX_FLOWS]
                flows = tuple(_counted(key, self._counts.pop(key)) for key in keys)
                named = {one.container for one in flows}
                addresses = {
                    name: tuple(sorted(known))[:MAX_ADDRESSES]
                    for name, known in self._addresses.items()
                    if name in named
                }
                self._sent = FlowReport(id=uuid.uuid4().hex, flows=flows, addresses=addresses, lost=self._lost)
                self._lost = 0
                self._addresses = {n: a for n, a in self._addresses.items() if any(k[0] == n for k in self._counts)}
            return self._sent

    def settle(self, report: FlowReport) -> None:
        """The server has it, or will never take it."""
        with self._lock:
            if self._sent is not None and self._sent.id == report.id:
                self._sent = None

    def _add(self, name: str, link: Link) -> None:
        key = (name, link.inward, link.address, link.port, link.protocol)
        if key not in self._counts and len(self._counts) >= MAX_WAITING:
            self._lost += 1
            return
        self._counts[key] = self._counts.get(key, 0) + 1


def _counted(key: _Key, count: int) -> CountedFlow:
    name, inward, address, port, protocol = key
    return CountedFlow(
        container=name, inward=inward, address=address, port=port, protocol=_PROTOCOLS[protocol], count=count
    )
