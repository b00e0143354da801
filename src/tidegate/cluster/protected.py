# SPDX-License-Identifier: Apache-2.0
"""What no step touches: what a cluster stands on, and tidegate itself. Pure."""

from collections.abc import Sequence
from typing import Final

from tidegate.cluster.held import value_at
from tidegate.errors import RefusedError
from tidegate.kubernetes.objects import Object

SYSTEM: Final = frozenset({"kube-system", "kube-public", "kube-node-lease"})
_CRITICAL: Final = frozenset({"system-node-critical", "system-cluster-critical"})
_CONTROL_PLANE: Final = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")


def demand_unprotected(pod: Object, namespace: str, own_namespace: str) -> None:
    """Lets pass what may be contained.

    Raises:
        RefusedError: it is of the system's or tidegate's own namespace, a static pod, or critical for the cluster.
    """
    if namespace in SYSTEM or namespace == own_namespace:
        raise RefusedError("its namespace is protected", where=namespace, remedy="deal with it by hand")
    if value_at(pod, ("metadata", "annotations", "kubernetes.io/config.mirror")) is not None:
        raise RefusedError("a static pod is its node's own", where=namespace, remedy="take its file off the node")
    priority = value_at(pod, ("spec", "priorityClassName"))
    if priority in _CRITICAL:
        raise RefusedError(
            f"its priority class {priority} is protected", where=namespace, remedy="deal with it by hand"
        )


def demand_room_without(name: str, nodes: Sequence[Object]) -> None:
    """Lets pass a node that others can stand in for.

    Raises:
        RefusedError: it is of the control plane, or no other node takes pods.
    """
    this = next((one for one in nodes if value_at(one, ("metadata", "name")) == name), None)
    if this is not None and _is_of_control_plane(this):
        raise RefusedError("a node of the control plane is protected", where=name, remedy="cordon it by hand")
    others = [one for one in nodes if one is not this and not value_at(one, ("spec", "unschedulable"))]
    if not any(not _is_of_control_plane(one) for one in others):
        raise RefusedError("no other node takes pods", where=name, remedy="cordon it by hand")


def _is_of_control_plane(node: Object) -> bool:
    labels = value_at(node, ("metadata", "labels"))
    return isinstance(labels, dict) and any(key in labels for key in _CONTROL_PLANE)
