# SPDX-License-Identifier: Apache-2.0
"""Workloads: what in a Kubernetes manifest brings containers to life, and what those containers may do."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from tidegate.artifact import Reference
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.execution.pod_spec import Capabilities, ContainerSpec, Metadata, PodSpec, SecurityContext, Template
from tidegate.manifests.documents import check_bounds, read_documents
from tidegate.manifests.limits import DEFAULT_LIMITS, ManifestLimits
from tidegate.wire import from_builtins

OWNER_LABELS: Final = ("tidegate.dev/owner", "owner", "team")
DEFAULT_NAMESPACE: Final = "default"
_TEMPLATE: Final = ("spec", "template")
_POD_AT: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("", "Pod"): (),
    ("", "PodTemplate"): ("template",),
    ("", "ReplicationController"): _TEMPLATE,
    ("apps", "Deployment"): _TEMPLATE,
    ("apps", "StatefulSet"): _TEMPLATE,
    ("apps", "DaemonSet"): _TEMPLATE,
    ("apps", "ReplicaSet"): _TEMPLATE,
    ("batch", "Job"): _TEMPLATE,
    ("batch", "CronJob"): ("spec", "jobTemplate", *_TEMPLATE),
}
_NAME: Final = re.compile(r"[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?")
_MAX_NAME: Final = 253


class ContainerRole(StrEnum):
    """When in a pod's life a container runs; the member's value is the field of the pod it stands in."""

    INIT = "initContainers"
    APP = "containers"
    EPHEMERAL = "ephemeralContainers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """What holds for a container after the pod's word was taken where it has none of its own; None is unsaid.

    Attributes:
        capabilities_added: as written; `capabilities_dropped` likewise.
        seccomp: `RuntimeDefault`, `Localhost` or `Unconfined`.
    """

    run_as_non_root: bool | None = None
    run_as_user: int | None = None
    run_as_group: int | None = None
    privileged: bool = False
    allow_privilege_escalation: bool | None = None
    read_only_root_filesystem: bool | None = None
    capabilities_added: tuple[str, ...] = ()
    capabilities_dropped: tuple[str, ...] = ()
    seccomp: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One container of a workload.

    Attributes:
        at: keys and positions that lead to it in the workload's document.
    """

    name: str
    role: ContainerRole
    image: Reference
    security: Security
    at: tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One object that brings containers to life.

    Attributes:
        cluster: as the caller calls it; "" when there is but one.
        owner: who answers for it, by label or annotation; "" when nobody says.
        document: the object as it was given, whole.
        pod_at: keys that lead to the pod (or its template) in the document.
        pod: the parsed part of the pod.
        labels, annotations: of the object itself.
        pod_labels, pod_annotations: of the pod or its template.
    """

    cluster: str
    namespace: str
    kind: str
    name: str
    owner: str
    containers: tuple[Container, ...]
    document: Mapping[str, Any]
    pod_at: tuple[str, ...]
    pod: PodSpec
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    pod_labels: Mapping[str, str]
    pod_annotations: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.kind}/{self.name} in {self.namespace}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bystander:
    """An object of a kind that is no known workload.

    Attributes:
        holds_containers: something in it looks like a pod's containers all the same (a custom resource), so that it
            must not pass as harmless.
    """

    kind: str
    name: str
    holds_containers: bool
    document: Mapping[str, Any]


def pod_path(group: str, kind: str) -> tuple[str, ...] | None:
    """Keys that lead to the pod, or its mould, in objects of a kind; None for a kind that makes no pods."""
    return _POD_AT.get((group, kind))


def parse_manifests(
    raw: bytes, *, where: str, cluster: str = "", limits: ManifestLimits = DEFAULT_LIMITS
) -> list[Workload | Bystander]:
    """Reads a stream of Kubernetes manifests, items of lists one by one, in order.

    Args:
        raw: YAML or JSON.
        where: its name in errors.
        cluster: where the workloads (shall) run.
        limits: how much is read.

    Raises:
        BoundExceededError: over a limit of `limits`.
        InvalidInputError: not YAML or JSON, not Kubernetes objects, or a field of a pod is of another type.
    """
    documents = read_documents(raw, where=where, limits=limits)
    return parse_objects(documents, where=where, cluster=cluster, limits=limits)


def parse_objects(
    documents: Sequence[Any], *, where: str, cluster: str = "", limits: ManifestLimits = DEFAULT_LIMITS
) -> list[Workload | Bystander]:
    """Reads objects that are plain data already, such as those of an AdmissionReview.

    Raises:
        BoundExceededError: over a limit of `limits`.
        InvalidInputError: not Kubernetes objects, or a field of a pod is of another type.
    """
    found: list[Workload | Bystander] = []
    for at, document in enumerate(documents, start=1):
        place = where if len(documents) == 1 else f"{where} document {at}"
        check_bounds(document, where=place, limits=limits)
        for item, item_place in _items(document, place):
            if len(found) == limits.max_documents:
                raise BoundExceededError("max_documents", limits.max_documents, where=where)
            found.append(_object(item, item_place, cluster, limits))
    return found


def parse_workload(document: Any, *, where: str, cluster: str = "") -> Workload:
    """Reads one object that must be a workload.

    Raises:
        BoundExceededError: more containers than the default limits allow.
        InvalidInputError: it is no workload, or a field of its pod is of another type.
    """
    found = _object(document, where, cluster, DEFAULT_LIMITS)
    if isinstance(found, Bystander):
        raise InvalidInputError(f"{found.kind} is no workload", where=where)
    return found


def _items(document: Any, place: str) -> Iterator[tuple[Any, str]]:
    is_list = isinstance(document, dict) and str(document.get("kind", "")).endswith("List") and "items" in document
    if not is_list:
        yield document, place
        return
    items = document["items"] or []
    if not isinstance(items, list):
        raise InvalidInputError("items is not a list", where=place)
    for at, item in enumerate(items, start=1):
        # Items of a typed list (`PodList`, straight from the API) leave their own kind out.
        if isinstance(item, dict) and "kind" not in item and document["kind"] != "List":
            item = {"apiVersion": document.get("apiVersion"), "kind": document["kind"][: -len("List")], **item}  # noqa: PLW2901 - the same item, named
        yield item, f"{place} item {at}"


def _object(document: Any, where: str, cluster: str, limits: ManifestLimits) -> Workload | Bystander:
    if not isinstance(document, dict):
        raise InvalidInputError("not a Kubernetes object: it must be a map", where=where)
    kind, version = document.get("kind"), document.get("apiVersion")
    if not isinstance(kind, str) or not isinstance(version, str) or not kind or not version:
        raise InvalidInputError("not a Kubernetes object: it needs apiVersion and kind", where=where)
    group = version.rpartition("/")[0]
    metadata = from_builtins(document.get("metadata") or {}, Metadata, what=f"{where} metadata")
    name = metadata.name or metadata.generate_name or ""
    pod_at = _POD_AT.get((group, kind))
    if pod_at is None:
        return Bystander(kind=kind, name=name, holds_containers=_holds_containers(document), document=document)
    return _workload(document, metadata, pod_at, where=f"{where} {kind}/{name}", cluster=cluster, limits=limits)


def _workload(
    document: dict[str, Any],
    metadata: Metadata,
    pod_at: tuple[str, ...],
    *,
    where: str,
    cluster: str,
    limits: ManifestLimits,
) -> Workload:
    template = from_builtins(_pod_document(document, pod_at, where), Template, what=where)
    pod = template.spec
    inner = template.metadata or Metadata()
    return Workload(
        cluster=cluster,
        namespace=_name(metadata.namespace or DEFAULT_NAMESPACE, "namespace", where),
        kind=document["kind"],
        name=_name(metadata.name or (metadata.generate_name or "").rstrip("-."), "name", where),
        owner=_owner(metadata, inner),
        containers=_containers(pod, pod_at, where, limits),
        document=document,
        pod_at=pod_at,
        pod=pod,
        labels=metadata.labels or {},
        annotations=metadata.annotations or {},
        pod_labels=inner.labels or {},
        pod_annotations=inner.annotations or {},
    )


def _pod_document(document: Any, pod_at: tuple[str, ...], where: str) -> dict[str, Any]:
    for key in pod_at:
        document = document.get(key) if isinstance(document, dict) else None
    if not isinstance(document, dict):
        raise InvalidInputError(f"{'.'.join(pod_at)} is not a pod", where=where)
    return document


def _name(text: str, what: str, where: str) -> str:
    if len(text) > _MAX_NAME or not _NAME.fullmatch(text):
        raise InvalidInputError(f"its {what} {text[:80]!r} is not one Kubernetes takes", where=where)
    return text


def _owner(outer: Metadata, inner: Metadata) -> str:
    for said in (outer.annotations, outer.labels, inner.annotations, inner.labels):
        for label in OWNER_LABELS:
            if said and said.get(label):
                return said[label]
    return ""


def _containers(pod: PodSpec, pod_at: tuple[str, ...], where: str, limits: ManifestLimits) -> tuple[Container, ...]:
    groups: list[tuple[ContainerRole, tuple[ContainerSpec, ...]]] = [
        (ContainerRole.INIT, pod.init_containers or ()),
        (ContainerRole.APP, pod.containers),
        (ContainerRole.EPHEMERAL, pod.ephemeral_containers or ()),
    ]
    if not pod.containers:
        raise InvalidInputError("a pod needs containers", where=where)
    if sum(len(specs) for _, specs in groups) > limits.max_containers:
        raise BoundExceededError("max_containers", limits.max_containers, where=where)
    containers = tuple(
        _container(spec, role, (*pod_at, "spec", role.value, at), pod, where)
        for role, specs in groups
        for at, spec in enumerate(specs)
    )
    names = [container.name for container in containers]
    if len(set(names)) != len(names):
        raise InvalidInputError("two containers have one name", where=where)
    return containers


def _container(
    spec: ContainerSpec, role: ContainerRole, at: tuple[str | int, ...], pod: PodSpec, where: str
) -> Container:
    place = f"{where} container {spec.name[:63]!r}"
    if not spec.image.strip():
        raise InvalidInputError("names no image", where=place)
    try:
        image = Reference.parse(spec.image)
    except InvalidInputError as error:
        raise InvalidInputError(error.what, where=place, remedy=error.remedy) from error
    return Container(
        name=_name(spec.name, "name", place), role=role, image=image, security=effective_security(spec, pod), at=at
    )


def effective_security(spec: ContainerSpec, pod: PodSpec) -> Security:
    """What holds for one container: its own word, else the pod's."""
    own, whole = spec.security_context or SecurityContext(), pod.security_context
    capabilities = own.capabilities or Capabilities()
    seccomp = own.seccomp_profile or (whole.seccomp_profile if whole else None)

    def said(name: str) -> Any:
        value = getattr(own, name)
        return value if value is not None or whole is None else getattr(whole, name)

    return Security(
        run_as_non_root=said("run_as_non_root"),
        run_as_user=said("run_as_user"),
        run_as_group=said("run_as_group"),
        privileged=bool(own.privileged),
        allow_privilege_escalation=own.allow_privilege_escalation,
        read_only_root_filesystem=own.read_only_root_filesystem,
        capabilities_added=_sorted(capabilities.add),
        capabilities_dropped=_sorted(capabilities.drop),
        seccomp=seccomp.type if seccomp else None,
    )


def _sorted(names: tuple[str, ...] | None) -> tuple[str, ...]:
    return tuple(sorted(set(names or ())))


def _holds_containers(node: Any) -> bool:
    """True when a list named `containers` somewhere holds maps with an image; the reader has bounded the depth."""
    if isinstance(node, list):
        return any(_holds_containers(item) for item in node)
    if not isinstance(node, dict):
        return False
    for role in ContainerRole:
        listed = node.get(role.value)
        if isinstance(listed, list) and any(isinstance(item, dict) and "image" in item for item in listed):
            return True
    return any(_holds_containers(value) for value in node.values())
