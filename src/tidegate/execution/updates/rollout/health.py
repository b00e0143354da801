# SPDX-License-Identifier: Apache-2.0
"""How a rollout goes, by what the API server tells of a workload and its pods. Pure."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from tidegate.bounds import printable
from tidegate.values import Struct

Object = Mapping[str, Any]
KINDS: Final[Mapping[str, str]] = {
    "Deployment": "deployments",
    "StatefulSet": "statefulsets",
    "DaemonSet": "daemonsets",
}
"""Kinds that are rolled out, by their plurals."""
_CANNOT_START: Final = frozenset(
    {
        "CrashLoopBackOff",
        "ErrImagePull",
        "ImagePullBackOff",
        "ErrImageNeverPull",
        "InvalidImageName",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
    }
)


class Progress(StrEnum):
    """How far it is."""

    MOVING = "moving"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


class Health(Struct, frozen=True, kw_only=True):
    """How it goes, and why it is thought so."""

    progress: Progress
    why: str


def health_of(workload: Object, pods: Sequence[Object], image: str, container: str, *, max_restarts: int) -> Health:
    """How the rollout of an image goes.

    Args:
        workload: a Deployment, StatefulSet or DaemonSet.
        pods: of its namespace.
        image: as its template names it now.
        container: whose image it is.
        max_restarts: of a new container, before it is unhealthy.
    """
    for pod in pods_with(workload, pods, image, container):
        if trouble := _trouble(pod, max_restarts):
            return Health(progress=Progress.UNHEALTHY, why=f"pod {_name(pod)}: {trouble}")
    for condition in _list(_at(workload, "status", "conditions")):
        if condition.get("type") == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
            return Health(progress=Progress.UNHEALTHY, why="its own progress deadline is over")
    left = _left(workload)
    return Health(progress=Progress.MOVING if left else Progress.HEALTHY, why=left or "all of it is ready")


def pods_with(workload: Object, pods: Sequence[Object], image: str, container: str) -> list[Object]:
    """Pods that the workload selects and that run an image in a container."""
    labels = _at(workload, "spec", "selector", "matchLabels") or {}
    return [pod for pod in pods if _has(pod, labels) and _image_of(pod, container) == image]


def objection(workload: Object) -> str:
    """Why a change of its template would not roll by itself; "" for no reason."""
    spec = workload.get("spec") or {}
    strategy = spec.get("updateStrategy") or {}
    if spec.get("paused"):
        return "it is paused"
    if strategy.get("type") == "OnDelete":
        return "its pods are renewed only when somebody deletes them (OnDelete)"
    if _at(strategy, "rollingUpdate", "partition"):
        return "a partition holds some of its pods back"
    return ""


def is_ready(pod: Object) -> bool:
    """True for a pod whose condition Ready holds."""
    conditions = _list(_at(pod, "status", "conditions"))
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)


def _left(workload: Object) -> str:
    """What is still to come; "" when nothing is."""
    status, kind = workload.get("status") or {}, workload.get("kind")
    if _number(status, "observedGeneration") < _number(workload.get("metadata") or {}, "generation"):
        return "the change is not seen yet"
    if kind == "DaemonSet":
        wanted = _number(status, "desiredNumberScheduled")
        updated, ready = _number(status, "updatedNumberScheduled"), _number(status, "numberAvailable")
        there = wanted
    else:
        replicas = _at(workload, "spec", "replicas")
        wanted = 1 if replicas is None else int(replicas)
        updated, there = _number(status, "updatedReplicas"), _number(status, "replicas")
        ready = _number(status, "availableReplicas" if kind == "Deployment" else "readyReplicas")
        if kind == "StatefulSet" and wanted and status.get("currentRevision") != status.get("updateRevision"):
            updated = min(updated, wanted - 1)
    if updated < wanted or ready < wanted or there > wanted:
        return f"{updated} of {wanted} are new, {ready} are ready"
    return ""


def _trouble(pod: Object, max_restarts: int) -> str:
    if _at(pod, "status", "phase") == "Failed":
        return printable(f"failed: {_at(pod, 'status', 'reason') or 'no reason is told'}"[:200])
    statuses = [
        *_list(_at(pod, "status", "initContainerStatuses")),
        *_list(_at(pod, "status", "containerStatuses")),
    ]
    for one in statuses:
        reason = _at(one, "state", "waiting", "reason")
        if reason in _CANNOT_START:
            return printable(f"container {one.get('name')}: {reason}"[:200])
        if _number(one, "restartCount") > max_restarts:
            return printable(f"container {one.get('name')} was started anew {one.get('restartCount')} times"[:200])
    return ""


def _has(pod: Object, labels: Mapping[str, str]) -> bool:
    own = _at(pod, "metadata", "labels") or {}
    return bool(labels) and all(own.get(name) == value for name, value in labels.items())


def _image_of(pod: Object, container: str) -> str:
    spec = pod.get("spec") or {}
    listed = [*_list(spec.get("containers")), *_list(spec.get("initContainers"))]
    return next((str(one.get("image")) for one in listed if one.get("name") == container), "")


def _name(pod: Object) -> str:
    return printable(str(_at(pod, "metadata", "name"))[:253])


def _at(node: Any, *keys: str) -> Any:
    for key in keys:
        node = node.get(key) if isinstance(node, dict) else None
    return node


def _list(node: Any) -> list[dict[str, Any]]:
    return [one for one in node if isinstance(one, dict)] if isinstance(node, list) else []


def _number(node: Any, key: str) -> int:
    value = node.get(key) if isinstance(node, dict) else None
    return value if isinstance(value, int) else 0
