# SPDX-License-Identifier: Apache-2.0
"""The parts of runtimes and of Kubernetes that run here, with the flags they were given."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from tidegate.errors import InvalidInputError
from tidegate.hosts.tree import Tree
from tidegate.inventory.host import Program
from tidegate.manifests.documents import read_documents

NAMES: Final = frozenset(
    {
        "containerd", "crio", "docker-proxy", "dockerd", "etcd", "kube-apiserver", "kube-controller-manager",
        "kube-proxy", "kube-scheduler", "kubelet",
    }
)  # fmt: skip
_REPLACED: Final = " (deleted)"
STATIC_PODS: Final = "/etc/kubernetes/manifests"
_MAX_FLAGS: Final = 500


def programs_of(tree: Tree) -> tuple[Program, ...]:
    """Those that run, and those of static pods that do not run where this host's processes can be seen."""
    running = list(_running(tree))
    names = {program.name for program in running}
    return (*running, *(program for program in _static(tree) if program.name not in names))


def _running(tree: Tree) -> Iterator[Program]:
    for pid in tree.processes():
        words = (tree.read(f"/proc/{pid}/cmdline") or b"").decode("utf-8", "replace").rstrip("\0").split("\0")
        if (name := words[0].rpartition("/")[2]) in NAMES:
            path, is_replaced = _file_of(tree, pid)
            yield Program(name=name, place=f"pid {pid}", flags=flags_of(words[1:]), path=path, is_replaced=is_replaced)


def _file_of(tree: Tree, pid: int) -> tuple[str, bool]:
    """The file a process runs from, and whether it was replaced; nothing of those in a container: proc_pid_exe(5)."""
    if tree.link(f"/proc/{pid}/ns/mnt") != tree.link("/proc/1/ns/mnt"):
        return "", False
    path = tree.link(f"/proc/{pid}/exe")
    return path.removesuffix(_REPLACED), path.endswith(_REPLACED)


def _static(tree: Tree) -> Iterator[Program]:
    for file in tree.names(STATIC_PODS):
        path = f"{STATIC_PODS}/{file}"
        if not file.endswith((".yaml", ".yml", ".json")) or (raw := tree.read(path)) is None:
            continue
        try:
            documents = read_documents(raw, where=path)
        except InvalidInputError as error:
            tree.unread[path] = str(error)
            continue
        for words in (words for document in documents for words in _commands(document)):
            if (name := words[0].rpartition("/")[2]) in NAMES:
                yield Program(name=name, place=path, flags=flags_of(words[1:]))


def _commands(pod: Any) -> Iterator[list[str]]:
    spec = pod.get("spec") if isinstance(pod, dict) else None
    containers = spec.get("containers") if isinstance(spec, dict) else None
    for container in containers if isinstance(containers, list) else ():
        if isinstance(container, dict):
            parts = [container.get(key) for key in ("command", "args")]
            words = [str(word) for part in parts if isinstance(part, list) for word in part]
            if words:
                yield words


def flags_of(words: Sequence[str]) -> dict[str, str]:
    """Flags as Go programs read them: `--name=value`, `--name value`, `--name`; repeated ones joined with commas."""
    found: dict[str, str] = {}
    for at, word in enumerate(words[:_MAX_FLAGS]):
        if not word.startswith("-") or not (name := word.lstrip("-")):
            continue
        name, has_value, value = name.partition("=")
        following = words[at + 1] if at + 1 < len(words) else "-"
        if not has_value:
            value = "true" if following.startswith("-") else following
        found[name] = f"{found[name]},{value}" if name in _REPEATED and name in found else value
    return found


_REPEATED: Final = frozenset({"H", "authorization-plugin", "default-ulimit", "host", "insecure-registry"})
