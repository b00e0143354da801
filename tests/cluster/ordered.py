# SPDX-License-Identifier: Apache-2.0
"""Orders to a cluster, and a shop's pods to give them for."""

from hashlib import sha256
from typing import Any

from kept_objects import KeptObjects

from tidegate.cluster.steps import ClusterSteps
from tidegate.execution.order import Order, PodOf
from tidegate.execution.response_policy import Step
from tidegate.reporting.spool import Spool

NAMESPACE = "shop"
POD = PodOf(namespace=NAMESPACE, name="web-1", uid="uid-web-1", host="worker-1")


def order(step: Step, *, pod: PodOf = POD, undoes: Order | None = None, key: str = "") -> Order:
    """An order of an id that its step and key make."""
    words = f"{step}{key}{pod.name}{undoes.id if undoes else ''}"
    return Order(
        id=sha256(words.encode()).hexdigest()[:32],
        node="prod",
        container="ab" * 32,
        step=step,
        undoes=undoes.id if undoes else "",
        incident="cd" * 16,
        why="it calls home",
        pod=pod,
        issued_at="2026-11-30T00:00:00Z",
        expires_at="2026-11-30T00:05:00Z",
    )


def steps(kept: KeptObjects, spool: Spool, *, most: int = 100) -> ClusterSteps:
    return ClusterSteps(kept.api, spool, own_namespace="tidegate", most_per_hour=most)


def a_shop(kept: KeptObjects, **spec: Any) -> str:
    """A Deployment of three, its ReplicaSet, one pod of it, and the nodes; the pod's path."""
    for name in ("worker-1", "worker-2"):
        kept.put("Node", name, spec={"podCIDR": "10.0.0.0/24"})
    labels = {"app": "web", "tier": "front"}
    above = kept.put("Deployment", "web", namespace=NAMESPACE, spec={"replicas": 3, "paused": False})
    between = kept.put("ReplicaSet", "web-7d", namespace=NAMESPACE, owner=above, spec={"replicas": 3})
    spec = {"nodeName": "worker-1", "containers": [{"name": "app", "image": "web:1"}], **spec}
    return kept.put("Pod", "web-1", namespace=NAMESPACE, owner=between, metadata={"labels": labels}, spec=spec)
