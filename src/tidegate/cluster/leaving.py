# SPDX-License-Identifier: Apache-2.0
"""Has a pod leave: by the Eviction API, which asks its disruption budget, or deleted, which does not."""

from tidegate.cluster.held import value_at
from tidegate.errors import NotFoundError, RefusedError
from tidegate.execution.order import PodOf
from tidegate.kubernetes.objects import Object, Objects, TooManyError, object_path


def evict(objects: Objects, pod: PodOf, found: Object) -> str:
    """Evicts a pod (policy/v1, Eviction) with its grace; returns how.

    Raises:
        RefusedError: its disruption budget does not let it go now.
        TidegateError: as `tidegate.kubernetes.failures`.
    """
    where = f"pod {pod.namespace}/{pod.name}"
    if gone := _is_going(found):
        return gone
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod.name, "namespace": pod.namespace},
        "deleteOptions": {"preconditions": {"uid": pod.uid}},
    }
    try:
        objects.create(object_path("v1", "pods", pod.name, namespace=pod.namespace, sub="eviction"), body, where=where)
    except NotFoundError:
        return "it is gone"
    except TooManyError as error:
        raise RefusedError(
            f"its disruption budget does not let it go now: {error.what}",
            where=where,
            remedy="ask again later, isolate it, or have somebody approve delete",
        ) from error
    return f"evicted, {_grace(found)}"


def delete(objects: Objects, pod: PodOf, found: Object) -> str:
    """Deletes a pod with its grace; returns how. Raises as `evict`, but for the first."""
    where = f"pod {pod.namespace}/{pod.name}"
    if gone := _is_going(found):
        return gone
    try:
        objects.delete(object_path("v1", "pods", pod.name, namespace=pod.namespace), uid=pod.uid, where=where)
    except NotFoundError:
        return "it is gone"
    return f"deleted, {_grace(found)}"


def _is_going(found: Object) -> str:
    since = value_at(found, ("metadata", "deletionTimestamp"))
    return f"it is going since {str(since)[:40]}" if since else ""


def _grace(found: Object) -> str:
    seconds = value_at(found, ("spec", "terminationGracePeriodSeconds"))
    owned = bool(value_at(found, ("metadata", "ownerReferences")))
    again = "its workload makes another" if owned else "nothing makes another"
    return f"gone within its grace of {seconds if isinstance(seconds, int) else 30} s; {again}"
