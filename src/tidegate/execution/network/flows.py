# SPDX-License-Identifier: Apache-2.0
"""Flows as people declare them: segments by tenancy and class, who talks to whom, and who never may. Values."""

import re
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from tidegate.errors import InvalidInputError
from tidegate.execution.network.endpoint import Endpoint, Outside, Pod, Protocol
from tidegate.execution.network.network_policy import MAX_PORT, IpBlock
from tidegate.values import Struct, field, replace

_PORT: Final = re.compile(
    r"(?:([0-9]{1,5})(?:-([0-9]{1,5}))?|([a-z0-9](?:[a-z0-9-]{0,13}[a-z0-9])?))(?:/([A-Z]{3,4}))?"
)


class Segment(Struct, frozen=True, kw_only=True):
    """Pods that are treated alike.

    Attributes:
        labels: all of which a pod has that belongs to it; none is every pod of the namespace.
        tenant: whose they are; `data_class` what they hold; "" when nobody says.
    """

    name: str
    namespace: str
    labels: Mapping[str, str] = field(default_factory=dict)
    tenant: str = ""
    data_class: str = ""

    def has(self, endpoint: Endpoint) -> bool:
        """True for a pod that belongs to it."""
        return (
            isinstance(endpoint, Pod)
            and endpoint.namespace == self.namespace
            and all(endpoint.labels.get(key) == value for key, value in self.labels.items())
        )

    def __str__(self) -> str:
        return self.name


class Addresses(Struct, frozen=True, kw_only=True):
    """A range outside of the cluster."""

    block: IpBlock

    def has(self, endpoint: Endpoint) -> bool:
        """True for an address in it that is no pod's."""
        return isinstance(endpoint, Outside) and self.block.holds(endpoint.address)

    def __str__(self) -> str:
        return str(self.block.cidr)


Party: TypeAlias = Segment | Addresses


class Ports(Struct, frozen=True, kw_only=True):
    """One port, a range of them, or a name of one.

    Attributes:
        first: a number, or a name; `last` the number a range ends with.
    """

    first: int | str
    last: int
    protocol: Protocol = Protocol.TCP

    def has(self, target: Endpoint, port: int, protocol: Protocol) -> bool:
        """True when a port of a target is meant."""
        if isinstance(self.first, int):
            return self.protocol is protocol and self.first <= port <= self.last
        return (
            isinstance(target, Pod)
            and target.named_ports.get(self.first) == (port, self.protocol)
            and (self.protocol is protocol)
        )

    def __str__(self) -> str:
        span = f"{self.first}-{self.last}" if isinstance(self.first, int) and self.last != self.first else self.first
        return f"{span}/{self.protocol}"


class Flow(Struct, frozen=True, kw_only=True):
    """One who may talk to another.

    Attributes:
        why: for people; for a flow between those that are kept apart, the reason on record.
    """

    source: Party
    target: Party
    ports: tuple[Ports, ...]
    why: str = ""

    def covers(self, source: Endpoint, target: Endpoint, port: int, protocol: Protocol) -> bool:
        """True when a connection is what it declares."""
        return (
            self.source.has(source)
            and self.target.has(target)
            and any(one.has(target, port, protocol) for one in self.ports)
        )

    def __str__(self) -> str:
        return f"{self.source} → {self.target}: {', '.join(map(str, self.ports))}"


class Flows(Struct, frozen=True, kw_only=True):
    """All that is declared.

    Attributes:
        namespaces: that are closed, those of segments among them.
        resolver: where names are asked for; None closes that too.
        apart: pairs of data classes that never talk to each other.
    """

    segments: tuple[Segment, ...] = ()
    flows: tuple[Flow, ...] = ()
    namespaces: tuple[str, ...] = ()
    resolver: Segment | None = None
    apart: tuple[frozenset[str], ...] = ()

    def covers(self, source: Endpoint, target: Endpoint, port: int, protocol: Protocol) -> bool:
        """True when a connection is declared; asking for names is, from every closed namespace."""
        if any(flow.covers(source, target, port, protocol) for flow in self.flows):
            return True
        asks = self.resolver is not None and self.resolver.has(target) and port == DNS_PORT
        return asks and protocol in DNS_PROTOCOLS and isinstance(source, Pod) and source.namespace in self.namespaces

    def between(self, source: Endpoint, target: Endpoint) -> "Flows":
        """What of it can be said of these two, so that many ports can be asked for."""
        flows = tuple(flow for flow in self.flows if flow.source.has(source) and flow.target.has(target))
        resolver = self.resolver if self.resolver is not None and self.resolver.has(target) else None
        return replace(self, flows=flows, resolver=resolver)

    def objection(self, source: Party, target: Party) -> str:
        """Why two never talk to each other; "" when they may."""
        if not (isinstance(source, Segment) and isinstance(target, Segment)):
            return ""
        if source.tenant != target.tenant:
            return f"{source} is of tenant {source.tenant or '(none)'}, {target} of {target.tenant or '(none)'}"
        return next(
            (
                f"{source} holds {source.data_class}, {target} holds {target.data_class}, which are kept apart"
                for pair in self.apart
                if source.data_class != target.data_class and pair == {source.data_class, target.data_class}
            ),
            "",
        )

    def segments_of(self, endpoint: Endpoint) -> Iterator[Segment]:
        """The segments a pod belongs to, in their order."""
        return (segment for segment in self.segments if segment.has(endpoint))


DNS_PORT: Final = 53
DNS_PROTOCOLS: Final = (Protocol.UDP, Protocol.TCP)
USUAL_RESOLVER: Final = Segment(name="names", namespace="kube-system", labels={"k8s-app": "kube-dns"})


def parse_ports(text: str) -> Ports:
    """Reads `443`, `9000-9010`, `metrics`, each with `/UDP` or `/SCTP` where it is not TCP.

    Raises:
        InvalidInputError: it is none of these.
    """
    found = _PORT.fullmatch(text)
    protocol = (found[4] or "TCP") if found else ""
    if not found or protocol not in {*Protocol}:
        raise InvalidInputError(f"no port: {text[:40]!r}", remedy="write 443, 9000-9010, metrics or 53/UDP")
    if found[3]:
        return Ports(first=found[3], last=0, protocol=Protocol(protocol))
    first = int(found[1])
    last = int(found[2] or first)
    if not 1 <= first <= last <= MAX_PORT:
        raise InvalidInputError(f"no port: {text[:40]!r}", remedy=f"ports are 1 to {MAX_PORT}")
    return Ports(first=first, last=last, protocol=Protocol(protocol))
