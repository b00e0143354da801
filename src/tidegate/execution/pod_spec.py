# SPDX-License-Identifier: Apache-2.0
"""The part of Kubernetes' PodSpec (core/v1) that decides what a container may do, as it is written on the wire.

Names are Kubernetes' own in snake case. Unknown fields are passed over here and kept in the document itself.
"""

from typing import Any

import msgspec


class _Wire(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A map of Kubernetes: a field that is null is a field that is not there."""


class Capabilities(_Wire, frozen=True):
    """Linux capabilities added to and dropped from the runtime's default set, without `CAP_`."""

    add: tuple[str, ...] | None = None
    drop: tuple[str, ...] | None = None


class SeccompProfile(_Wire, frozen=True):
    """`RuntimeDefault`, `Localhost` or `Unconfined`."""

    type: str | None = None


class AppArmorProfile(_Wire, frozen=True):
    """`RuntimeDefault`, `Localhost` or `Unconfined`."""

    type: str | None = None


class SelinuxOptions(_Wire, frozen=True):
    """The SELinux label's parts."""

    type: str | None = None
    user: str | None = None
    role: str | None = None


class WindowsOptions(_Wire, frozen=True):
    """What Windows has instead."""

    host_process: bool | None = None


class Sysctl(_Wire, frozen=True):
    """One kernel parameter."""

    name: str = ""


class PodSecurityContext(_Wire, frozen=True):
    """What holds for all containers that do not say otherwise."""

    run_as_non_root: bool | None = None
    run_as_user: int | None = None
    run_as_group: int | None = None
    seccomp_profile: SeccompProfile | None = None
    app_armor_profile: AppArmorProfile | None = None
    selinux_options: SelinuxOptions | None = msgspec.field(default=None, name="seLinuxOptions")
    windows_options: WindowsOptions | None = None
    sysctls: tuple[Sysctl, ...] | None = None


class SecurityContext(_Wire, frozen=True):
    """What holds for one container."""

    run_as_non_root: bool | None = None
    run_as_user: int | None = None
    run_as_group: int | None = None
    privileged: bool | None = None
    allow_privilege_escalation: bool | None = None
    read_only_root_filesystem: bool | None = None
    capabilities: Capabilities | None = None
    proc_mount: str | None = None
    seccomp_profile: SeccompProfile | None = None
    app_armor_profile: AppArmorProfile | None = None
    selinux_options: SelinuxOptions | None = msgspec.field(default=None, name="seLinuxOptions")
    windows_options: WindowsOptions | None = None


class Port(_Wire, frozen=True):
    """A port of a container; `host_port` opens it on the node."""

    container_port: int | None = None
    host_port: int | None = None
    name: str | None = None


class Target(_Wire, frozen=True):
    """Where a probe or a hook knocks: `host` other than the pod is a way to reach the node's network."""

    host: str | None = None


class Handler(_Wire, frozen=True):
    """A probe, or one hook of a container's life."""

    http_get: Target | None = None
    tcp_socket: Target | None = None


class Lifecycle(_Wire, frozen=True):
    """Hooks of a container's life."""

    post_start: Handler | None = None
    pre_stop: Handler | None = None


class VolumeMount(_Wire, frozen=True):
    """Where a volume appears in a container."""

    name: str = ""
    mount_path: str = ""


class Resources(_Wire, frozen=True):
    """Quantities as written: text, or a number."""

    requests: dict[str, str | int | float] | None = None
    limits: dict[str, str | int | float] | None = None


class ContainerSpec(_Wire, frozen=True):
    """One container."""

    name: str
    image: str = ""
    security_context: SecurityContext | None = None
    ports: tuple[Port, ...] | None = None
    liveness_probe: Handler | None = None
    readiness_probe: Handler | None = None
    startup_probe: Handler | None = None
    lifecycle: Lifecycle | None = None
    volume_mounts: tuple[VolumeMount, ...] | None = None
    resources: Resources | None = None


class OperatingSystem(_Wire, frozen=True):
    """`linux` or `windows`."""

    name: str = ""


class PodSpec(_Wire, frozen=True):
    """One pod."""

    containers: tuple[ContainerSpec, ...]
    init_containers: tuple[ContainerSpec, ...] | None = None
    ephemeral_containers: tuple[ContainerSpec, ...] | None = None
    volumes: tuple[dict[str, Any], ...] | None = None
    security_context: PodSecurityContext | None = None
    host_users: bool | None = None
    host_network: bool | None = None
    host_pid: bool | None = msgspec.field(default=None, name="hostPID")
    host_ipc: bool | None = msgspec.field(default=None, name="hostIPC")
    automount_service_account_token: bool | None = None
    service_account_name: str | None = None
    os: OperatingSystem | None = None
    resources: Resources | None = None

    @property
    def is_windows(self) -> bool:
        """True when the pod says it runs on Windows nodes, where Linux' switches may not be set."""
        return self.os is not None and self.os.name == "windows"


class Metadata(_Wire, frozen=True):
    """What an object is called and labelled."""

    name: str | None = None
    generate_name: str | None = None
    namespace: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


class Template(_Wire, frozen=True):
    """A pod, or the mould of one."""

    spec: PodSpec
    metadata: Metadata | None = None
