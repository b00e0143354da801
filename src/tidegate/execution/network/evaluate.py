# SPDX-License-Identifier: Apache-2.0
"""What NetworkPolicies allow, as https://kubernetes.io/docs/concepts/services-networking/network-policies/ says it.

Traffic flows when the policies of both sides let it. A pod is isolated in a direction when any policy that selects it
has that direction among its types; what any of these allows is allowed, and a pod that is not isolated lets everything.
Replies of what is allowed are allowed. Pods reach themselves; that, and the node's own traffic, is not asked here.
"""

from collections.abc import Iterable

from tidegate.execution.network.endpoint import Endpoint, Outside, Pod, Protocol
from tidegate.execution.network.network_policy import Direction, NetworkPolicy, Peer, PolicyPort, PolicyRule
from tidegate.values import Struct


class Side(Struct, frozen=True, kw_only=True):
    """What one side says.

    Attributes:
        isolated: by the names of the policies that select it in this direction.
        allowed_by: those among them that let it through.
    """

    isolated: tuple[str, ...] = ()
    allowed_by: tuple[str, ...] = ()

    @property
    def allows(self) -> bool:
        """True when it lets it through."""
        return not self.isolated or bool(self.allowed_by)


class Answer(Struct, frozen=True, kw_only=True):
    """What both sides say of one connection."""

    egress: Side
    ingress: Side

    @property
    def allows(self) -> bool:
        """True when it flows."""
        return self.egress.allows and self.ingress.allows


def ask(
    policies: Iterable[NetworkPolicy], source: Endpoint, target: Endpoint, port: int, protocol: Protocol = Protocol.TCP
) -> Answer:
    """Whether a connection is allowed.

    Args:
        policies: all there are.
        source: who opens it.
        target: whom it goes to.
        port: of the target.
        protocol: of the connection.
    """
    return Between.of(policies, source, target).answer(port, protocol)


class Between(Struct, frozen=True, kw_only=True):
    """Two, and the policies and rules that speak of them both, so that many ports can be asked for.

    Attributes:
        egress: of the policies that isolate the source, the rules that speak of the target; None when none isolates it.
        ingress: of those that isolate the target, the rules that speak of the source; likewise.
    """

    target: Endpoint
    egress: tuple[tuple[str, tuple[PolicyRule, ...]], ...] | None
    ingress: tuple[tuple[str, tuple[PolicyRule, ...]], ...] | None

    @classmethod
    def of(cls, policies: Iterable[NetworkPolicy], source: Endpoint, target: Endpoint) -> "Between":
        """Finds what speaks of two."""
        known = tuple(policies)
        return cls(
            target=target,
            egress=_speaking(known, Direction.EGRESS, source, target),
            ingress=_speaking(known, Direction.INGRESS, target, source),
        )

    @property
    def is_shut(self) -> bool:
        """True when no port can be open: a side is isolated, and no rule there speaks of the other."""
        return any(side is not None and not any(rules for _, rules in side) for side in (self.egress, self.ingress))

    def answer(self, port: int, protocol: Protocol) -> Answer:
        """Whether they may talk at a port."""
        return Answer(egress=self._side(self.egress, port, protocol), ingress=self._side(self.ingress, port, protocol))

    def _side(
        self, speaking: tuple[tuple[str, tuple[PolicyRule, ...]], ...] | None, port: int, protocol: Protocol
    ) -> Side:
        return Side(
            isolated=tuple(name for name, _ in speaking or ()),
            allowed_by=tuple(
                name
                for name, rules in speaking or ()
                if any(not r.ports or any(_is_port(one, self.target, port, protocol) for one in r.ports) for r in rules)
            ),
        )


def selecting(policies: Iterable[NetworkPolicy], endpoint: Endpoint) -> tuple[NetworkPolicy, ...]:
    """The policies that select a pod, in either direction; none selects an address."""
    if isinstance(endpoint, Outside):
        return ()
    return tuple(one for one in policies if one.namespace == endpoint.namespace and one.pods.selects(endpoint.labels))


def _speaking(
    policies: tuple[NetworkPolicy, ...], direction: Direction, own: Endpoint, other: Endpoint
) -> tuple[tuple[str, tuple[PolicyRule, ...]], ...] | None:
    found = [policy for policy in selecting(policies, own) if direction in policy.types]
    if not found:
        return None
    return tuple((str(policy), _rules(policy, direction, other)) for policy in found)


def _rules(policy: NetworkPolicy, direction: Direction, other: Endpoint) -> tuple[PolicyRule, ...]:
    rules = policy.rules(direction)
    return tuple(rule for rule in rules if not rule.peers or any(_is_peer(one, policy, other) for one in rule.peers))


def _is_peer(peer: Peer, policy: NetworkPolicy, other: Endpoint) -> bool:
    if peer.block is not None:
        return peer.block.holds(other.address)
    if not isinstance(other, Pod):
        return False
    if peer.namespaces is None:
        in_namespace = other.namespace == policy.namespace
    else:
        in_namespace = peer.namespaces.selects(other.labels_of_namespace)
    return in_namespace and (peer.pods is None or peer.pods.selects(other.labels))


def _is_port(one: PolicyPort, target: Endpoint, port: int, protocol: Protocol) -> bool:
    if one.protocol is not protocol:
        return False
    if one.port is None:
        return True
    if isinstance(one.port, int):
        return one.port <= port <= (one.end or one.port)
    return isinstance(target, Pod) and target.named_ports.get(one.port) == (port, protocol)
