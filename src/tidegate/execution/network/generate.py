# SPDX-License-Identifier: Apache-2.0
"""NetworkPolicies that allow what is declared, and nothing else."""

from collections.abc import Mapping
from typing import Any, Final

from tidegate.execution.network.endpoint import NAMESPACE_NAME
from tidegate.execution.network.flows import DNS_PORT, DNS_PROTOCOLS, Addresses, Flow, Flows, Party, Ports, Segment
from tidegate.execution.network.network_policy import API_VERSION, KIND, Direction

MANAGED_BY: Final = "app.kubernetes.io/managed-by"
MANAGER: Final = "tidegate"
WHY_ANNOTATION: Final = "tidegate.dev/flows"
_MAX_TOLD: Final = 50


def policies_for(flows: Flows) -> list[dict[str, Any]]:
    """Documents: every namespace closed in both directions, names may be asked for, and each flow let through twice.

    Each flow is an egress rule of its source and an ingress rule of its target, so neither side alone opens it.
    """
    made: list[dict[str, Any]] = []
    for namespace in flows.namespaces:
        made.append(_closed(namespace))
        if flows.resolver is not None:
            made.append(_names(namespace, flows.resolver))
    for segment in flows.segments:
        outward = [flow for flow in flows.flows if flow.source == segment]
        inward = [flow for flow in flows.flows if flow.target == segment]
        if outward or inward:
            made.append(_segment(segment, outward, inward))
    if flows.resolver is not None and flows.resolver.namespace in flows.namespaces:
        made.append(_answers(flows.resolver, flows.namespaces))
    return made


def _closed(namespace: str) -> dict[str, Any]:
    return _policy(namespace, "tidegate-closed", {}, {"policyTypes": [*Direction]})


def _names(namespace: str, resolver: Segment) -> dict[str, Any]:
    rule = {"to": [_peer(resolver)], "ports": [_dns(protocol) for protocol in DNS_PROTOCOLS]}
    return _policy(namespace, "tidegate-names", {}, {"policyTypes": [Direction.EGRESS], "egress": [rule]})


def _answers(resolver: Segment, namespaces: tuple[str, ...]) -> dict[str, Any]:
    """Where the resolver's own namespace is closed too, it still answers."""
    expression = {"key": NAMESPACE_NAME, "operator": "In", "values": list(namespaces)}
    peer = {"namespaceSelector": {"matchExpressions": [expression]}}
    rule = {"from": [peer], "ports": [_dns(protocol) for protocol in DNS_PROTOCOLS]}
    spec = {"policyTypes": [Direction.INGRESS], "ingress": [rule]}
    return _policy(resolver.namespace, "tidegate-names-answered", resolver.labels, spec)


def _segment(segment: Segment, outward: list[Flow], inward: list[Flow]) -> dict[str, Any]:
    spec: dict[str, Any] = {"policyTypes": []}
    if inward:
        spec["policyTypes"].append(Direction.INGRESS)
        spec["ingress"] = [{"from": [_peer(flow.source)], "ports": _ports(flow.ports)} for flow in inward]
    if outward:
        spec["policyTypes"].append(Direction.EGRESS)
        spec["egress"] = [{"to": [_peer(flow.target)], "ports": _ports(flow.ports)} for flow in outward]
    said = (f"{flow} ({flow.why})" if flow.why else str(flow) for flow in (*inward, *outward))
    told = list(dict.fromkeys(said))
    more = [f"and {len(told) - _MAX_TOLD} more"] if len(told) > _MAX_TOLD else []
    return _policy(
        segment.namespace,
        f"tidegate-{segment.name}",
        segment.labels,
        spec,
        annotations={WHY_ANNOTATION: "\n".join([*told[:_MAX_TOLD], *more])},
    )


def _policy(
    namespace: str,
    name: str,
    labels: Mapping[str, str],
    spec: Mapping[str, Any],
    *,
    annotations: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "namespace": namespace, "labels": {MANAGED_BY: MANAGER}}
    if annotations:
        metadata["annotations"] = dict(annotations)
    selector = {"matchLabels": dict(labels)} if labels else {}
    plain = {key: [str(one) for one in value] if key == "policyTypes" else value for key, value in spec.items()}
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": metadata,
        "spec": {"podSelector": selector, **plain},
    }


def _peer(party: Party) -> dict[str, Any]:
    if isinstance(party, Addresses):
        block: dict[str, Any] = {"cidr": str(party.block.cidr)}
        if party.block.excepted:
            block["except"] = [str(one) for one in party.block.excepted]
        return {"ipBlock": block}
    peer: dict[str, Any] = {"namespaceSelector": {"matchLabels": {NAMESPACE_NAME: party.namespace}}}
    if party.labels:
        peer["podSelector"] = {"matchLabels": dict(party.labels)}
    return peer


def _ports(ports: tuple[Ports, ...]) -> list[dict[str, Any]]:
    return [_port(one) for one in ports]


def _port(one: Ports) -> dict[str, Any]:
    made: dict[str, Any] = {"protocol": str(one.protocol), "port": one.first}
    if isinstance(one.first, int) and one.last != one.first:
        made["endPort"] = one.last
    return made


def _dns(protocol: object) -> dict[str, Any]:
    return {"protocol": str(protocol), "port": DNS_PORT}
