# SPDX-License-Identifier: Apache-2.0
"""What a workload is expected to do: programs, ports, destinations, places it writes. Values and judgement."""

import fnmatch
import re
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Final

from tidegate.execution.drift_rules import EVERYTHING, DriftRule, Workload
from tidegate.values import Struct

_LOADERS: Final = re.compile(r"/(?:[^/]+/)*ld(?:-linux|-musl|64|\.so|-)[^/]*")


class Expectation(Struct, frozen=True, kw_only=True):
    """What is expected of some workloads; None for what it does not speak of.

    Attributes:
        name: said where it is the reason.
        images, containers, namespaces: shell patterns of the workloads; all must fit.
        digests: of images' manifests or configurations; a workload of one of them fits whatever it is called.
        programs: shell patterns of programs that may run; the dynamic loader always may.
        listens: `tcp/8080`, `udp/53`, `tcp/30000-32767`.
        connects: `10.0.0.0/8:5432`, `192.0.2.1:*`, `*:443`.
        writes: shell patterns of paths in the writable layer that may change.
        shells: shells may be started.
    """

    name: str
    images: tuple[str, ...] = EVERYTHING
    containers: tuple[str, ...] = EVERYTHING
    namespaces: tuple[str, ...] = EVERYTHING
    digests: frozenset[str] = frozenset()
    programs: tuple[str, ...] | None = None
    listens: tuple[str, ...] | None = None
    connects: tuple[str, ...] | None = None
    writes: tuple[str, ...] | None = None
    shells: bool | None = None

    def fits(self, workload: Workload, *digests: str) -> bool:
        """True when it speaks of this workload."""
        if self.digests:
            return any(one in self.digests for one in digests if one)
        rule = DriftRule(name=self.name, images=self.images, containers=self.containers, namespaces=self.namespaces)
        return rule.fits(workload)

    def lets_run(self, path: str) -> bool:
        """True when a program of the image may run."""
        return self.programs is None or bool(_LOADERS.fullmatch(path)) or _any(self.programs, path)

    def lets_listen(self, protocol: str, port: int) -> bool:
        """True when a port may be listened on."""
        return self.listens is None or any(_is_port(one, protocol, port) for one in self.listens)

    def lets_connect(self, address: str, port: int) -> bool:
        """True when something may be connected to."""
        return self.connects is None or any(_is_destination(one, address, port) for one in self.connects)

    def lets_write(self, path: str) -> bool:
        """True when a file may be changed."""
        return self.writes is None or _any(self.writes, path)


class Expectations(Struct, frozen=True, kw_only=True):
    """In their order: the first that speaks of a workload holds; those that name digests go before."""

    each: tuple[Expectation, ...] = ()

    def of(self, workload: Workload, *digests: str) -> Expectation | None:
        """What is expected of a workload; None when nobody says."""
        by_digest = (one for one in self.each if one.digests and one.fits(workload, *digests))
        by_name = (one for one in self.each if not one.digests and one.fits(workload))
        return next(by_digest, None) or next(by_name, None)


NOTHING_EXPECTED: Final = Expectations()


def check_port(text: str) -> bool:
    """True for what `listens` may have."""
    return _port_range(text) is not None


def check_destination(text: str) -> bool:
    """True for what `connects` may have."""
    return _destination(text) is not None


def _is_port(pattern: str, protocol: str, port: int) -> bool:
    found = _port_range(pattern)
    return found is not None and found[0] == protocol and found[1] <= port <= found[2]


@lru_cache(maxsize=4096)
def _port_range(text: str) -> tuple[str, int, int] | None:
    match = re.fullmatch(r"(tcp|udp)/([0-9]{1,5})(?:-([0-9]{1,5}))?", text)
    if match is None:
        return None
    low = int(match[2])
    return match[1], low, int(match[3] or low)


def _is_destination(pattern: str, address: str, port: int) -> bool:
    found = _destination(pattern)
    if found is None or (found[1] is not None and found[1] != port):
        return False
    return found[0] is None or ip_address(address) in ip_network(found[0])


@lru_cache(maxsize=4096)
def _destination(text: str) -> tuple[str | None, int | None] | None:
    """Network and port; None in their place for any."""
    where, _, port = text.rpartition(":")
    if port != "*" and not re.fullmatch(r"[0-9]{1,5}", port):
        return None
    number = None if port == "*" else int(port)
    if where == "*":
        return None, number
    try:
        return str(ip_network(where.replace("[", "").replace("]", ""), strict=False)), number
    except ValueError:
        return None


def _any(patterns: tuple[str, ...], text: str) -> bool:
    return any(_compiled(pattern).match(text) for pattern in patterns)


@lru_cache(maxsize=16384)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(pattern))
