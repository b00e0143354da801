# SPDX-License-Identifier: Apache-2.0
"""Files and sockets that decide who rules a host: whoever writes to one of them, runs as root on it."""

import stat
from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Final

from tidegate.hosts.tree import Tree
from tidegate.inventory.host import HostFile

KNOWN: Final = {
    "docker unit": (
        "/lib/systemd/system/docker.service", "/etc/systemd/system/docker.service", "/lib/systemd/system/docker.socket",
        "/etc/systemd/system/docker.socket", "/lib/systemd/system/containerd.service",
        "/etc/systemd/system/containerd.service",
    ),
    "docker configuration": ("/etc/docker/daemon.json", "/etc/default/docker", "/etc/sysconfig/docker"),
    "docker folder": ("/etc/docker", "/etc/docker/certs.d"),
    "registry certificate": ("/etc/docker/certs.d/*/*", "/etc/containers/certs.d/*/*"),
    "runtime socket": (
        "/run/docker.sock", "/run/containerd/containerd.sock", "/run/crio/crio.sock", "/run/podman/podman.sock",
        "/run/k3s/containerd/containerd.sock", "/run/cri-dockerd.sock",
    ),
    "runtime data": ("/var/lib/docker", "/var/lib/containerd", "/var/lib/containers/storage"),
    "runtime configuration": (
        "/etc/containerd/config.toml", "/etc/crio/crio.conf", "/etc/crio/crio.conf.d/*", "/etc/containers/*.conf",
        "/etc/containers/policy.json", "/etc/containers/registries.conf.d/*",
    ),
    "kubelet unit": (
        "/etc/systemd/system/kubelet.service", "/lib/systemd/system/kubelet.service",
        "/etc/systemd/system/kubelet.service.d/*", "/usr/lib/systemd/system/kubelet.service.d/*",
    ),
    "kubelet configuration": ("/var/lib/kubelet/config.yaml", "/etc/kubernetes/kubelet/kubelet-config.json"),
    "kubelet credentials": ("/etc/kubernetes/kubelet.conf", "/var/lib/kubelet/kubeconfig", "/var/lib/kubelet/pki/*"),
    "proxy credentials": ("/var/lib/kube-proxy/kubeconfig.conf", "/etc/kubernetes/kube-proxy.conf"),
    "administrator credentials": (
        "/etc/kubernetes/admin.conf", "/etc/kubernetes/super-admin.conf", "/etc/kubernetes/scheduler.conf",
        "/etc/kubernetes/controller-manager.conf",
    ),
    "static pod": ("/etc/kubernetes/manifests/*",),
    "cluster certificate": ("/etc/kubernetes/pki/*.crt", "/etc/kubernetes/pki/etcd/*.crt"),
    "cluster key": ("/etc/kubernetes/pki/*.key", "/etc/kubernetes/pki/etcd/*.key"),
    "etcd data": ("/var/lib/etcd",),
    "network plug-in": ("/etc/cni/net.d/*",),
}  # fmt: skip
"""By role; a `*` stands for one name."""
MAX_FILES: Final = 5000


def files_of(tree: Tree) -> tuple[HostFile, ...]:
    """Those that are there, by role."""
    users, groups = _names(tree, "/etc/passwd"), _names(tree, "/etc/group")
    found: dict[str, HostFile] = {}
    for role, patterns in KNOWN.items():
        for path in (path for pattern in patterns for path in _matching(tree, pattern)):
            state = tree.state(path)
            if state is None or len(found) == MAX_FILES:
                continue
            found[path] = HostFile(
                path=path,
                role=role,
                mode=stat.S_IMODE(state.st_mode),
                owner=users.get(state.st_uid, str(state.st_uid)),
                group=groups.get(state.st_gid, str(state.st_gid)),
            )
    return tuple(found.values())


def _matching(tree: Tree, pattern: str) -> Iterator[str]:
    """Paths of a pattern; folders that a pattern of files matches are left out."""
    before, star, after = pattern.partition("*")
    if not star:
        yield pattern
        return
    folder, _, start = before.rpartition("/")
    ending, slash, rest = after.partition("/")
    for name in tree.names(folder):
        path = f"{folder}/{name}"
        if not fnmatch(name, f"{start}*{ending}"):
            continue
        if slash:
            yield from _matching(tree, f"{path}/{rest}")
        elif (state := tree.state(path)) is not None and not stat.S_ISDIR(state.st_mode):
            yield path


def _names(tree: Tree, path: str) -> dict[int, str]:
    """Names by number, the first of each, from a file like passwd(5) or group(5)."""
    found: dict[int, str] = {}
    for line in tree.text(path).splitlines():
        fields = line.split(":")
        if len(fields) > 2 and fields[2].isdecimal():  # noqa: PLR2004 - name, password, number
            found.setdefault(int(fields[2]), fields[0])
    return found
