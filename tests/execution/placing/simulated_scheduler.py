# SPDX-License-Identifier: Apache-2.0
"""A scheduler's filters, as kube-scheduler has them: nodes a pod fits on, by its spec and by who is there already."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Node:
    """A node, and the pods on it."""

    name: str
    labels: dict[str, str] = field(default_factory=dict)
    taints: tuple[tuple[str, str, str], ...] = ()
    pods: list[dict[str, Any]] = field(default_factory=list)

    @property
    def all_labels(self) -> dict[str, str]:
        return {**self.labels, "kubernetes.io/hostname": self.name}


def matches_selector(pod: Mapping[str, Any], node: Node) -> bool:
    """NodeSelector and required node affinity."""
    spec = pod["spec"]
    if any(node.all_labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return False
    required = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    if required is None:
        return True
    return any(_term(term, node.all_labels) for term in required["nodeSelectorTerms"])


def tolerated(pod: Mapping[str, Any], node: Node) -> bool:
    """Every taint is tolerated."""
    return all(any(_tolerates(one, taint) for one in pod["spec"].get("tolerations") or []) for taint in node.taints)


def fits(pod: dict[str, Any], node: Node, nodes: Sequence[Node]) -> bool:
    """All filters; anti-affinity holds both ways, over hostnames."""
    if not (matches_selector(pod, node) and tolerated(pod, node)):
        return False
    del nodes
    return not any(_keeps_away(pod, other) or _keeps_away(other, pod) for other in node.pods)


def schedule(pods: Sequence[dict[str, Any]], nodes: Sequence[Node]) -> None:
    """Puts each pod on the first node it fits on; who fits nowhere stays pending."""
    for pod in pods:
        for node in nodes:
            if fits(pod, node, nodes):
                node.pods.append(pod)
                break


def _keeps_away(pod: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    anti = (pod["spec"].get("affinity") or {}).get("podAntiAffinity") or {}
    for term in anti.get("requiredDuringSchedulingIgnoredDuringExecution") or []:
        everywhere = term.get("namespaceSelector") == {}
        if not everywhere and pod["metadata"].get("namespace") != other["metadata"].get("namespace"):
            continue
        selector = term["labelSelector"]
        labels = other["metadata"].get("labels") or {}
        plain = all(labels.get(k) == v for k, v in (selector.get("matchLabels") or {}).items())
        if plain and all(_expression(one, labels) for one in selector.get("matchExpressions") or []):
            return True
    return False


def _term(term: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    expressions = term.get("matchExpressions") or []
    return bool(expressions) and all(_expression(one, labels) for one in expressions)


def _expression(one: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value, values = labels.get(one["key"]), one.get("values") or []
    match one["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case operator:
            if value is None or not value.isdecimal():
                return False
            return int(value) > int(values[0]) if operator == "Gt" else int(value) < int(values[0])


def _tolerates(one: Mapping[str, Any], taint: tuple[str, str, str]) -> bool:
    key, value, effect = taint
    if one.get("effect") not in {None, "", effect}:
        return False
    if one.get("operator") == "Exists":
        return one.get("key") in {None, "", key}
    return bool(one.get("key") == key and (one.get("value") or "") == value)
