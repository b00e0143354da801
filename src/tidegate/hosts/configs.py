# SPDX-License-Identifier: Apache-2.0
"""How runtimes and the kubelet are set up: what their files say, and over it what their flags say."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from tidegate.errors import InvalidInputError
from tidegate.hosts.flat import flat
from tidegate.hosts.tree import Tree
from tidegate.inventory.host import Program, RuntimeConfig
from tidegate.manifests.documents import read_documents
from tidegate.manifests.toml_document import read_toml

_DOCKER_LISTS: Final = {
    "H": "hosts", "host": "hosts", "insecure-registry": "insecure-registries",
    "authorization-plugin": "authorization-plugins", "default-ulimit": "default-ulimits",
}  # fmt: skip
"""Flags of dockerd that its file calls otherwise."""
_KUBELET: Final = {
    "address": "address", "anonymous-auth": "authentication.anonymous.enabled",
    "authorization-mode": "authorization.mode", "client-ca-file": "authentication.x509.clientCAFile",
    "enable-debugging-handlers": "enableDebuggingHandlers", "event-qps": "eventRecordQPS",
    "make-iptables-util-chains": "makeIPTablesUtilChains", "pod-max-pids": "podPidsLimit",
    "protect-kernel-defaults": "protectKernelDefaults", "read-only-port": "readOnlyPort",
    "rotate-certificates": "rotateCertificates", "rotate-server-certificates": "serverTLSBootstrap",
    "seccomp-default": "seccompDefault", "streaming-connection-idle-timeout": "streamingConnectionIdleTimeout",
    "tls-cert-file": "tlsCertFile", "tls-cipher-suites": "tlsCipherSuites", "tls-min-version": "tlsMinVersion",
    "tls-private-key-file": "tlsPrivateKeyFile",
}  # fmt: skip
"""Flags of the kubelet, and what KubeletConfiguration v1beta1 calls them."""
_KUBELET_FILES: Final = ("/var/lib/kubelet/config.yaml", "/etc/kubernetes/kubelet/kubelet-config.json")
_CONTAINERS: Final = ("/usr/share/containers/containers.conf", "/etc/containers/containers.conf")


def configs_of(tree: Tree, programs: Sequence[Program]) -> tuple[RuntimeConfig, ...]:
    """The configuration of each runtime that runs here or has a file here."""
    flags = {program.name: program for program in reversed(programs)}
    docker, containerd = flags.get("dockerd"), flags.get("containerd")
    made = (
        _docker(tree, docker),
        _toml(tree, "containerd", [_flag(containerd, "config", "/etc/containerd/config.toml")], containerd),
        _toml(tree, "crio", ["/etc/crio/crio.conf", *_dropped(tree, "/etc/crio/crio.conf.d")], flags.get("crio")),
        _toml(tree, "podman", [*_CONTAINERS, *_dropped(tree, "/etc/containers/containers.conf.d")], None),
        _registries(tree),
        _trust(tree),
        _kubelet(tree, flags.get("kubelet")),
    )
    return tuple(one for one in made if one is not None)


def _docker(tree: Tree, program: Program | None) -> RuntimeConfig | None:
    path = _flag(program, "config-file", "/etc/docker/daemon.json")
    raw = tree.read(path)
    if raw is None and program is None:
        return None
    values = _flat_json(tree, path, raw)
    for name, value in program.flags.items() if program else ():
        values[_DOCKER_LISTS.get(name, name)] = value
    return RuntimeConfig(name="docker", place=path if raw is not None or not program else program.place, values=values)


def _kubelet(tree: Tree, program: Program | None) -> RuntimeConfig | None:
    choices = [program.flags["config"]] if program and "config" in program.flags else _KUBELET_FILES
    path, raw = next(((path, raw) for path in choices if (raw := tree.read(path)) is not None), ("", None))
    if raw is None and program is None:
        return None
    values = _flat_yaml(tree, path, raw)
    for name, value in program.flags.items() if program else ():
        values[_KUBELET.get(name, f"--{name}")] = value
    return RuntimeConfig(name="kubelet", place=path or (program.place if program else ""), values=values)


def _toml(tree: Tree, name: str, paths: Sequence[str], program: Program | None) -> RuntimeConfig | None:
    """Later files over earlier ones, value by value, as these programs read their folders of parts."""
    read = {path: raw for path in paths if (raw := tree.read(path)) is not None}
    if not read and program is None:
        return None
    values: dict[str, str] = {}
    for path, raw in read.items():
        values |= _flat_toml(tree, path, raw)
    return RuntimeConfig(name=name, place=next(reversed(read), program.place if program else ""), values=values)


def _registries(tree: Tree) -> RuntimeConfig | None:
    paths = ["/etc/containers/registries.conf", *_dropped(tree, "/etc/containers/registries.conf.d")]
    return _toml(tree, "registries", paths, None)


def _trust(tree: Tree) -> RuntimeConfig | None:
    path = "/etc/containers/policy.json"
    raw = tree.read(path)
    return None if raw is None else RuntimeConfig(name="trust", place=path, values=_flat_json(tree, path, raw))


def _dropped(tree: Tree, folder: str) -> list[str]:
    return [f"{folder}/{name}" for name in tree.names(folder) if name.endswith((".conf", ".toml"))]


def _flag(program: Program | None, name: str, default: str) -> str:
    given = program.flags.get(name, default) if program else default
    return given if given.startswith("/") else default


def _flat_json(tree: Tree, path: str, raw: bytes | None) -> dict[str, str]:
    return _flattened(tree, path, lambda: json.loads(raw or b"{}"))


def _flat_toml(tree: Tree, path: str, raw: bytes) -> dict[str, str]:
    return _flattened(tree, path, lambda: read_toml(raw, where=path))


def _flat_yaml(tree: Tree, path: str, raw: bytes | None) -> dict[str, str]:
    return _flattened(tree, path, lambda: next(iter(read_documents(raw or b"", where=path)), {}))


def _flattened(tree: Tree, path: str, read: Callable[[], Any]) -> dict[str, str]:
    try:
        document = read()
    except (ValueError, RecursionError, InvalidInputError) as error:
        tree.unread[path] = str(error) or type(error).__name__
        return {}
    return flat(document) if isinstance(document, Mapping) else {}
