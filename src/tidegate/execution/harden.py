# SPDX-License-Identifier: Apache-2.0
"""Least privilege for a workload: what nobody said is said, safely; what somebody said is never overruled.

A privileged container, a host namespace or an explicit root user is somebody's word: it stays, and
`tidegate.execution.standards` objects to it. So nothing works differently than its author wrote it without being told,
and hardening twice is hardening once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tidegate.artifact import Digest, Reference
from tidegate.execution.edit import Change, Edit
from tidegate.execution.json_patch import json_patch
from tidegate.execution.workload import Container, ContainerRole, Workload, parse_workload
from tidegate.wire import to_json

CHANGES_ANNOTATION: Final = "tidegate.dev/changes"
_TMP: Final = "/tmp"  # noqa: S108 - a path in the container

Resolve = Callable[[Reference], Digest | None]
"""Which digest a reference means now; None when that is not known."""
UserOf = Callable[[Digest], str | None]
"""The user an image's configuration names (`Config.User`); None when the image is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HardenOptions:
    """What is filled in.

    Attributes:
        user: uid and gid of a container whose image runs as root, by a name, or as nobody knows whom.
        keep_net_bind_service: add `NET_BIND_SERVICE` again after all capabilities are dropped.
        writable_tmp: give a container whose root file system becomes read-only an empty `/tmp`.
        tmp_size: at most, as a Kubernetes quantity.
        requests: resources asked for where nothing is said; `limits` likewise.
    """

    user: int = 65532
    keep_net_bind_service: bool = False
    writable_tmp: bool = True
    tmp_size: str = "64Mi"
    requests: Mapping[str, str] = field(default_factory=lambda: {"cpu": "50m", "memory": "64Mi"})
    limits: Mapping[str, str] = field(default_factory=lambda: {"cpu": "1", "memory": "512Mi"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardened:
    """A workload after hardening.

    Attributes:
        workload: parsed anew from the changed document.
        changes: in the order they were made; the annotation that tells of them is not among them.
        patch: the same as a JSON Patch (RFC 6902) against the document as it was, the annotation included.
        digests: of the images by container name; None for an image whose digest is not known.
    """

    workload: Workload
    changes: tuple[Change, ...]
    patch: tuple[dict[str, Any], ...]
    digests: Mapping[str, Digest | None]


def harden(workload: Workload, *, resolve: Resolve, user_of: UserOf, options: HardenOptions | None = None) -> Hardened:
    """Fills in least privilege and pins images to digests.

    Args:
        workload: as it was written.
        resolve: asked for every image named by tag alone.
        user_of: asked for every image whose digest is known.
        options: what is filled in.
    """
    options = options or HardenOptions()
    edit = Edit(workload.document)
    digests = {c.name: c.image.digest or resolve(c.image) for c in workload.containers}
    for container in workload.containers:
        _pin(edit, container, digests[container.name])
    _pod(edit, workload)
    for number, container in enumerate(workload.containers):
        digest = digests[container.name]
        if not workload.pod.is_windows:
            _user(edit, container, user_of(digest) if digest else None, options)
            _privileges(edit, container, options)
            _root_filesystem(edit, workload, container, number, options)
        _resources(edit, workload, container, options)
    _annotate(edit, workload)
    changed = parse_workload(edit.document, where=str(workload), cluster=workload.cluster)
    return Hardened(
        workload=changed,
        changes=tuple(edit.changes),
        patch=tuple(json_patch(workload.document, edit.document)),
        digests=digests,
    )


def _pin(edit: Edit, container: Container, digest: Digest | None) -> None:
    if digest is not None and container.image.digest is None:
        why = "a tag can be moved, a digest cannot"
        edit.set((*container.at, "image"), value=str(container.image.at(digest)), why=why)


def _pod(edit: Edit, workload: Workload) -> None:
    spec = (*workload.pod_at, "spec")
    why = "a stolen token of the API server is worth more than the container; nobody asked for one"
    edit.fill((*spec, "automountServiceAccountToken"), value=False, why=why)
    if not workload.pod.is_windows and any(c.security.seccomp is None for c in workload.containers):
        why = "system calls nobody needs stay closed"
        edit.fill((*spec, "securityContext", "seccompProfile", "type"), value="RuntimeDefault", why=why)


def _user(edit: Edit, container: Container, image_user: str | None, options: HardenOptions) -> None:
    security, context = container.security, (*container.at, "securityContext")
    if security.run_as_non_root is False or security.run_as_user == 0:
        return  # somebody wants root; the standards object
    if security.run_as_user is None and not _is_numeric_non_root(image_user):
        why = _user_words(image_user)
        edit.set((*context, "runAsUser"), value=options.user, why=why)
        if security.run_as_group is None:
            edit.set((*context, "runAsGroup"), value=options.user, why="the group goes with the user")
    if security.run_as_non_root is None:
        edit.set((*context, "runAsNonRoot"), value=True, why="the node itself checks that it is not root")


def _is_numeric_non_root(user: str | None) -> bool:
    # The kubelet cannot check a name against runAsNonRoot and refuses to start such a container.
    name = (user or "").partition(":")[0]
    return name.isascii() and name.isdecimal() and int(name) != 0


def _user_words(user: str | None) -> str:
    if user is None:
        return "nobody knows whom the image runs as; root in a container is one flaw away from root on the node"
    name = user.partition(":")[0]
    if name in {"", "root"} or name.isdecimal():
        return "the image runs as root, which is one flaw away from root on the node"
    return "the image names its user by a name, which no node can check"


def _privileges(edit: Edit, container: Container, options: HardenOptions) -> None:
    context, security = (*container.at, "securityContext"), container.security
    # The API server refuses `false` beside these two, which the standards object to anyway.
    if not security.privileged and not {"SYS_ADMIN", "CAP_SYS_ADMIN"} & {*security.capabilities_added}:
        why = "no setuid program may give more than there was"
        edit.fill((*context, "allowPrivilegeEscalation"), value=False, why=why)
    if "ALL" in security.capabilities_dropped:
        return
    why = "the runtime's default set holds capabilities nobody asked for"
    edit.set((*context, "capabilities", "drop"), value=[*security.capabilities_dropped, "ALL"], why=why)
    if options.keep_net_bind_service and not security.capabilities_added:
        why = "ports below 1024 stay open to it"
        edit.set((*context, "capabilities", "add"), value=["NET_BIND_SERVICE"], why=why)


def _root_filesystem(edit: Edit, workload: Workload, container: Container, number: int, options: HardenOptions) -> None:
    path = (*container.at, "securityContext", "readOnlyRootFilesystem")
    if edit.get(path) is not None:
        return
    edit.set(path, value=True, why="what cannot be written cannot be replaced")
    # Pods take no new volumes with an ephemeral container.
    if options.writable_tmp and container.role is not ContainerRole.EPHEMERAL and not _has_tmp(edit, container):
        _mount_tmp(edit, workload, container, number, options)


def _has_tmp(edit: Edit, container: Container) -> bool:
    mounts = edit.get((*container.at, "volumeMounts")) or []
    return any(str(mount.get("mountPath", "")).rstrip("/") == _TMP for mount in mounts)


def _mount_tmp(edit: Edit, workload: Workload, container: Container, number: int, options: HardenOptions) -> None:
    spec = (*workload.pod_at, "spec")
    volumes = edit.get((*spec, "volumes")) or []
    taken = {volume.get("name") for volume in volumes}
    name = next(n for at in range(number, number + len(taken) + 1) if (n := f"tidegate-tmp-{at}") not in taken)
    why = "a read-only root file system leaves programs without a place for temporary files"
    volume = {"name": name, "emptyDir": {"sizeLimit": options.tmp_size}}
    edit.set((*spec, "volumes"), value=[*volumes, volume], why=why)
    mounts = edit.get((*container.at, "volumeMounts")) or []
    edit.set((*container.at, "volumeMounts"), value=[*mounts, {"name": name, "mountPath": _TMP}], why=why)


def _resources(edit: Edit, workload: Workload, container: Container, options: HardenOptions) -> None:
    # Ephemeral containers may not name resources; a pod that shares resources among its containers has said enough.
    if container.role is ContainerRole.EPHEMERAL or workload.pod.resources is not None:
        return
    at = (*container.at, "resources")
    requests, limits = edit.get((*at, "requests")) or {}, edit.get((*at, "limits")) or {}
    for name, default in options.limits.items():
        if limits.get(name) is not None:
            continue
        # Never below what it asks for: the API server refuses that.
        asked = requests.get(name)
        why = f"without a limit one container takes all of a node's {name}"
        edit.set((*at, "limits", name), value=default if asked is None else asked, why=why)
        if asked is None and name in options.requests:
            why = "so that the scheduler knows what it places"
            edit.set((*at, "requests", name), value=options.requests[name], why=why)


def _annotate(edit: Edit, workload: Workload) -> None:
    if not edit.changes:
        return
    told = [{"path": change.path, "why": change.why} for change in edit.changes]
    path = (*workload.pod_at, "metadata", "annotations", CHANGES_ANNOTATION)
    edit.set(path, value=to_json(told).decode(), why="", silent=True)
