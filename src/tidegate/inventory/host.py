# SPDX-License-Identifier: Apache-2.0
"""Vocabulary: what a host that runs containers tells of how it is set up."""

from collections.abc import Mapping

from tidegate.values import Struct, field


class Kernel(Struct, frozen=True, kw_only=True):
    """A running kernel.

    Attributes:
        release: as `uname -r` says it; "" when it does not say.
        build: its banner, /proc/version, where distributions write which of their packages it is; "" likewise.
        newest: package of the newest kernel that is installed, as `name version`, where that is newer than the one
            that runs; "" when it is not, or when that cannot be told.
        parameters: sysctls by their dotted names.
        modules: Linux security modules that are active, in their order; empty when the kernel does not tell.
        options: words of its command line.
        lockdown: `none`, `integrity`, `confidentiality`; "" when it does not tell.
    """

    release: str = ""
    build: str = ""
    newest: str = ""
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
        path: of the file it runs from, where that is the host's own; "" when it is not, or cannot be told.
        is_replaced: that file is no more: another has taken its place since it was started.
    """

    name: str
    place: str
    flags: Mapping[str, str] = field(default_factory=dict)
    path: str = ""
    is_replaced: bool = False


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


class WeakProcess(Struct, frozen=True, kw_only=True):
    """A container's process that the kernel confines less than the class of its workload demands.

    Attributes:
        workload: as reports call the container.
        program: its file, as its container sees it; "" when that cannot be told.
        of_class: the class; `rule` says that the workload is of it.
        demand: what is demanded, as `tidegate.execution.confinement.Demand` names it; `what` is how it is not met.
    """

    workload: str
    program: str
    pid: int
    of_class: str
    rule: str
    demand: str
    what: str


class Host(Struct, frozen=True, kw_only=True):
    """All of it. `unread` tells what was there and could not be read, with the reason."""

    name: str = ""
    kernel: Kernel = field(default_factory=Kernel)
    programs: tuple[Program, ...] = ()
    configs: tuple[RuntimeConfig, ...] = ()
    files: tuple[HostFile, ...] = ()
    listeners: tuple[Listener, ...] = ()
    mounts: tuple[HostMount, ...] = ()
    weak: tuple[WeakProcess, ...] = ()
    unread: tuple[tuple[str, str], ...] = ()
