# SPDX-License-Identifier: Apache-2.0
"""Kubernetes manifests as checks see them: workloads, containers, what they may do, and what leads to them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tidegate.checks.image_name import split_image
from tidegate.checks.material import Material, Spot, Values
from tidegate.checks.plain import line_of, listed, number, table, tables, text, texts
from tidegate.checks.secret_name import is_secret_name, looks_empty
from tidegate.errors import BoundExceededError

POD_AT: Final[Mapping[str, tuple[str, ...]]] = {
    "Pod": (),
    "PodTemplate": ("template",),
    "Deployment": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
"""Kinds that make pods, and where in them the pod's own metadata and spec lie."""
_ROLES: Final = (
    ("containers", "container"),
    ("initContainers", "init"),
    ("ephemeralContainers", "ephemeral"),
)
MAX_MEMBERS: Final = 50_000
"""Workloads, containers, variables, rules and the like of all documents of a file."""
_MAX_LIST_DEPTH: Final = 3
_APPARMOR: Final = "container.apparmor.security.beta.kubernetes.io"


def kubernetes_material(documents: Sequence[Any], *, path: str) -> Material:
    """What checks are asked about the documents of a manifest; those of other kinds are passed over.

    Args:
        documents: as `tidegate.manifests.documents` read them; a `List` counts as its items.
        path: where they lie, for people.

    Raises:
        BoundExceededError: over `MAX_MEMBERS`.
    """
    objects = [one for document in documents for one in _objects(document, 0)]
    found: dict[str, list[tuple[Values, Spot]]] = {}
    members = 0
    for one in objects:
        for collection, values, part in _values(one):
            members += 1
            if members > MAX_MEMBERS:
                raise BoundExceededError("MAX_MEMBERS", MAX_MEMBERS, where=path)
            found.setdefault(collection, []).append((values, _spot(path, one, part)))
    return Material(
        variables={"manifest": {"path": path, "documents": len(objects)}}, collections=found, spot=Spot(path)
    )


def _objects(document: Any, depth: int) -> Iterator[Mapping[str, Any]]:
    if not isinstance(document, dict):
        return
    if str(document.get("kind", "")).endswith("List") and depth < _MAX_LIST_DEPTH:
        for one in listed(document.get("items")):
            yield from _objects(one, depth + 1)
    else:
        yield document


def _spot(path: str, one: Mapping[str, Any], part: Mapping[str, Any]) -> Spot:
    kind, namespace, name = _identity(one)
    inside = f" {part['name']}" if part is not one and "name" in part else ""
    return Spot(path, line_of(part) or line_of(one), f"{'/'.join(filter(None, (kind, namespace, name)))}{inside}")


def _identity(one: Mapping[str, Any]) -> tuple[str, str, str]:
    metadata = table(one.get("metadata"))
    name = text(metadata.get("name")) or text(metadata.get("generateName"))
    return text(one.get("kind")), text(metadata.get("namespace")), name


def _values(one: Mapping[str, Any]) -> Iterator[tuple[str, Values, Mapping[str, Any]]]:
    """Members of collections one object makes: the collection, the values, and the part they are of."""
    kind = text(one.get("kind"))
    if kind in POD_AT:
        yield from _workload(one, kind)
        return
    for collection, values in _others(one, kind):
        yield collection, values, one


def _workload(one: Mapping[str, Any], kind: str) -> Iterator[tuple[str, Values, Mapping[str, Any]]]:
    pod = one
    for step in POD_AT[kind]:
        pod = table(pod.get(step))
    spec = table(pod.get("spec"))
    _, namespace, name = _identity(one)
    annotations = table(table(pod.get("metadata")).get("annotations"))
    told = [(role, container) for key, role in _ROLES for container in tables(spec.get(key))]
    volumes = tables(spec.get("volumes"))
    yield (
        "workloads",
        {
            "kind": kind,
            "namespace": namespace,
            "name": name,
            **{field: spec.get(key) is True for field, key in _HOST},
            "service_account": text(spec.get("serviceAccountName")) or text(spec.get("serviceAccount")),
            "automounts_token": spec.get("automountServiceAccountToken") is not False,
            "host_paths": [text(table(one.get("hostPath")).get("path")) for one in volumes if "hostPath" in one],
            "containers": len(told),
            "sysctls": [text(one.get("name")) for one in tables(table(spec.get("securityContext")).get("sysctls"))],
            "host_users": spec.get("hostUsers") is not False,
            "replicas": number(table(one.get("spec")).get("replicas"), 1),
        },
        one,
    )
    for role, container in told:
        head = {"workload": name, "kind": kind, "namespace": namespace, "role": role}
        yield "containers", {**head, **_container(container, spec, annotations)}, container
        for values in _environment(container):
            yield "environment", {"workload": name, "container": text(container.get("name")), **values}, container


_HOST: Final = (("host_network", "hostNetwork"), ("host_pid", "hostPID"), ("host_ipc", "hostIPC"))


