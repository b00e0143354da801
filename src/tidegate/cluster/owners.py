# SPDX-License-Identifier: Apache-2.0
"""Who makes a pod: the chain of controllers above it, each the very object that its owner reference means."""

from collections.abc import Iterator, Mapping
from typing import Final

from tidegate.cluster.held import Path, Value, value_at
from tidegate.errors import BoundExceededError, NotFoundError, RefusedError
from tidegate.kubernetes.objects import Object, Objects, object_path
from tidegate.values import Struct

_MAX_OWNERS: Final = 5
MAX_WORKLOADS: Final = 5000
_REPLICAS: Final[Mapping[Path, Value]] = {("spec", "replicas"): 0}
_SUSPEND: Final[Mapping[Path, Value]] = {("spec", "suspend"): True}


class Kind(Struct, frozen=True, kw_only=True):
    """A kind of workload.

    Attributes:
        api: its `apiVersion`.
        at_zero: by path, what makes it run nothing; none where it cannot.
    """

    name: str
    api: str
    plural: str
    at_zero: dict[Path, Value]


KINDS: Final = (
    Kind(name="ReplicaSet", api="apps/v1", plural="replicasets", at_zero=dict(_REPLICAS)),
    Kind(name="Deployment", api="apps/v1", plural="deployments", at_zero=dict(_REPLICAS)),
    Kind(name="StatefulSet", api="apps/v1", plural="statefulsets", at_zero=dict(_REPLICAS)),
    Kind(name="ReplicationController", api="v1", plural="replicationcontrollers", at_zero=dict(_REPLICAS)),
    Kind(name="Job", api="batch/v1", plural="jobs", at_zero=dict(_SUSPEND)),
    Kind(name="CronJob", api="batch/v1", plural="cronjobs", at_zero=dict(_SUSPEND)),
    Kind(name="DaemonSet", api="apps/v1", plural="daemonsets", at_zero={}),
)


class Workload(Struct, frozen=True, kw_only=True):
    """A controller.

    Attributes:
        found: the object.
    """

    kind: Kind
    namespace: str
    name: str
    found: Object

    @property
    def path(self) -> str:
        """Its path at the API server."""
        return object_path(self.kind.api, self.kind.plural, self.name, namespace=self.namespace)

    def __str__(self) -> str:
        return f"{self.kind.name} {self.namespace}/{self.name}"


class Chain(Struct, frozen=True, kw_only=True):
    """The controllers of a pod, from the nearest upwards.

    Attributes:
        beyond: a controller above them that is of no kind known here; "" for none.
    """

    workloads: tuple[Workload, ...] = ()
    beyond: str = ""


def owners_of(objects: Objects, pod: Object, namespace: str) -> Chain:
    """Finds them; one that is gone, or another by now, ends the chain.

    Raises:
        BoundExceededError: more than five, one above another.
        TidegateError: as `tidegate.kubernetes.failures`.
    """
    found: list[Workload] = []
    below = pod
    while (reference := _controller(below)) is not None:
        if len(found) == _MAX_OWNERS:
            raise BoundExceededError("max_owners", _MAX_OWNERS, where=str(found[0]))
        kind = _kind(reference)
        if kind is None:
            return Chain(
                workloads=tuple(found), beyond=f"{reference.get('kind')} ({reference.get('apiVersion')})"[:200]
            )
        name = str(reference.get("name") or "")
        made = Workload(kind=kind, namespace=namespace, name=name, found={})
        try:
            below = objects.get(made.path, where=str(made))
        except NotFoundError:
            break
        if value_at(below, ("metadata", "uid")) != reference.get("uid"):
            break
        found.append(Workload(kind=kind, namespace=namespace, name=name, found=below))
    return Chain(workloads=tuple(found))


def to_scale(chain: Chain) -> tuple[Workload, ...]:
    """Which of them must be at zero for the pod to be gone and none to come: the topmost, and jobs of a cron job.

    Raises:
        RefusedError: nothing makes the pod anew, or what does cannot be at zero.
    """
    if chain.beyond:
        raise RefusedError(f"its workload is made by a {chain.beyond}", remedy="scale that by its own means, or evict")
    if not chain.workloads:
        raise RefusedError("no workload makes its pod anew", remedy="evict or delete the pod")
    top = chain.workloads[-1]
    if not top.kind.at_zero:
        raise RefusedError(
            f"a {top.kind.name} has no number of pods", where=str(top), remedy="evict, or cordon the node"
        )
    jobs = tuple(one for one in chain.workloads[:-1] if one.kind.name == "Job")
    return (top, *jobs)


def workloads_of(objects: Objects, namespace: str) -> Iterator[Workload]:
    """All workloads of a namespace that can be at zero.

    Raises:
        BoundExceededError: more than `MAX_WORKLOADS` of one kind.
        TidegateError: as `tidegate.kubernetes.failures`.
    """
    for kind in KINDS:
        path = object_path(kind.api, kind.plural, namespace=namespace)
        for found in objects.listed(path, where=f"{kind.plural} of {namespace}", max_objects=MAX_WORKLOADS):
            name = str(value_at(found, ("metadata", "name")))
            yield Workload(kind=kind, namespace=namespace, name=name, found=found)


def has_controller(found: Object) -> bool:
    """Whether something above makes it."""
    return _controller(found) is not None


def _controller(found: Object) -> Object | None:
    references = value_at(found, ("metadata", "ownerReferences"))
    if not isinstance(references, list):
        return None
    return next((one for one in references if isinstance(one, dict) and one.get("controller") is True), None)


def _kind(reference: Object) -> Kind | None:
    named = (reference.get("kind"), reference.get("apiVersion"))
    return next((one for one in KINDS if (one.name, one.api) == named), None)
