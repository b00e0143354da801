# SPDX-License-Identifier: Apache-2.0
"""Kubernetes' Pod Security Standards, levels baseline and restricted, as checks that say what, where and what instead.

Follows https://kubernetes.io/docs/concepts/security/pod-security-standards/ (1.34), control by control in its order. A
field of a pod stands before its containers'; init and ephemeral containers count like all others.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from tidegate.execution.json_patch import pointer
from tidegate.execution.pod_spec import (
    Capabilities,
    ContainerSpec,
    Handler,
    PodSecurityContext,
    SecurityContext,
    SelinuxOptions,
)
from tidegate.execution.workload import ContainerRole, Workload

_BASELINE_CAPABILITIES: Final = frozenset(
    {
        *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE"),
        *("SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    }
)
_RESTRICTED_CAPABILITIES: Final = frozenset({"NET_BIND_SERVICE"})
_SELINUX_TYPES: Final = frozenset({"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"})
_SYSCTLS: Final = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_wmem",
    }
)
_RESTRICTED_VOLUMES: Final = frozenset(
    ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"]
)
_CONFINED: Final = frozenset({"RuntimeDefault", "Localhost"})
_APPARMOR_ANNOTATION: Final = "container.apparmor.security.beta.kubernetes.io/"


class Level(StrEnum):
    """How strict: privileged objects to nothing, restricted to all that baseline does and more."""

    PRIVILEGED = "privileged"
    BASELINE = "baseline"
    RESTRICTED = "restricted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One thing a level does not allow.

    Attributes:
        control: the standard's name of it, in kebab case: `host-namespaces`.
        container: its name; "" when the pod as a whole is meant.
        path: JSON Pointer into the workload's document.
        fix: what would pass.
    """

    level: Level
    control: str
    container: str
    path: str
    message: str
    fix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A pod (`container` is "") or one of its containers, with the security context it has."""

    container: str
    at: tuple[str | int, ...]
    context: Any
    spec: ContainerSpec | None


_Check = Callable[[Workload, list[_Part]], Iterator[Violation]]


def violations(workload: Workload, level: Level = Level.RESTRICTED) -> tuple[Violation, ...]:
    """Everything in a workload that a level does not allow; empty is compliant."""
    checks = {Level.PRIVILEGED: (), Level.BASELINE: _BASELINE, Level.RESTRICTED: _BASELINE + _RESTRICTED}[level]
    parts = list(_parts(workload))
    return tuple(found for check in checks for found in check(workload, parts))


def _parts(workload: Workload) -> Iterator[_Part]:
    spec_at = (*workload.pod_at, "spec")
    pod = workload.pod
    yield _Part(container="", at=spec_at, context=pod.security_context or PodSecurityContext(), spec=None)
    specs = {
        ContainerRole.INIT: pod.init_containers,
        ContainerRole.APP: pod.containers,
        ContainerRole.EPHEMERAL: pod.ephemeral_containers,
    }
    for role, listed in specs.items():
        for at, spec in enumerate(listed or ()):
            context = spec.security_context or SecurityContext()
            yield _Part(container=spec.name, at=(*spec_at, role.value, at), context=context, spec=spec)


# Baseline ----------------------------------------------------------------------------------------------------------


def _host_process(_workload: Workload, parts: list[_Part]) -> Iterator[Violation]:
    for part in parts:
        if part.context.windows_options and part.context.windows_options.host_process:
            yield _baseline(
                "host-process",
                part,
                "securityContext.windowsOptions.hostProcess",
                "runs on the node itself",
                "leave it out",
            )


def _host_namespaces(workload: Workload, parts: list[_Part]) -> Iterator[Violation]:
    pod = workload.pod
    for name, used in (("hostNetwork", pod.host_network), ("hostPID", pod.host_pid), ("hostIPC", pod.host_ipc)):
        if used:
            yield _baseline("host-namespaces", parts[0], name, f"{name} shares the node's own", f"leave {name} out")


def _privileged(_workload: Workload, parts: list[_Part]) -> Iterator[Violation]:
    for part in parts[1:]:
        if part.context.privileged:
            where = "securityContext.privileged"
            yield _baseline("privileged", part, where, "a privileged container is root on the node", "set it to false")


def _capabilities(_workload: Workload, parts: list[_Part]) -> Iterator[Violation]:
    yield from _added(parts, _BASELINE_CAPABILITIES, Level.BASELINE)


def _host_path(workload: Workload, parts: list[_Part]) -> Iterator[Violation]:
    for at, volume in enumerate(workload.pod.volumes or ()):
        if volume.get("hostPath") is not None:
            path = volume["hostPath"].get("path", "") if isinstance(volume["hostPath"], dict) else ""
            message = f"the volume {volume.get('name', '')} opens {path or 'a path'} of the node"
            yield _baseline("host-path", parts[0], f"volumes.{at}.hostPath", message, "use a volume of the cluster")


def _host_ports(_workload: Workload, parts: list[_Part]) -> Iterator[Violation]:
    for part in parts:
        for at, port in enumerate(part.spec.ports or () if part.spec else ()):
            if port.host_port:
                message = f"opens port {port.host_port} of the node"
                yield _baseline("host-ports", part, f"ports.{at}.hostPort", message, "use a Service")


def _host_probes(_workload: Workload, parts: list[_Part]) -> Iterator[Violation]:
    for part in parts:
        for name, target in _targets(part.spec) if part.spec else ():
            message = "knocks at another host than the pod, from the node"
            yield _baseline("host-probes", part, f"{name}.host", message, f"leave out host {target!r:.80}")


def _targets(spec: ContainerSpec) -> Iterator[tuple[str, str]]:
    life = spec.lifecycle
    handlers: list[tuple[str, Handler | None]] = [
        ("livenessProbe", spec.liveness_probe),
        ("readinessProbe", spec.readiness_probe),
        ("startupProbe", spec.startup_probe),
        ("lifecycle.postStart", life.post_start if life else None),
        ("lifecycle.preStop", life.pre_stop if life else None),
    ]
    for name, handler in handlers:
        for way, target in (("httpGet", handler.http_get), ("tcpSocket", handler.tcp_socket)) if handler else ():
            if target and target.host:
                yield f"{name}.{way}", target.host


def _apparmor(workload: Workload, parts: list[_Part]) -> Iterator[Violation]:
    for part in parts:
        profile = part.context.app_armor_profile
        if profile and profile.type not in _CONFINED:
            message = f"AppArmor profile {profile.type!r:.40} confines nothing"
            yield _baseline("apparmor", part, "securityContext.appArmorProfile.type", message, "use RuntimeDefault")
    for name, value in workload.pod_annotations.items():
        if name.startswith(_APPARMOR_ANNOTATION) and not _is_confining(value):
            yield Violation(
                level=Level.BASELINE,
                control="apparmor",
                container=name.removeprefix(_APPARMOR_ANNOTATION),
                path=pointer((*workload.pod_at, "metadata", "annotations", name)),
                message=f"AppArmor profile {value!r:.40} confines nothing",
                fix="use runtime/default",
            )


def _is_confining(profile: str) -> bool:
    return profile in {"", "runtime/default"} or profile.startswith("localhost/")


def _selinux(_workload: Workload, parts: list[_Part]) -> Iterator[Violation]:
    for part in parts:
        options = part.context.selinux_options or SelinuxOptions()
        if (options.type or "") not in _SELINUX_TYPES:
            where, message = (
                "securityContext.seLinuxOptions.type",
                f"SELinux type {options.type!r:.60} is not a container's",
            )
            yield _baseline("selinux", part, where, message, "use container_t")
        for name, value in (("user", options.user), ("role", options.role)):
            if value:
                where = f"securityContext.seLinuxOptions.{name}"
                yield _baseline("selinux", part, where, f"SELinux {name} is set by hand", "leave it out")


def _proc_mount(_workload: Workload, parts: list[_Part]) -> Iterator[Violation]:
    for part in parts[1:]:
        if part.context.proc_mount not in {None, "Default"}:
            where = "securityContext.procMount"
            yield _baseline("proc-mount", part, where, "shows more of /proc than a container needs", "use Default")


def _seccomp(_workload: Workload, parts: list[_Part]) -> Iterator[Violation]:
    for part in parts:
        profile = part.context.seccomp_profile
        if profile and profile.type is not None and profile.type not in _CONFINED:
            where, message = (
                "securityContext.seccompProfile.type",
                f"seccomp profile {profile.type!r:.40} filters nothing",
            )
            yield _baseline("seccomp", part, where, message, "use RuntimeDefault")


def _sysctls(_workload: Workload, parts: list[_Part]) -> Iterator[Violation]:
    for at, sysctl in enumerate(parts[0].context.sysctls or ()):
        if sysctl.name not in _SYSCTLS:
            message = f"the kernel parameter {sysctl.name:.80} reaches beyond the pod"
            yield _baseline("sysctls", parts[0], f"securityContext.sysctls.{at}.name", message, "leave it out")


# Restricted --------------------------------------------------------------------------------------------------------


def _volume_types(workload: Workload, parts: list[_Part]) -> Iterator[Violation]:
    for at, volume in enumerate(workload.pod.volumes or ()):
        kinds = sorted(kind for kind in volume if kind != "name" and volume[kind] is not None)
        if wrong := [kind for kind in kinds if kind not in _RESTRICTED_VOLUMES and kind != "hostPath"]:
            message = f"the volume {volume.get('name', '')} is of the kind {wrong[0]:.60}"
            yield _restricted(
                "volume-types", parts[0], f"volumes.{at}.{wrong[0]}", message, "use a volume of the cluster"
            )


def _privilege_escalation(workload: Workload, parts: list[_Part]) -> Iterator[Violation]:
    for part in [] if workload.pod.is_windows else parts[1:]:
        if part.context.allow_privilege_escalation is not False:
            where = "securityContext.allowPrivilegeEscalation"
            yield _restricted(
                "privilege-escalation", part, where, "setuid programs may give it more", "set it to false"
            )


def _non_root(_workload: Workload, parts: list[_Part]) -> Iterator[Violation]:
    whole = parts[0].context.run_as_non_root
    for part in parts[1:]:
        own = part.context.run_as_non_root
        if own is False or (own is None and whole is not True):
            where = "securityContext.runAsNonRoot"
            yield _restricted("non-root", part, where, "nothing keeps it from running as root", "set it to true")
    if whole is False:
        where = "securityContext.runAsNonRoot"
        yield _restricted("non-root", parts[0], where, "the pod allows root", "set it to true")


def _root_user(_workload: Workload, parts: list[_Part]) -> Iterator[Violation]:
    for part in parts:
        if part.context.run_as_user == 0:
            where = "securityContext.runAsUser"
            yield _restricted("root-user", part, where, "runs as root (uid 0)", "name another user")


def _seccomp_set(workload: Workload, parts: list[_Part]) -> Iterator[Violation]:
    whole = parts[0].context.seccomp_profile
    for part in [] if workload.pod.is_windows else parts[1:]:
        own = part.context.seccomp_profile
        if (own or whole) is None or (own or whole).type is None:
            where = "securityContext.seccompProfile.type"
            yield _restricted("seccomp-set", part, where, "no seccomp profile is named", "use RuntimeDefault")


def _all_dropped(workload: Workload, parts: list[_Part]) -> Iterator[Violation]:
    if workload.pod.is_windows:
        return
    for part in parts[1:]:
        dropped = (part.context.capabilities or Capabilities()).drop or ()
        if "ALL" not in dropped:
            where = "securityContext.capabilities.drop"
            yield _restricted("capabilities-dropped", part, where, "keeps the runtime's capabilities", "drop ALL")
    yield from _added(parts, _RESTRICTED_CAPABILITIES, Level.RESTRICTED, beyond=_BASELINE_CAPABILITIES)


def _added(
    parts: list[_Part], allowed: frozenset[str], level: Level, *, beyond: frozenset[str] | None = None
) -> Iterator[Violation]:
    """Capabilities added that are not allowed; with `beyond`, only those the level below had let pass."""
    for part in parts[1:]:
        added = (part.context.capabilities or Capabilities()).add or ()
        wrong = sorted(name for name in {*added} - allowed if beyond is None or name in beyond)
        if wrong:
            message = f"adds the capabilities {', '.join(wrong)[:200]}"
            where = "securityContext.capabilities.add"
            yield _violation(level, "capabilities", part, where, message, "leave them out")


def _baseline(control: str, part: _Part, where: str, message: str, fix: str) -> Violation:
    return _violation(Level.BASELINE, control, part, where, message, fix)


def _restricted(control: str, part: _Part, where: str, message: str, fix: str) -> Violation:
    return _violation(Level.RESTRICTED, control, part, where, message, fix)


def _violation(level: Level, control: str, part: _Part, where: str, message: str, fix: str) -> Violation:
    path = pointer((*part.at, *where.split(".")))
    return Violation(level=level, control=control, container=part.container, path=path, message=message, fix=fix)


_BASELINE: Final[tuple[_Check, ...]] = (
    _host_process,
    _host_namespaces,
    _privileged,
    _capabilities,
    _host_path,
    _host_ports,
    _host_probes,
    _apparmor,
    _selinux,
    _proc_mount,
    _seccomp,
    _sysctls,
)
_RESTRICTED: Final[tuple[_Check, ...]] = (
    _volume_types,
    _privilege_escalation,
    _non_root,
    _root_user,
    _seccomp_set,
    _all_dropped,
)
