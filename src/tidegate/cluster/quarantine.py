# SPDX-License-Identifier: Apache-2.0
"""A pod's quarantine: a policy that selects it alone and shuts both ways, and what other policies still let.

Policies of Kubernetes only add to what is let: one that selects the pod and lets something lets it in spite of ours.
So the pod loses the labels by which such policies select it. Pure.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tidegate.cluster.held import ISOLATED, PREFIX, Path, Value
from tidegate.execution.network.network_policy import Direction, NetworkPolicy
from tidegate.execution.network.selector import Operator
from tidegate.values import Struct

API: Final = "networking.k8s.io/v1"
PLURAL: Final = "networkpolicies"
MAX_POLICIES: Final = 5000
_OWN: Final = {"app.kubernetes.io/managed-by": "tidegate"}


class Quarantine(Struct, frozen=True, kw_only=True):
    """How a pod is cut off.

    Attributes:
        labels: by path, what its labels become.
        taken: those that are taken off it.
        still: policies that let something all the same: they select every pod, or those without a label.
    """

    labels: dict[Path, Value]
    taken: tuple[str, ...] = ()
    still: tuple[str, ...] = ()


def policy_name(uid: str) -> str:
    """What a pod's policy is called."""
    return f"tidegate-isolated-{uid}"


def policy_of(namespace: str, pod: str, uid: str) -> dict[str, Any]:
    """The policy that cuts a pod off, from names too; it goes with the pod.

    No rule under a direction that is isolated lets nothing (networking.k8s.io/v1, NetworkPolicySpec).
    """
    return {
        "apiVersion": API,
        "kind": "NetworkPolicy",
        "metadata": {
            "name": policy_name(uid),
            "namespace": namespace,
            "labels": dict(_OWN),
            "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": pod, "uid": uid}],
        },
        "spec": {"podSelector": {"matchLabels": {ISOLATED: uid}}, "policyTypes": ["Ingress", "Egress"]},
    }


def is_as_wanted(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a policy that is there already shuts what ours would."""
    spec = {key: value for key, value in (found.get("spec") or {}).items() if value}
    return bool(spec == wanted["spec"])


def quarantine(labels: Mapping[str, str], uid: str, policies: Sequence[NetworkPolicy]) -> Quarantine:
    """Which labels a pod gets and loses to be cut off.

    Args:
        labels: the pod's.
        uid: the pod's.
        policies: of its namespace.
    """
    others = [one for one in policies if one.name != policy_name(uid) and _lets(one)]
    kept = {**labels, ISOLATED: uid}
    taken: list[str] = []
    for one in others:
        if one.pods.selects(kept):
            for key in _keys(one):
                if key in kept and key != ISOLATED:
                    del kept[key]
                    taken.append(key)
    still = tuple(one.name for one in others if one.pods.selects(kept))
    values: dict[Path, Value] = {("metadata", "labels", key): None for key in taken}
    return Quarantine(labels={("metadata", "labels", ISOLATED): uid, **values}, taken=tuple(sorted(taken)), still=still)


def _lets(policy: NetworkPolicy) -> bool:
    return any(policy.rules(direction) for direction in Direction if direction in policy.types)


def _keys(policy: NetworkPolicy) -> Sequence[str]:
    """Labels without which it does not select."""
    by_expression = [
        one.key for one in policy.pods.match_expressions or () if one.operator in {Operator.IN, Operator.EXISTS}
    ]
    return [key for key in (*(policy.pods.match_labels or {}), *by_expression) if not key.startswith(PREFIX)]
