# SPDX-License-Identifier: Apache-2.0
"""Pods, addresses and ports that between them show every difference of two sets of rules, as far as they can be told.

One of each segment, one of each set of labels that a policy selects, a stranger in each namespace and one in a
namespace nobody names; addresses within, at and beyond the borders of ranges; ports within and beyond their ranges.
"""

import ipaddress
from collections.abc import Iterable, Iterator

from tidegate.errors import BoundExceededError
from tidegate.execution.network.endpoint import NAMESPACE_NAME, Endpoint, Outside, Pod, Protocol
from tidegate.execution.network.flows import DNS_PORT, Addresses, Flows
from tidegate.execution.network.network_policy import MAX_PORT, Direction, IpBlock, NetworkPolicy, Peer

STRANGER: dict[str, str] = {"tidegate.dev/witness": "stranger"}
ELSEWHERE = "tidegate-witness-elsewhere"
_UNNAMED_PORT = 49_999
_FIRST_NAMED = 40_000
MAX_ENDPOINTS = 1000
MAX_PORTS = 2000


def endpoints(flows: Flows, policies: Iterable[NetworkPolicy]) -> tuple[Endpoint, ...]:
    """Those that show a difference, without repeats.

    Raises:
        BoundExceededError: more than `MAX_ENDPOINTS`.
    """
    known = tuple(policies)
    named = {name: number for number, name in enumerate(_names(flows, known), start=_FIRST_NAMED)}
    ports = {name: (number, _protocol_of(name, flows, known)) for name, number in named.items()}
    found: dict[str, Endpoint] = {}
    for namespace, labels, of_namespace in _pods(flows, known):
        pod = Pod(namespace=namespace, labels=labels, namespace_labels=of_namespace, named_ports=ports)
        found.setdefault(f"{pod} {sorted(of_namespace.items())}", pod)
    for block in _blocks(flows, known):
        for address in _addresses(block):
            found.setdefault(address, Outside(address=address))
    found.setdefault("out", Outside(address="198.51.100.77"))
    if len(found) > MAX_ENDPOINTS:
        raise BoundExceededError(
            "MAX_ENDPOINTS", MAX_ENDPOINTS, where="flows", remedy="compare fewer namespaces at once"
        )
    return tuple(found.values())


def ports(flows: Flows, policies: Iterable[NetworkPolicy]) -> tuple[tuple[int, Protocol], ...]:
    """Ports that show a difference, of each protocol that is named and the usual two.

    Raises:
        BoundExceededError: more than `MAX_PORTS`.
    """
    known = tuple(policies)
    numbers = {_UNNAMED_PORT, DNS_PORT}
    protocols = {Protocol.TCP, Protocol.UDP}
    for one in (port for flow in flows.flows for port in flow.ports):
        protocols.add(one.protocol)
        if isinstance(one.first, int):
            numbers |= {one.first - 1, one.first, one.last, one.last + 1}
    for policy in known:
        for port in (port for rule in (*policy.ingress, *policy.egress) for port in rule.ports):
            protocols.add(port.protocol)
            if isinstance(port.port, int):
                numbers |= {port.port - 1, port.port, port.end or port.port, (port.end or port.port) + 1}
    numbers |= {_FIRST_NAMED + at for at in range(len(list(_names(flows, known))))}
    usable = sorted(number for number in numbers if 1 <= number <= MAX_PORT)
    if len(usable) > MAX_PORTS:
        raise BoundExceededError("MAX_PORTS", MAX_PORTS, where="flows", remedy="compare fewer namespaces at once")
    return tuple((number, protocol) for protocol in sorted(protocols) for number in usable)


def _pods(flows: Flows, policies: tuple[NetworkPolicy, ...]) -> Iterator[tuple[str, dict[str, str], dict[str, str]]]:
    segments = [*flows.segments, *([flows.resolver] if flows.resolver else [])]
    for segment in segments:
        yield segment.namespace, dict(segment.labels), {}
    namespaces = sorted({*flows.namespaces, *(policy.namespace for policy in policies)})
    for namespace in namespaces:
        yield namespace, dict(STRANGER), {}
    yield ELSEWHERE, dict(STRANGER), {}
    for policy in policies:
        yield policy.namespace, policy.pods.example(), {}
        for peer in _peers(policy):
            yield from _of_peer(peer, policy)


def _of_peer(peer: Peer, policy: NetworkPolicy) -> Iterator[tuple[str, dict[str, str], dict[str, str]]]:
    labels = dict(STRANGER) if peer.pods is None else peer.pods.example()
    if peer.namespaces is None:
        yield policy.namespace, labels, {}
        return
    of_namespace = peer.namespaces.example()
    name = of_namespace.pop(NAMESPACE_NAME, ELSEWHERE)
    if peer.namespaces.selects({**of_namespace, NAMESPACE_NAME: name}):
        yield name, labels, of_namespace


def _peers(policy: NetworkPolicy) -> Iterator[Peer]:
    for direction in Direction:
        for rule in policy.rules(direction):
            yield from (peer for peer in rule.peers if peer.block is None)


def _names(flows: Flows, policies: tuple[NetworkPolicy, ...]) -> list[str]:
    found = {one.first for flow in flows.flows for one in flow.ports if isinstance(one.first, str)}
    for policy in policies:
        for rule in (*policy.ingress, *policy.egress):
            found |= {port.port for port in rule.ports if isinstance(port.port, str)}
    return sorted(found)


def _protocol_of(name: str, flows: Flows, policies: tuple[NetworkPolicy, ...]) -> Protocol:
    declared = [one.protocol for flow in flows.flows for one in flow.ports if one.first == name]
    written = [
        port.protocol
        for policy in policies
        for rule in (*policy.ingress, *policy.egress)
        for port in rule.ports
        if port.port == name
    ]
    return [*declared, *written, Protocol.TCP][0]


def _blocks(flows: Flows, policies: tuple[NetworkPolicy, ...]) -> Iterator[IpBlock]:
    for flow in flows.flows:
        for party in (flow.source, flow.target):
            if isinstance(party, Addresses):
                yield party.block
    for policy in policies:
        for rule in (*policy.ingress, *policy.egress):
            yield from (peer.block for peer in rule.peers if peer.block is not None)


def _addresses(block: IpBlock) -> Iterator[str]:
    for network in (block.cidr, *block.excepted):
        first, last = int(network.network_address), int(network.broadcast_address)
        top = (1 << network.max_prefixlen) - 1
        family = ipaddress.IPv4Address if network.version == 4 else ipaddress.IPv6Address  # noqa: PLR2004 - of addresses
        for number in (first - 1, first, last, last + 1):
            if 0 <= number <= top:
                yield str(family(number))
