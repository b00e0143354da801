# SPDX-License-Identifier: Apache-2.0
"""Ports that are listened on and connections that are open in a network namespace, by /proc/PID/net (proc(5)).

It is looked at now and then: a connection that begins and ends between two looks is not seen, nor are raw sockets,
SCTP and others than TCP and UDP.
"""

import os
import re
import struct
import time
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from ipaddress import ip_address
from typing import Final

from tidegate.bounds import MIB
from tidegate.hosts.proc_net import parse_place
from tidegate.values import Struct

MAX_TABLE_BYTES: Final = MIB
"""Of one table, about 7,000 sockets; of more the rest is not looked at."""
LIST_SECONDS: Final = 120.0
_TCP: Final = ("tcp", "tcp6")
_UDP: Final = ("udp", "udp6")
_NUMBERS: Final = re.compile(rb"^TCP6?: inuse (\d+)(?:.* tw (\d+))?", re.MULTILINE)
_UDP_NUMBERS: Final = re.compile(rb"^UDP6?: inuse (\d+)", re.MULTILINE)
_NO_SOCKETS: Final = b"sockets: used 0\n"
_MAX_NUMBERS_BYTES: Final = 4096
_LISTEN: Final = 0x0A
_OPEN: Final = frozenset({0x01, 0x02})
_LINKED: Final = _OPEN | {0x06}
"""Open, and what the kernel still remembers of what ended (TIME_WAIT)."""
_UNCONNECTED: Final = 0x07
_FIRST_OF_CLIENTS: Final = 32768
"""From here on the kernel gives ports to clients (`ip_local_port_range`): a UDP socket there serves nobody."""
_FIELDS: Final = 4


class Sockets(Struct, frozen=True, kw_only=True):
    """What is open.

    Attributes:
        listens: protocol and port.
        connects: remote address and port of what was opened from here; loopback is left out.
        links: every connection with elsewhere that is open, or ended within the last minute.
        addresses: this network's own, as far as these connections show them.
    """

    listens: frozenset[tuple[str, int]]
    connects: frozenset[tuple[str, int]]
    links: "frozenset[Link]" = frozenset()
    addresses: frozenset[str] = frozenset()


class Link(Struct, frozen=True, order=True):
    """One connection.

    Attributes:
        inward: it came from elsewhere.
        address: of the other side.
        port: of whoever was connected to; `client_port` of the other.
    """

    inward: bool
    protocol: str
    address: str
    port: int
    client_port: int


class _Socket(Struct, frozen=True):
    protocol: str
    address: str
    port: int
    remote: str
    remote_port: int
    state: int


class Networks:
    """Looks at networks again and again, at little cost while nothing changes in them.

    To list the TCP sockets of one network the kernel walks a table of the whole machine's, which takes milliseconds;
    how many there are it knows at once. So the list is read when the numbers have changed, else every two minutes.
    """

    def __init__(self) -> None:
        self._known: dict[str, _Looked] = {}

    def sockets_of(self, network: str, pid: int) -> Sockets:
        """What is open in a network, seen from a process that lives in it."""
        now = time.monotonic()
        (numbers, has_udp), known = _numbers(pid), self._known.get(network)
        if known is not None and numbers and numbers == known.numbers and now < known.until:
            tcp = known.tcp
        else:
            # Without a single one there is nothing to list. Numbers were read first: what comes meanwhile changes them.
            tcp = () if numbers and not any(numbers) else _read(pid, _TCP)
            self._known[network] = _Looked(numbers=numbers, tcp=tcp, until=now + LIST_SECONDS)
        return _told((*tcp, *_read(pid, _UDP)) if has_udp else tcp)

    def keep(self, networks: Iterable[str]) -> None:
        """Forgets all networks but these."""
        kept = frozenset(networks)
        self._known = {network: known for network, known in self._known.items() if network in kept}


class _Looked(Struct, frozen=True, kw_only=True):
    numbers: tuple[int, ...]
    tcp: tuple[_Socket, ...]
    until: float


def sockets_of(pid: int) -> Sockets:
    """What is open where a process lives; nothing when it is gone."""
    return _told(_read(pid, (*_TCP, *_UDP)))


def _read(pid: int, tables: Iterable[str]) -> tuple[_Socket, ...]:
    found: list[_Socket] = []
    for table in tables:
        try:
            with open(f"/proc/{pid}/net/{table}", "rb") as file:  # noqa: PTH123 - 10x faster
                found += parse_sockets(file.read(MAX_TABLE_BYTES), table[:3])
        except OSError:
            continue
    return tuple(found)


def _numbers(pid: int) -> tuple[tuple[int, ...], bool]:
    """How many TCP sockets a network has, by version, and how many wait to be forgotten; and whether it has any of UDP.

    When nobody tells it is ((), True).
    """
    found: list[bytes] = []
    for name in ("sockstat", "sockstat6"):
        try:
            file = os.open(f"/proc/{pid}/net/{name}", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return (), True
        try:
            found.append(os.read(file, _MAX_NUMBERS_BYTES))
        except OSError:
            return (), True
        finally:
            os.close(file)
        if found[0].startswith(_NO_SOCKETS):  # nothing is open: what waits to be forgotten is told here for both
            break
    text = b"".join(found)
    numbers = tuple(int(one) for match in _NUMBERS.finditer(text) for one in match.groups() if one is not None)
    return numbers, any(int(one) for one in _UDP_NUMBERS.findall(text))


def _told(found: Sequence[_Socket]) -> Sockets:
    listens = {(one.protocol, one.port) for one in found if _serves(one)}
    ports = {port for _, port in listens}
    connects = {
        (one.remote, one.remote_port)
        for one in found
        if one.state in _OPEN and one.port not in ports and not ip_address(one.remote).is_loopback
    }
    linked = [one for one in found if one.state in _LINKED and not ip_address(one.remote).is_loopback]
    return Sockets(
        listens=frozenset(listens),
        connects=frozenset(connects),
        links=frozenset(_link(one, ports) for one in linked),
        addresses=frozenset(one.address for one in linked),
    )


def _link(one: _Socket, served: AbstractSet[int]) -> Link:
    inward = one.port in served or one.port < _FIRST_OF_CLIENTS <= one.remote_port
    port, client = (one.port, one.remote_port) if inward else (one.remote_port, one.port)
    return Link(inward, one.protocol, one.remote, port, client)


def parse_sockets(data: bytes, protocol: str) -> Iterator[_Socket]:
    """The lines of a table; those that are none are passed over."""
    for line in data.splitlines()[1:]:
        fields = line.split(maxsplit=_FIELDS)
        if len(fields) < _FIELDS:
            continue
        try:
            address, port = parse_place(fields[1])
            remote, remote_port = parse_place(fields[2])
            state = int(fields[3], 16)
        except (ValueError, struct.error):
            continue
        yield _Socket(protocol, address, port, remote, remote_port, state)


def network_of(pid: int) -> str:
    """The network namespace of a process; "" when it is gone."""
    try:
        return os.readlink(f"/proc/{pid}/ns/net")  # noqa: PTH115 - 10x faster
    except OSError:
        return ""


def node_network() -> frozenset[str]:
    """The networks that are the node's own, as far as they can be known."""
    return frozenset(name for pid in (1, os.getpid()) if (name := network_of(pid)))


def _serves(one: _Socket) -> bool:
    if ip_address(one.address).is_loopback:
        return False
    if one.protocol == "tcp":
        return one.state == _LISTEN
    return one.state == _UNCONNECTED and 0 < one.port < _FIRST_OF_CLIENTS
