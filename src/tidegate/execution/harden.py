# SPDX-License-Identifier: Apache-2.0
"""Least privilege for a workload: what nobody said is said, safely; what somebody said is never overruled.

A privileged container, a host namespace or an explicit root user is somebody's word: it stays, and
`tidegate.execution.standards` objects to it. So nothing works differently than its author wrote it without being told,
and hardening twice is hardening once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

from tidegate.artifact import Digest, Reference
from tidegate.execution.behaviour import SCRATCH, Expected, ExpectedOf, folders_written
from tidegate.execution.changes_annotation import tell_changes
from tidegate.execution.edit import Change, Edit
from tidegate.execution.filled_resources import fill_resources
from tidegate.execution.json_patch import json_patch
from tidegate.execution.workload import Container, ContainerRole, Workload, parse_workload

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
        writable: folders that get an empty volume when the root file system becomes read-only and no behaviour profile
            tells what is written.
        scratch: folders in which a profile's writes are served by empty volumes.
        writable_size: of each such volume at most, as a Kubernetes quantity.
        seccomp_profiles: `Localhost` profiles of images: pattern of the image's name, and the profile's path.
        keeps_token: the token of the API server is left to the pod.
        requests: resources asked for where nothing is said; `limits` likewise.
        max_ratio: how many times its request a limit that is filled in may be.
    """

    user: int = 65532
    keep_net_bind_service: bool = False
    writable: tuple[str, ...] = (_TMP,)
    scratch: tuple[str, ...] = SCRATCH
    writable_size: str = "64Mi"
    seccomp_profiles: tuple[tuple[str, str], ...] = ()
    keeps_token: bool = False
    requests: Mapping[str, str] = field(default_factory=lambda: {"cpu": "50m", "memory": "64Mi"})
    limits: Mapping[str, str] = field(default_factory=lambda: {"cpu": "1", "memory": "512Mi"})
    max_ratio: Mapping[str, int] = field(default_factory=dict)


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


def harden(
    workload: Workload,
    *,
    resolve: Resolve,
    user_of: UserOf,
    options: HardenOptions | None = None,
    expected_of: ExpectedOf = lambda _: None,
) -> Hardened:
    """Fills in least privilege and pins images to digests.

    Args:
        workload: as it was written.
        resolve: asked for every image named by tag alone.
        user_of: asked for every image whose digest is known.
        options: what is filled in.
        expected_of: asked for every image whose digest is known.
    """
    options = options or HardenOptions()
    edit = Edit(workload.document)
    digests = {c.name: c.image.digest or resolve(c.image) for c in workload.containers}
    expected = {name: expected_of(digest) if digest else None for name, digest in digests.items()}
    for container in workload.containers:
        _pin(edit, container, digests[container.name])
    _pod(edit, workload, options, asks_api=any(one and one.asks_api for one in expected.values()))
    for number, container in enumerate(workload.containers):
        digest = digests[container.name]
        if not workload.pod.is_windows:
            _user(edit, container, user_of(digest) if digest else None, options)
            _privileges(edit, container, options)
            _root_filesystem(edit, workload, container, number, expected[container.name], options)
        # Ephemeral containers may not name resources; a pod that shares them among its containers has said enough.
        if container.role is not ContainerRole.EPHEMERAL and workload.pod.resources is None:
            fill_resources(edit, container.at, options.requests, options.limits, options.max_ratio)
    tell_changes(edit, workload.pod_at)
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


def _pod(edit: Edit, workload: Workload, options: HardenOptions, *, asks_api: bool) -> None:
    spec = (*workload.pod_at, "spec")
    if not asks_api and not options.keeps_token:
        why = "a stolen token of the API server is worth more than the container; nobody asked for one"
        edit.fill((*spec, "automountServiceAccountToken"), value=False, why=why)
    if workload.pod.is_windows:
        return
    unsaid = [container for container in workload.containers if container.security.seccomp is None]
    for container in unsaid:
        if profile := _seccomp_profile(container, options):
            why = "the image has a filter of system calls of its own"
            made = {"type": "Localhost", "localhostProfile": profile}
            edit.set((*container.at, "securityContext", "seccompProfile"), value=made, why=why)
    if any(not _seccomp_profile(container, options) for container in unsaid):
        why = "system calls nobody needs stay closed"
        edit.fill((*spec, "securityContext", "seccompProfile", "type"), value="RuntimeDefault", why=why)


def _seccomp_profile(container: Container, options: HardenOptions) -> str:
    name = f"{container.image.registry}/{container.image.repository}"
    return next((path for pattern, path in options.seccomp_profiles if fnmatchcase(name, pattern)), "")


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


def _root_filesystem(
    edit: Edit,
    workload: Workload,
    container: Container,
    number: int,
    expected: Expected | None,
    options: HardenOptions,
) -> None:
    path = (*container.at, "securityContext", "readOnlyRootFilesystem")
    if edit.get(path) is not None:
        return
    folders = options.writable
    if expected is not None:
        unmounted = [file for file in expected.writes if not _is_mounted(edit, container, file)]
        folders, elsewhere = folders_written(unmounted, (*options.scratch, *options.writable))
        if elsewhere:
            return  # read-only, it would not work any more; who demands it is told by the house's controls
    # Pods take no new volumes with an ephemeral container.
    if folders and expected is not None and container.role is ContainerRole.EPHEMERAL:
        return
    edit.set(path, value=True, why="what cannot be written cannot be replaced")
    if container.role is ContainerRole.EPHEMERAL:
        return
    for folder in folders:
        if not _is_mounted(edit, container, folder):
            _mount(edit, workload, container, number, folder, options)


def _is_mounted(edit: Edit, container: Container, path: str) -> bool:
    mounts = edit.get((*container.at, "volumeMounts")) or []
    places = (str(mount.get("mountPath", "")).rstrip("/") for mount in mounts)
    return any(path == place or path.startswith(place + "/") for place in places if place)


def _mount(
    edit: Edit, workload: Workload, container: Container, number: int, folder: str, options: HardenOptions
) -> None:
    spec = (*workload.pod_at, "spec")
    volumes = edit.get((*spec, "volumes")) or []
    taken = {volume.get("name") for volume in volumes}
    name = next(n for at in range(number, number + len(taken) + 1) if (n := f"tidegate-tmp-{at}") not in taken)
    why = f"a read-only root file system leaves programs without {folder} to write to"
    volume = {"name": name, "emptyDir": {"sizeLimit": options.writable_size}}
    edit.set((*spec, "volumes"), value=[*volumes, volume], why=why)
    mounts = edit.get((*container.at, "volumeMounts")) or []
    edit.set((*container.at, "volumeMounts"), value=[*mounts, {"name": name, "mountPath": folder}], why=why)
