# SPDX-License-Identifier: Apache-2.0
"""Has nothing new placed on a node, and lets it take pods again."""

from typing import Final

from tidegate.cluster.held import give_back, held, is_held_by, take, value_at
from tidegate.cluster.protected import demand_room_without
from tidegate.execution.order import Order
from tidegate.execution.response_policy import Step
from tidegate.kubernetes.change import changed
from tidegate.kubernetes.objects import Objects, object_path

_MAX_NODES: Final = 10_000
_STEP: Final = Step.CORDON
_NODES: Final = object_path("v1", "nodes")


def cordon(objects: Objects, order: Order, name: str) -> str:
    """Cordons a node; what runs there stays; returns how.

    Raises:
        RefusedError: it is of the control plane, or no other node takes pods.
        TidegateError: as `tidegate.kubernetes.failures`.
    """
    demand_room_without(name, objects.listed(_NODES, where="nodes", max_objects=_MAX_NODES))
    changed(
        objects,
        object_path("v1", "nodes", name),
        lambda found: take(found, _STEP, order.id, {("spec", "unschedulable"): True}),
        where=f"node {name}",
    )
    return f"nothing new is placed on node {name}; what runs there stays"


def uncordon(objects: Objects, order: str) -> str:
    """Lets the node that an order cordoned take pods again, as it did before; returns how.

    Raises:
        TidegateError: as `tidegate.kubernetes.failures`.
    """
    for node in objects.listed(_NODES, where="nodes", max_objects=_MAX_NODES):
        if not is_held_by(node, _STEP, order):
            continue
        name = str(value_at(node, ("metadata", "name")))
        path = object_path("v1", "nodes", name)
        now = changed(objects, path, lambda found: give_back(found, _STEP, order), where=f"node {name}")
        left = held(now, _STEP)
        if left is not None:
            return f"node {name} stays cordoned for {', '.join(left.orders)}"
        return (
            f"node {name} {'was cordoned before' if value_at(now, ('spec', 'unschedulable')) else 'takes pods again'}"
        )
    return "no node is cordoned by it"
