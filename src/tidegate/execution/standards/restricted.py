# SPDX-License-Identifier: Apache-2.0
"""Level restricted: how a container is set up by today's best practice, beside all that baseline asks for."""

from collections.abc import Iterator
from typing import Final

from tidegate.execution.pod_spec import Capabilities
from tidegate.execution.standards.baseline import CAPABILITIES, CONFINED, added, unmasked
from tidegate.execution.standards.control import Control
from tidegate.execution.standards.violation import Level, Subject, Violation

_CAPABILITIES: Final = frozenset({"NET_BIND_SERVICE"})
_VOLUMES: Final = frozenset(
    [
        *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected"),
        "secret",
    ]
)


def _volume_types(subject: Subject) -> Iterator[Violation]:
    for at, volume in enumerate(subject.pod.volumes or ()):
        kinds = sorted(kind for kind in volume if kind != "name" and volume[kind] is not None)
        if wrong := [kind for kind in kinds if kind not in _VOLUMES and kind != "hostPath"]:
            message = f"the volume {volume.get('name', '')} is of the kind {wrong[0]:.60}"
            yield subject.whole.restricted(
                "volume-types", f"volumes.{at}.{wrong[0]}", message, "use a volume of the cluster"
            )


def _privilege_escalation(subject: Subject) -> Iterator[Violation]:
    where = "securityContext.allowPrivilegeEscalation"
    for part in () if subject.is_exempt_windows else subject.containers:
        if part.context.allow_privilege_escalation is not False:
            yield part.restricted("privilege-escalation", where, "setuid programs may give it more", "set it to false")


def _non_root(subject: Subject) -> Iterator[Violation]:
    if subject.has_own_users:
        return
    where, whole = "securityContext.runAsNonRoot", subject.whole.context.run_as_non_root
    for part in subject.containers:
        own = part.context.run_as_non_root
        if own is False or (own is None and whole is not True):
            yield part.restricted("non-root", where, "nothing keeps it from running as root", "set it to true")
    if whole is False:
        yield subject.whole.restricted("non-root", where, "the pod allows root", "set it to true")


def _root_user(subject: Subject) -> Iterator[Violation]:
    for part in () if subject.has_own_users else subject.parts:
        if part.context.run_as_user == 0:
            yield part.restricted("root-user", "securityContext.runAsUser", "runs as root (uid 0)", "name another user")


def _seccomp_set(subject: Subject) -> Iterator[Violation]:
    where, whole = "securityContext.seccompProfile.type", subject.whole.context.seccomp_profile
    is_set = bool(whole and whole.type in CONFINED)
    for part in () if subject.is_exempt_windows else subject.containers:
        if part.context.seccomp_profile is None and not is_set:
            yield part.restricted("seccomp-set", where, "no seccomp profile is named", "use RuntimeDefault")


def _all_dropped(subject: Subject) -> Iterator[Violation]:
    if subject.is_exempt_windows:
        return
    where = "securityContext.capabilities.drop"
    for part in subject.containers:
        dropped = (part.context.capabilities or Capabilities()).drop or ()
        if "ALL" not in dropped:
            yield part.restricted("capabilities-dropped", where, "keeps the runtime's capabilities", "drop ALL")
    yield from added(subject, _CAPABILITIES, Level.RESTRICTED, beyond=CAPABILITIES)


def _proc_mount(subject: Subject) -> Iterator[Violation]:
    if subject.has_own_users:  # baseline forgives it there
        yield from unmasked(subject, Level.RESTRICTED)


RESTRICTED: Final[tuple[Control, ...]] = (
    Control(check=_volume_types),
    Control(check=_privilege_escalation, since=8),
    Control(check=_non_root),
    Control(check=_root_user, since=23),
    Control(check=_seccomp_set, since=19),
    Control(check=_all_dropped, since=22),
    Control(check=_proc_mount, since=35),
)