def _container(container: Mapping[str, Any], spec: Mapping[str, Any], annotations: Mapping[str, Any]) -> Values:
    image, tag, has_digest = split_image(text(container.get("image")))
    pod, own = table(spec.get("securityContext")), table(container.get("securityContext"))
    capabilities = table(own.get("capabilities"))
    resources = table(container.get("resources"))
    limits, requests = table(resources.get("limits")), table(resources.get("requests"))
    user = own.get("runAsUser", pod.get("runAsUser"))
    not_root = own.get("runAsNonRoot", pod.get("runAsNonRoot")) is True
    return {
        "name": text(container.get("name")),
        "image": image,
        "tag": tag,
        "has_digest": has_digest,
        "privileged": own.get("privileged") is True,
        "allows_escalation": own.get("allowPrivilegeEscalation") is not False,
        "may_run_as_root": not not_root and not number(user),
        "runs_as_root": number(user, -1) == 0,
        "read_only_root": own.get("readOnlyRootFilesystem") is True,
        "added": [one.upper().removeprefix("CAP_") for one in texts(capabilities.get("add"))],
        "drops_all": "ALL" in [one.upper() for one in texts(capabilities.get("drop"))],
        "has_memory_limit": "memory" in limits,
        "has_cpu_limit": "cpu" in limits,
        "has_memory_request": "memory" in requests or "memory" in limits,
        "has_cpu_request": "cpu" in requests or "cpu" in limits,
        "has_liveness": "livenessProbe" in container,
        "has_readiness": "readinessProbe" in container,
        "host_ports": [text(one["hostPort"]) for one in tables(container.get("ports")) if "hostPort" in one],
        "seccomp": _seccomp(own) or _seccomp(pod),
        "proc_mount": text(own.get("procMount")),
        "pull_policy": text(container.get("imagePullPolicy")),
        "mounts": [text(one.get("mountPath")) for one in tables(container.get("volumeMounts"))],
        "host_process": any(table(it.get("windowsOptions")).get("hostProcess") is True for it in (own, pod)),
        "apparmor": _apparmor(own, annotations, text(container.get("name"))) or _apparmor(pod, {}, ""),
        "selinux": [
            f"{key}:{text(value)}"
            for key, value in {**table(pod.get("seLinuxOptions")), **table(own.get("seLinuxOptions"))}.items()
            if key in {"user", "role", "type"} and text(value)
        ],
    }


def _apparmor(context: Mapping[str, Any], annotations: Mapping[str, Any], name: str) -> str:
    """The profile's type in small letters; before Kubernetes 1.30 it stood in an annotation."""
    told = text(table(context.get("appArmorProfile")).get("type"))
    return (told or text(annotations.get(f"{_APPARMOR}/{name}"))).lower()


def _seccomp(context: Mapping[str, Any]) -> str:
    return text(table(context.get("seccompProfile")).get("type"))


def _environment(container: Mapping[str, Any]) -> Iterator[Values]:
    for one in tables(container.get("env")):
        name, value = text(one.get("name")), text(one.get("value"))
        if "value" in one:
            yield {
                "name": name,
                "value": value,
                "is_secret_name": is_secret_name(name),
                "looks_empty": looks_empty(value) or value.startswith("$("),
            }


def _others(one: Mapping[str, Any], kind: str) -> Iterator[tuple[str, Values]]:
    _, namespace, name = _identity(one)
    head = {"namespace": namespace, "name": name}
    spec = table(one.get("spec"))
    if kind in {"Role", "ClusterRole"}:
        for rule in tables(one.get("rules")):
            told = {field: texts(rule.get(key)) for field, key in _RULE}
            yield "grants", {"kind": kind, **head, **told}
    elif kind in {"RoleBinding", "ClusterRoleBinding"}:
        subjects = [f"{text(it.get('kind'))}:{text(it.get('name'))}" for it in tables(one.get("subjects"))]
        role = text(table(one.get("roleRef")).get("name"))
        yield "bindings", {"kind": kind, **head, "role": role, "subjects": subjects}
    elif kind == "Service":
        told_type = text(spec.get("type")) or "ClusterIP"
        yield "services", {**head, "type": told_type, "external_ips": texts(spec.get("externalIPs"))}
    elif kind == "Ingress":
        hosts = [text(rule.get("host")) for rule in tables(spec.get("rules"))]
        yield "ingresses", {**head, "has_tls": bool(listed(spec.get("tls"))), "hosts": hosts}
    elif kind in {"Secret", "ConfigMap"}:
        told_data = {**table(one.get("data")), **table(one.get("stringData"))}
        keys = [key for key, value in told_data.items() if not looks_empty(text(value))]
        yield (
            "secrets",
            {"kind": kind, **head, "keys": [key for key in keys if kind == "Secret" or is_secret_name(key)]},
        )


_RULE: Final = (("verbs", "verbs"), ("resources", "resources"), ("groups", "apiGroups"))
