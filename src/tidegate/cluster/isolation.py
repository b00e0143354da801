# SPDX-License-Identifier: Apache-2.0
"""Cuts a pod off by a policy of its own, and gives it its network back."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from tidegate.cluster.held import give_back, held, take, value_at
from tidegate.cluster.quarantine import (
    API,
    MAX_POLICIES,
    PLURAL,
    is_as_wanted,
    policy_name,
    policy_of,
    quarantine,
)
from tidegate.errors import NotFoundError, RefusedError
from tidegate.execution.network.network_policy import NetworkPolicy, policies_in
from tidegate.execution.order import Order, PodOf
from tidegate.execution.response_policy import Step
from tidegate.kubernetes.change import changed
from tidegate.kubernetes.failures import ConflictError
from tidegate.kubernetes.objects import Object, Objects, object_path

_ONLY_WHERE: Final = "which holds only where the cluster's network enforces policies"


class Isolation:
    """Isolates pods.

    Args:
        objects: of the cluster.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def take(self, order: Order, pod: PodOf, found: Object) -> str:
        """Cuts a pod off; returns how.

        Raises:
            RefusedError: it uses its node's own network; other policies still let something, which is named: what was
                done stays.
            TidegateError: as `tidegate.kubernetes.failures`.
        """
        where = f"pod {pod.namespace}/{pod.name}"
        if value_at(found, ("spec", "hostNetwork")):
            raise RefusedError("it uses its node's own network, which no policy selects", where=where)
        self._put_policy(pod)
        policies = self._policies(pod.namespace)
        taken: tuple[str, ...] = ()
        still: tuple[str, ...] = ()

        def patch(now: Object) -> Object:
            nonlocal taken, still
            if value_at(now, ("metadata", "uid")) != pod.uid:
                raise RefusedError("another pod has its name by now", where=where)
            cut = quarantine(_labels(now), pod.uid, policies)
            taken, still = cut.taken, cut.still
            return take(now, Step.ISOLATE, order.id, cut.labels)

        changed(self._objects, object_path("v1", "pods", pod.name, namespace=pod.namespace), patch, where=where)
        what = f"NetworkPolicy {policy_name(pod.uid)} lets nothing in or out, names neither, {_ONLY_WHERE}"
        if taken:
            what += f"; it lost the labels {', '.join(taken)}, by which other policies let something"
            what += " and its workload may have known it: then another pod is made in its place"
        if still:
            names = ", ".join(still[:10])
            remedy = "freeze, evict or delete it, or change those policies; undo takes back what was done"
            raise RefusedError(f"{what}; but it is still let by NetworkPolicy {names}", where=where, remedy=remedy)
        return what

    def undo(self, order: Order, pod: PodOf, _: Object) -> str:
        """Gives a pod its labels and its network back, unless another order holds it; returns how."""
        where = f"pod {pod.namespace}/{pod.name}"
        path = object_path("v1", "pods", pod.name, namespace=pod.namespace)
        now = changed(self._objects, path, lambda one: give_back(one, Step.ISOLATE, order.undoes), where=where)
        if (left := held(now, Step.ISOLATE)) is not None:
            return f"it stays cut off for {', '.join(left.orders)}"
        name = policy_name(pod.uid)
        with suppress(NotFoundError):
            there = self._objects.get(_policy_path(pod), where=name)
            self._objects.delete(_policy_path(pod), uid=str(value_at(there, ("metadata", "uid"))), where=name)
        return f"NetworkPolicy {name} is gone, and its labels are as they were"

    def _put_policy(self, pod: PodOf) -> None:
        wanted, name = policy_of(pod.namespace, pod.name, pod.uid), policy_name(pod.uid)
        kind = object_path(API, PLURAL, namespace=pod.namespace)
        try:
            self._objects.create(kind, wanted, where=f"NetworkPolicy {name}")
        except ConflictError:  # it is there: of an order before, or of somebody who knew that it would come
            there = self._objects.get(_policy_path(pod), where=name)
            if not is_as_wanted(there, wanted):
                self._objects.delete(_policy_path(pod), uid=str(value_at(there, ("metadata", "uid"))), where=name)
                self._objects.create(kind, wanted, where=f"NetworkPolicy {name}")

    def _policies(self, namespace: str) -> Sequence[NetworkPolicy]:
        where = f"NetworkPolicies of {namespace}"
        found = self._objects.listed(
            object_path(API, PLURAL, namespace=namespace), where=where, max_objects=MAX_POLICIES
        )
        documents = [{"apiVersion": API, "kind": "NetworkPolicy", **one} for one in found]  # lists leave both out
        return policies_in(documents, where=where)


def _policy_path(pod: PodOf) -> str:
    return object_path(API, PLURAL, policy_name(pod.uid), namespace=pod.namespace)


def _labels(found: Object) -> dict[str, str]:
    labels = value_at(found, ("metadata", "labels"))
    return {str(key): str(value) for key, value in labels.items()} if isinstance(labels, dict) else {}
