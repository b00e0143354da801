# SPDX-License-Identifier: Apache-2.0
"""Level baseline: what known ways out of a container need."""

from collections.abc import Iterator
from typing import Final

from tidegate.execution.json_patch import pointer
from tidegate.execution.pod_spec import Capabilities, ContainerSpec, Handler, SelinuxOptions
from tidegate.execution.standards.control import Control
from tidegate.execution.standards.violation import Level, Subject, Violation

CONFINED: Final = frozenset({"RuntimeDefault", "Localhost"})
CAPABILITIES: Final = frozenset(
    {
        *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE"),
        *("SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    }
)
_SELINUX_TYPES: Final = {
    **dict.fromkeys(("", "container_t", "container_init_t", "container_kvm_t"), 0),
    "container_engine_t": 31,
}
_SYSCTLS: Final = {
    **dict.fromkeys(("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range"), 0),
    **dict.fromkeys(("net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range", "net.ipv4.tcp_syncookies"), 0),
    "net.ipv4.ip_local_reserved_ports": 27,
    **dict.fromkeys(("net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl"), 29),
    **dict.fromkeys(("net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_keepalive_time"), 29),
    **dict.fromkeys(("net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"), 32),
}
"""Types and parameters that are allowed, with the minor since when."""
_APPARMOR_ANNOTATION: Final = "container.apparmor.security.beta.kubernetes.io/"
_SECCOMP_ANNOTATION: Final = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_ANNOTATIONS: Final = "container.seccomp.security.alpha.kubernetes.io/"


def _host_process(subject: Subject) -> Iterator[Violation]:
    where, message = "securityContext.windowsOptions.hostProcess", "runs on the node itself"
    for part in subject.parts:
        if part.context.windows_options and part.context.windows_options.host_process:
            yield part.baseline("host-process", where, message, "leave it out")


def _host_namespaces(subject: Subject) -> Iterator[Violation]:
    pod = subject.pod
    for name, used in (("hostNetwork", pod.host_network), ("hostPID", pod.host_pid), ("hostIPC", pod.host_ipc)):
        if used:
            message = f"{name} shares the node's own"
            yield subject.whole.baseline("host-namespaces", name, message, f"leave {name} out")


def _privileged(subject: Subject) -> Iterator[Violation]:
    where, message = "securityContext.privileged", "a privileged container is root on the node"
    for part in subject.containers:
        if part.context.privileged:
            yield part.baseline("privileged", where, message, "set it to false")


def _capabilities(subject: Subject) -> Iterator[Violation]:
    yield from added(subject, CAPABILITIES, Level.BASELINE)


def added(
    subject: Subject, allowed: frozenset[str], level: Level, *, beyond: frozenset[str] | None = None
) -> Iterator[Violation]:
    """Capabilities added that are not allowed; with `beyond`, only those the level below had let pass."""
    for part in subject.containers:
        names = (part.context.capabilities or Capabilities()).add or ()
        wrong = sorted(name for name in {*names} - allowed if beyond is None or name in beyond)
        if wrong:
            message = f"adds the capabilities {', '.join(wrong)[:200]}"
            yield part.violation(level, "capabilities", "securityContext.capabilities.add", message, "leave them out")


def _host_path(subject: Subject) -> Iterator[Violation]:
    for at, volume in enumerate(subject.pod.volumes or ()):
        if volume.get("hostPath") is not None:
            path = volume["hostPath"].get("path", "") if isinstance(volume["hostPath"], dict) else ""
            message = f"the volume {volume.get('name', '')} opens {path or 'a path'} of the node"
            yield subject.whole.baseline("host-path", f"volumes.{at}.hostPath", message, "use a volume of the cluster")


def _host_ports(subject: Subject) -> Iterator[Violation]:
    for part in subject.containers:
        for at, port in enumerate(part.spec.ports or () if part.spec else ()):
            if port.host_port:
                message = f"opens port {port.host_port} of the node"
                yield part.baseline("host-ports", f"ports.{at}.hostPort", message, "use a Service")


def _host_probes(subject: Subject) -> Iterator[Violation]:
    for part in subject.containers:
        for name, target in _targets(part.spec) if part.spec else ():
            message = "knocks at another host than the pod, from the node"
            yield part.baseline("host-probes", f"{name}.host", message, f"leave out host {target!r:.80}")


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


def _apparmor(subject: Subject) -> Iterator[Violation]:
    for part in subject.parts:
        profile = part.context.app_armor_profile
        if profile and profile.type not in CONFINED:
            message = f"AppArmor profile {profile.type!r:.40} confines nothing"
            yield part.baseline("apparmor", "securityContext.appArmorProfile.type", message, "use RuntimeDefault")
    for name, value in subject.workload.pod_annotations.items():
        if name.startswith(_APPARMOR_ANNOTATION) and not _is_confining(value):
            message, container = f"AppArmor profile {value!r:.40} confines nothing", name[len(_APPARMOR_ANNOTATION) :]
            yield _annotated(subject, "apparmor", container, name, message)


def _is_confining(profile: str) -> bool:
    return profile in {"", "runtime/default"} or profile.startswith("localhost/")


def _annotated(subject: Subject, control: str, container: str, name: str, message: str) -> Violation:
    return Violation(
        level=Level.BASELINE,
        control=control,
        container=container,
        path=pointer((*subject.workload.pod_at, "metadata", "annotations", name)),
        message=message,
        fix="use runtime/default",
    )


def _selinux(subject: Subject) -> Iterator[Violation]:
    for part in subject.parts:
        options = part.context.selinux_options or SelinuxOptions()
        if _SELINUX_TYPES.get(options.type or "", subject.minor + 1) > subject.minor:
            message = f"SELinux type {options.type!r:.60} is not a container's"
            yield part.baseline("selinux", "securityContext.seLinuxOptions.type", message, "use container_t")
        for name, value in (("user", options.user), ("role", options.role)):
            if value:
                where = f"securityContext.seLinuxOptions.{name}"
                yield part.baseline("selinux", where, f"SELinux {name} is set by hand", "leave it out")


def _proc_mount(subject: Subject) -> Iterator[Violation]:
    if not subject.has_own_users:
        yield from unmasked(subject, Level.BASELINE)


def unmasked(subject: Subject, level: Level) -> Iterator[Violation]:
    """Containers that see more of /proc than they need."""
    where, message = "securityContext.procMount", "shows more of /proc than a container needs"
    for part in subject.containers:
        if part.context.proc_mount not in {None, "Default"}:
            yield part.violation(level, "proc-mount", where, message, "use Default")


def _seccomp(subject: Subject) -> Iterator[Violation]:
    for part in subject.parts:
        profile = part.context.seccomp_profile
        if profile and profile.type not in CONFINED:
            message = f"seccomp profile {profile.type!r:.40} filters nothing"
            yield part.baseline("seccomp", "securityContext.seccompProfile.type", message, "use RuntimeDefault")


def _seccomp_annotations(subject: Subject) -> Iterator[Violation]:
    names = {_SECCOMP_ANNOTATION: ""} | {
        _SECCOMP_ANNOTATIONS + one.container: one.container for one in subject.containers
    }
    for name, container in names.items():
        value = subject.workload.pod_annotations.get(name)
        if value is not None and not (value in {"runtime/default", "docker/default"} or value.startswith("localhost/")):
            message = f"seccomp profile {value!r:.40} filters nothing"
            yield _annotated(subject, "seccomp", container, name, message)


def _sysctls(subject: Subject) -> Iterator[Violation]:
    for at, sysctl in enumerate(subject.whole.context.sysctls or ()):
        if _SYSCTLS.get(sysctl.name, subject.minor + 1) > subject.minor:
            message = f"the kernel parameter {sysctl.name:.80} reaches beyond the pod"
            yield subject.whole.baseline("sysctls", f"securityContext.sysctls.{at}.name", message, "leave it out")


BASELINE: Final[tuple[Control, ...]] = (
    Control(check=_host_process),
    Control(check=_host_namespaces),
    Control(check=_privileged),
    Control(check=_capabilities),
    Control(check=_host_path),
    Control(check=_host_ports),
    Control(check=_host_probes, since=34),
    Control(check=_apparmor),
    Control(check=_selinux),
    Control(check=_proc_mount),
    Control(check=_seccomp_annotations, until=18),
    Control(check=_seccomp, since=19),
    Control(check=_sysctls),
)
