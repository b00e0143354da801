# SPDX-License-Identifier: Apache-2.0
"""Has a pod's workload run nothing, and run again what it did."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from tidegate.cluster.held import give_back, held, is_held_by, let_go, take, value_at
from tidegate.cluster.owners import Workload, has_controller, owners_of, to_scale, workloads_of
from tidegate.errors import NotFoundError, RefusedError
from tidegate.execution.order import Order, PodOf
from tidegate.execution.response_policy import Step
from tidegate.kubernetes.change import changed
from tidegate.kubernetes.objects import Object, Objects, object_path

_MAX_SCALERS: Final = 5000
_STEP: Final = Step.SCALE_TO_ZERO


def to_zero(objects: Objects, order: Order, pod: PodOf, found: Object) -> str:
    """Puts the workload at zero: its replicas, or suspended where it is a job or makes jobs; returns how.

    Raises:
        RefusedError: nothing makes the pod anew, or what does cannot be at zero.
        TidegateError: as `tidegate.kubernetes.failures`.
    """
    workloads = to_scale(owners_of(objects, found, pod.namespace))
    told = []
    for one in workloads:
        uid = value_at(one.found, ("metadata", "uid"))

        def patch(now: Object, one: Workload = one, uid: object = uid) -> Object:
            if value_at(now, ("metadata", "uid")) != uid:
                raise RefusedError("another workload has its name by now", where=str(one))
            return take(now, _STEP, order.id, one.kind.at_zero)

        now = changed(objects, one.path, patch, where=str(one))
        told.append(f"{one} {_was(now)}")
    scalers = _scalers(objects, workloads[0])
    rest = f"; HorizontalPodAutoscaler {', '.join(scalers)} does nothing while it is at zero" if scalers else ""
    return f"at zero: {', '.join(told)}{rest}"


def back_from_zero(objects: Objects, order: str, pod: PodOf, *, look: bool = False) -> str:
    """Lets the workloads of a namespace that an order holds at zero run again; returns which, "" for none.

    Args:
        objects: of the cluster.
        order: that holds them.
        pod: of their namespace; itself it is gone.
        look: change nothing.

    Raises:
        InvalidInputError: what one of them remembers is none of ours.
        TidegateError: as `tidegate.kubernetes.failures`.
    """
    told = []
    held_by_it = [one for one in workloads_of(objects, pod.namespace) if is_held_by(one.found, _STEP, order)]
    for one in sorted(held_by_it, key=_is_copy):  # a copy is told to forget once it is not copied again
        if _is_copy(one):
            if not look:
                _forget(objects, one, order)
            continue
        if look:
            told.append(str(one))
            continue
        try:
            now = changed(objects, one.path, lambda found: give_back(found, _STEP, order), where=str(one))
        except NotFoundError:
            continue
        left = held(now, _STEP)
        told.append(f"{one} stays at zero for {', '.join(left.orders)}" if left else f"{one} is {_runs(now)}")
    return ", ".join(told)


def _is_copy(one: Workload) -> bool:
    """Controllers of Deployments copy annotations to ReplicaSets: what stands there was never done to them."""
    return one.kind.name == "ReplicaSet" and has_controller(one.found)


def _forget(objects: Objects, one: Workload, order: str) -> None:
    with suppress(NotFoundError):
        changed(objects, one.path, lambda found: let_go(found, _STEP, order), where=str(one))


def _was(now: Object) -> str:
    found = held(now, _STEP)
    values = ", ".join(f"{one.path[-1]} {one.before}" for one in found.values) if found else ""
    return f"(was: {values})"


def _runs(now: Object) -> str:
    replicas, suspended = value_at(now, ("spec", "replicas")), value_at(now, ("spec", "suspend"))
    return f"at {replicas}" if replicas is not None else "suspended" if suspended else "not suspended"


def _scalers(objects: Objects, workload: Workload) -> Sequence[str]:
    path = object_path("autoscaling/v2", "horizontalpodautoscalers", namespace=workload.namespace)
    where = f"HorizontalPodAutoscalers of {workload.namespace}"
    wanted = (workload.kind.name, workload.name)
    return [
        str(value_at(one, ("metadata", "name")))
        for one in objects.listed(path, where=where, max_objects=_MAX_SCALERS)
        if (value_at(one, ("spec", "scaleTargetRef", "kind")), value_at(one, ("spec", "scaleTargetRef", "name")))
        == wanted
    ]
