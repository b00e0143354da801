# SPDX-License-Identifier: Apache-2.0
"""NetworkPolicy (networking.k8s.io/v1) as values, with the defaults the API server fills in."""

import ipaddress
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final, TypeAlias

from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.execution.network.endpoint import Protocol
from tidegate.execution.network.selector import EVERYTHING, Selector
from tidegate.values import Struct
from tidegate.wire import from_builtins

API_VERSION: Final = "networking.k8s.io/v1"
KIND: Final = "NetworkPolicy"
MAX_PORT: Final = 65535
MAX_POLICIES: Final = 20_000
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


class Direction(StrEnum):
    """Of traffic, as `policyTypes` has it."""

    INGRESS = "Ingress"
    EGRESS = "Egress"


class IpBlock(Struct, frozen=True, kw_only=True):
    """A range of addresses, and what of it is not meant."""

    cidr: Network
    excepted: tuple[Network, ...] = ()

    def holds(self, address: str) -> bool:
        """True when an address is in it; "" is in none."""
        if not address:
            return False
        found = ipaddress.ip_address(address)
        return found in self.cidr and not any(found in one for one in self.excepted)


class Peer(Struct, frozen=True, kw_only=True):
    """The other side; either a block of addresses, or pods by one or both selectors."""

    pods: Selector | None = None
    namespaces: Selector | None = None
    block: IpBlock | None = None


class PolicyPort(Struct, frozen=True, kw_only=True):
    """Ports of one protocol: a number, a range up to `end`, a name, or all (None)."""

    protocol: Protocol = Protocol.TCP
    port: int | str | None = None
    end: int | None = None


class PolicyRule(Struct, frozen=True, kw_only=True):
    """Allows traffic with any of the peers on any of the ports; None of them is all."""

    peers: tuple[Peer, ...] = ()
    ports: tuple[PolicyPort, ...] = ()


class NetworkPolicy(Struct, frozen=True, kw_only=True):
    """One policy.

    Attributes:
        types: directions in which it isolates the pods it selects.
    """

    namespace: str
    name: str
    pods: Selector
    types: frozenset[Direction]
    ingress: tuple[PolicyRule, ...] = ()
    egress: tuple[PolicyRule, ...] = ()

    def rules(self, direction: Direction) -> tuple[PolicyRule, ...]:
        """Those of a direction."""
        return self.ingress if direction is Direction.INGRESS else self.egress

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class _Block(Struct, frozen=True, kw_only=True):
    cidr: str
    except_: tuple[str, ...] | None = None


class _Peer(Struct, frozen=True, kw_only=True, rename="camel"):
    pod_selector: Selector | None = None
    namespace_selector: Selector | None = None
    ip_block: dict[str, Any] | None = None


class _Port(Struct, frozen=True, kw_only=True, rename="camel"):
    protocol: Protocol | None = None
    port: int | str | None = None
    end_port: int | None = None


class _Rule(Struct, frozen=True, kw_only=True):
    from_: tuple[_Peer, ...] | None = None
    to: tuple[_Peer, ...] | None = None
    ports: tuple[_Port, ...] | None = None


class _Spec(Struct, frozen=True, kw_only=True, rename="camel"):
    pod_selector: Selector | None = None
    policy_types: tuple[Direction, ...] | None = None
    ingress: tuple[dict[str, Any], ...] | None = None
    egress: tuple[_Rule, ...] | None = None


class _Metadata(Struct, frozen=True, kw_only=True):
    name: str = ""
    namespace: str | None = None


class _Document(Struct, frozen=True, kw_only=True):
    metadata: _Metadata
    spec: _Spec | None = None


def policies_in(documents: Sequence[Any], *, where: str) -> tuple[NetworkPolicy, ...]:
    """The policies among documents, those of lists one by one; objects of other kinds are passed over.

    Args:
        documents: plain data, as `tidegate.manifests.documents.read_documents` gives it.
        where: their name in errors.

    Raises:
        InvalidInputError: one is not as the API server takes it.
        BoundExceededError: more than `MAX_POLICIES`.
    """
    found: list[NetworkPolicy] = []
    for document in documents:
        items = document.get("items") if isinstance(document, dict) and "items" in document else [document]
        listed = document.get("kind") if isinstance(document, dict) else ""
        for item in items if isinstance(items, list) else []:
            if not isinstance(item, dict) or (item.get("kind", str(listed).removesuffix("List")) != KIND):
                continue
            if len(found) == MAX_POLICIES:
                raise BoundExceededError("MAX_POLICIES", MAX_POLICIES, where=where)
            found.append(parse_policy(item, where=where))
    return tuple(found)


def parse_policy(document: dict[str, Any], *, where: str) -> NetworkPolicy:
    """Reads one policy.

    Raises:
        InvalidInputError: it is not as the API server takes it.
    """
    read = from_builtins(document, _Document, what=where)
    name = f"{where} NetworkPolicy {read.metadata.name[:253]}"
    spec = read.spec or _Spec()
    ingress = tuple(from_builtins(_unreserved(rule), _Rule, what=name) for rule in spec.ingress or ())
    types = spec.policy_types or (Direction.INGRESS, *((Direction.EGRESS,) if spec.egress else ()))
    return NetworkPolicy(
        namespace=read.metadata.namespace or "default",
        name=read.metadata.name,
        pods=spec.pod_selector or EVERYTHING,
        types=frozenset(types),
        ingress=tuple(_rule(rule.from_, rule.ports, name) for rule in ingress),
        egress=tuple(_rule(rule.to, rule.ports, name) for rule in spec.egress or ()),
    )


def _unreserved(rule: dict[str, Any]) -> dict[str, Any]:
    return {"from_" if key == "from" else key: value for key, value in rule.items()}


def _rule(peers: tuple[_Peer, ...] | None, ports: tuple[_Port, ...] | None, where: str) -> PolicyRule:
    return PolicyRule(
        peers=tuple(_peer(peer, where) for peer in peers or ()), ports=tuple(_port(port, where) for port in ports or ())
    )


def _peer(peer: _Peer, where: str) -> Peer:
    if peer.ip_block is not None:
        if peer.pod_selector is not None or peer.namespace_selector is not None:
            raise InvalidInputError("a peer with ipBlock may select no pods", where=where)
        read = {"except_" if key == "except" else key: value for key, value in peer.ip_block.items()}
        block = from_builtins(read, _Block, what=where)
        return Peer(
            block=IpBlock(
                cidr=_network(block.cidr, where), excepted=tuple(_network(one, where) for one in block.except_ or ())
            )
        )
    if peer.pod_selector is None and peer.namespace_selector is None:
        raise InvalidInputError("a peer says nobody", where=where, remedy="leave `from` or `to` out to mean everybody")
    return Peer(pods=peer.pod_selector, namespaces=peer.namespace_selector)


def _port(port: _Port, where: str) -> PolicyPort:
    numbers = [one for one in (port.port, port.end_port) if isinstance(one, int)]
    wrong = any(not 1 <= one <= MAX_PORT for one in numbers)
    if port.end_port is not None and (not isinstance(port.port, int) or port.end_port < port.port):
        wrong = True
    if wrong or port.port == "":
        raise InvalidInputError(f"no port: {port.port!r} to {port.end_port!r}", where=where)
    return PolicyPort(protocol=port.protocol or Protocol.TCP, port=port.port, end=port.end_port)


def _network(text: str, where: str) -> Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise InvalidInputError(f"no range of addresses: {text[:60]!r}", where=where) from error
