# SPDX-License-Identifier: Apache-2.0
"""What runs against what is declared: what is missing, what is wider, what nobody uses. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum

from tidegate.execution.network.endpoint import Endpoint, Pod, Protocol
from tidegate.execution.network.evaluate import Answer, Between, ask, selecting
from tidegate.execution.network.flows import Flow, Flows
from tidegate.execution.network.network_policy import Direction, NetworkPolicy
from tidegate.execution.network.observed import ObservedFlow
from tidegate.execution.network.witnesses import endpoints, ports
from tidegate.values import Struct


class Lack(StrEnum):
    """What is wrong."""

    MISSING = "missing"
    """Declared, and the running policies do not let it through."""
    OPEN = "open"
    """A namespace that is to be closed has pods that no policy isolates."""
    WIDER = "wider"
    """Let through, and not declared."""
    UNDECLARED = "undeclared"
    """Seen, and not declared."""
    BLOCKED = "blocked"
    """Seen, and the running policies keep it in."""
    BARE = "bare"
    """Pods that run, and that no policy isolates."""
    IDLE = "idle"
    """A policy that selects no pod that runs."""
    UNUSED = "unused"
    """Declared, and never seen; or a policy that lets nothing through that is declared, or was seen."""

    @property
    def is_told_only(self) -> bool:
        """True for what is to be known, and is no fault by itself."""
        return self in {Lack.BARE, Lack.IDLE, Lack.UNUSED}


class Difference(Struct, frozen=True, kw_only=True):
    """One difference, by an example.

    Attributes:
        source, target: of the example.
        ports: all that differ between these two, as `443/TCP`.
        policies: that let it through, or keep it in.
        why: for people.
    """

    lack: Lack
    source: str
    target: str
    ports: tuple[str, ...]
    policies: tuple[str, ...]
    why: str


def differences(
    flows: Flows, running: Sequence[NetworkPolicy], observed: Iterable[ObservedFlow] | None = None
) -> tuple[Difference, ...]:
    """Everything that running policies do otherwise than it is declared, the worst first.

    Args:
        flows: declared.
        running: all policies there are, also those of other makers.
        observed: connections that were seen; None leaves out what is unused, undeclared or blocked by them.
    """
    seen = None if observed is None else tuple(observed)
    used: set[str] = set()
    found = [*_open(flows, running), *_asked(flows, running, used)]
    used |= {name for one in found if one.lack is Lack.WIDER for name in one.policies}
    found += _idle(flows, running, used)
    if seen is not None:
        found += [*_undeclared(flows, seen), *_unused(flows, seen), *_by_running(flows, running, seen)]
    return tuple(sorted(found, key=lambda one: (list(Lack).index(one.lack), one.source, one.target)))


def _open(flows: Flows, running: Sequence[NetworkPolicy]) -> Iterator[Difference]:
    """Namespaces in which a pod with labels nobody names is not isolated."""
    for namespace in flows.namespaces:
        pod = Pod(namespace=namespace, labels={"tidegate.dev/witness": "stranger"})
        for direction in Direction:
            closing = [
                policy
                for policy in running
                if policy.namespace == namespace and direction in policy.types and policy.pods.selects(pod.labels)
            ]
            if not closing:
                yield Difference(
                    lack=Lack.OPEN,
                    source=namespace,
                    target=namespace,
                    ports=(),
                    policies=(),
                    why=f"nothing closes {namespace} in the direction {direction}",
                )


def _asked(flows: Flows, running: Sequence[NetworkPolicy], used: set[str]) -> Iterator[Difference]:
    """What pairs of witnesses may and should; names of policies that let something declared through go into `used`."""
    parties, asked = endpoints(flows, running), ports(flows, running)
    closed = {*flows.namespaces}
    near = [selecting(running, party) for party in parties]
    for source, of_source in zip(parties, near, strict=True):
        for target, of_target in zip(parties, near, strict=True):
            # Of one and the same, two pods that are alike are meant.
            if _is_in(source, closed) or _is_in(target, closed):
                policies = {str(one): one for one in (*of_source, *of_target)}
                yield from _between(
                    flows.between(source, target), tuple(policies.values()), source, target, asked, used
                )


def _between(
    declared: Flows,
    near: tuple[NetworkPolicy, ...],
    source: Endpoint,
    target: Endpoint,
    asked: Sequence[tuple[int, Protocol]],
    used: set[str],
) -> Iterator[Difference]:
    between = Between.of(near, source, target)
    if between.is_shut and not declared.flows and declared.resolver is None:
        return
    missing: dict[str, Answer] = {}
    wider: dict[str, Answer] = {}
    for port, protocol in asked:
        wanted = declared.covers(source, target, port, protocol)
        answer = between.answer(port, protocol)
        if wanted != answer.allows:
            (missing if wanted else wider)[f"{port}/{protocol}"] = answer
        elif wanted:
            used.update(answer.egress.allowed_by, answer.ingress.allowed_by)
    if missing:
        keeping = {
            name
            for answer in missing.values()
            for side in (answer.egress, answer.ingress)
            if not side.allows
            for name in side.isolated
        }
        why = "declared, and kept in"
        yield _difference(Lack.MISSING, source, target, missing, keeping, why)
    if wider:
        letting = {name for a in wider.values() for name in (*a.egress.allowed_by, *a.ingress.allowed_by)}
        why = "let through, and not declared" if letting else "nothing keeps it in"
        yield _difference(Lack.WIDER, source, target, wider, letting, why)


def _idle(flows: Flows, running: Sequence[NetworkPolicy], used: set[str]) -> Iterator[Difference]:
    """Policies in closed namespaces that have rules and let nothing through that is declared."""
    for policy in running:
        if policy.namespace in flows.namespaces and (policy.ingress or policy.egress) and str(policy) not in used:
            yield Difference(
                lack=Lack.UNUSED,
                source=policy.namespace,
                target="",
                ports=(),
                policies=(str(policy),),
                why="lets nothing through that is declared",
            )


def _undeclared(flows: Flows, seen: tuple[ObservedFlow, ...]) -> Iterator[Difference]:
    closed = {*flows.namespaces}
    for one in seen:
        source, target = one.source.endpoint(), one.destination.endpoint()
        concerns = _is_in(source, closed) or _is_in(target, closed)
        if concerns and not _covered(flows, source, target, one):
            yield Difference(
                lack=Lack.UNDECLARED,
                source=one.source.workload or str(source),
                target=one.destination.workload or str(target),
                ports=(f"{one.port}/{one.protocol}",),
                policies=(),
                why=f"seen {one.count} times",
            )


def _unused(flows: Flows, seen: tuple[ObservedFlow, ...]) -> Iterator[Difference]:
    for flow in flows.flows:
        if not any(_is_of(flow, one) for one in seen):
            yield Difference(
                lack=Lack.UNUSED,
                source=str(flow.source),
                target=str(flow.target),
                ports=tuple(map(str, flow.ports)),
                policies=(),
                why="declared, and never seen",
            )


def _by_running(flows: Flows, running: Sequence[NetworkPolicy], seen: tuple[ObservedFlow, ...]) -> Iterator[Difference]:
    """What was seen and running policies keep in; where nothing is declared, policies through which nothing came."""
    used: set[str] = set()
    for one in seen:
        source, target = one.source.endpoint(), one.destination.endpoint()
        answer = ask(running, source, target, one.port, one.protocol)
        used.update(answer.egress.allowed_by, answer.ingress.allowed_by)
        # Which number a name has is not known of what was only seen: a rule of names may let it through.
        if not answer.allows and not _has_names(running, answer):
            keeping = {name for side in (answer.egress, answer.ingress) if not side.allows for name in side.isolated}
            yield Difference(
                lack=Lack.BLOCKED,
                source=one.source.workload or str(source),
                target=one.destination.workload or str(target),
                ports=(f"{one.port}/{one.protocol}",),
                policies=tuple(sorted(keeping)),
                why=f"seen {one.count} times, and kept in: was it before they held, or does nobody enforce them?",
            )
    for policy in running if seen else ():
        if policy.namespace in flows.namespaces or _names_ports(policy):
            continue
        if (policy.ingress or policy.egress) and str(policy) not in used:
            yield Difference(
                lack=Lack.UNUSED,
                source=policy.namespace,
                target="",
                ports=(),
                policies=(str(policy),),
                why="nothing came through it that was seen",
            )


def _has_names(running: Sequence[NetworkPolicy], answer: Answer) -> bool:
    isolating = {*answer.egress.isolated, *answer.ingress.isolated}
    return any(_names_ports(policy) for policy in running if str(policy) in isolating)


def _names_ports(policy: NetworkPolicy) -> bool:
    return any(isinstance(port.port, str) for rule in (*policy.ingress, *policy.egress) for port in rule.ports)


def _covered(flows: Flows, source: Endpoint, target: Endpoint, one: ObservedFlow) -> bool:
    if flows.covers(source, target, one.port, one.protocol):
        return True
    return any(_is_of(flow, one) for flow in flows.flows)


def _is_of(flow: Flow, one: ObservedFlow) -> bool:
    """True when an observation is of a flow; which number a named port has is not known, so any is taken for it."""
    return (
        flow.source.has(one.source.endpoint())
        and flow.target.has(one.destination.endpoint())
        and any(
            port.protocol is one.protocol and (isinstance(port.first, str) or port.first <= one.port <= port.last)
            for port in flow.ports
        )
    )


def _difference(
    lack: Lack, source: Endpoint, target: Endpoint, found: dict[str, Answer], policies: set[str], why: str
) -> Difference:
    return Difference(
        lack=lack,
        source=str(source),
        target=str(target),
        ports=tuple(found),
        policies=tuple(sorted(policies)),
        why=why,
    )


def _is_in(endpoint: Endpoint, namespaces: set[str]) -> bool:
    return isinstance(endpoint, Pod) and endpoint.namespace in namespaces
