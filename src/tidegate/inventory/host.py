# SPDX-License-Identifier: Apache-2.0
"""Vocabulary: what a host that runs containers tells of how it is set up."""

from collections.abc import Mapping

from tidegate.inventory.os_release import OsRelease
from tidegate.values import Struct, field


class Kernel(Struct, frozen=True, kw_only=True):
    """A running kernel.

    Attributes:
        release: as `uname -r` says it; "" when it does not say.
        parameters: sysctls by their dotted names.
        modules: Linux security modules that are active, in their order; empty when the kernel does not tell.
        options: words of its command line.
        lockdown: `none`, `integrity`, `confidentiality`; "" when it does not tell.
    """

    release: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    modules: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    lockdown: str = ""


class Program(Struct, frozen=True, kw_only=True):
    """A part of a runtime or of Kubernetes that runs here, or is told to run by a static pod.

    Attributes:
        name: `dockerd`, `kubelet`, `kube-apiserver` …
        place: where it was found: `pid 812`, or the manifest's path.
        flags: of its command line, the last of each; "true" for those without a value.
    """

    name: str
    place: str
    flags: Mapping[str, str] = field(default_factory=dict)


class RuntimeConfig(Struct, frozen=True, kw_only=True):
    """How a program is set up: its file and its flags, under the names of the file.

    Attributes:
        name: `docker`, `containerd`, `crio`, `podman`, `kubelet`.
        place: path of the file; the program's place when it has none.
        values: by dotted path; lists joined with commas, maps within lists by their number.
    """

    name: str
    place: str
    values: Mapping[str, str] = field(default_factory=dict)


class HostFile(Struct, frozen=True, kw_only=True):
    """A file or socket that decides who rules the host.

    Attributes:
        role: what it is, by the table in `tidegate.hosts.known_files`.
        mode: permission bits.
        owner, group: names; the number where the host knows no name.
    """

    path: str
    role: str
    mode: int
    owner: str
    group: str


class Listener(Struct, frozen=True, kw_only=True):
    """A TCP port that is listened on. `program` is "" when it cannot be told."""

    address: str
    port: int
    program: str = ""

    @property
    def is_everywhere(self) -> bool:
        """Reached through every address of the host."""
        return self.address in {"0.0.0.0", "::"}  # noqa: S104 - compared, not bound


class HostMount(Struct, frozen=True, kw_only=True):
    """A mount of the host."""

    point: str
    kind: str
    options: tuple[str, ...] = ()


class ConfinedProcess(Struct, frozen=True, kw_only=True):
    """The first process of a container, and what the kernel holds it to (proc_pid_status(5)).

    Attributes:
        container: its id.
        name, image, namespace, pod: as its runtime calls it; "" when it does not say.
        uid: effective.
        seccomp: `disabled`, `strict`, `filter`.
        capabilities: effective ones, as `CAP_CHOWN`.
        bounding: the most it can ever have.
        label: of the security module: `docker-default (enforce)`, `system_u:system_r:container_t:s0`, `unconfined`;
            "" for none.
        shared: namespaces it has in common with the host: `mnt`, `net`, `pid`, `ipc`, `uts`, `user`, `cgroup`.
        is_root_read_only: of its root file system.
        memory_limit, pids_limit: of its cgroup; None for none, or when it cannot be read.
        sockets: sockets of runtimes that are mounted into it.
    """

    container: str
    pid: int
    program: str = ""
    name: str = ""
    image: str = ""
    namespace: str = ""
    pod: str = ""
    uid: int = 0
    seccomp: str = ""
    no_new_privileges: bool = False
    capabilities: tuple[str, ...] = ()
    bounding: tuple[str, ...] = ()
    label: str = ""
    shared: tuple[str, ...] = ()
    is_root_read_only: bool = False
    memory_limit: int | None = None
    pids_limit: int | None = None
    sockets: tuple[str, ...] = ()


class Host(Struct, frozen=True, kw_only=True):
    """All of it. `unread` tells what was there and could not be read, with the reason."""

    name: str = ""
    os_release: OsRelease | None = None
    kernel: Kernel = field(default_factory=Kernel)
    programs: tuple[Program, ...] = ()
    configs: tuple[RuntimeConfig, ...] = ()
    files: tuple[HostFile, ...] = ()
    listeners: tuple[Listener, ...] = ()
    mounts: tuple[HostMount, ...] = ()
    confined: tuple[ConfinedProcess, ...] = ()
    unread: tuple[tuple[str, str], ...] = ()
