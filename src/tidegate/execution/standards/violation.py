# SPDX-License-Identifier: Apache-2.0
"""What a level does not allow, and the parts of a pod that it looks at."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tidegate.execution.json_patch import pointer
from tidegate.execution.pod_spec import ContainerSpec, PodSecurityContext, PodSpec, SecurityContext
from tidegate.execution.workload import ContainerRole, Workload

_USER_NAMESPACES = 35
_WINDOWS_EXEMPT = 25


class Level(StrEnum):
    """How strict: privileged objects to nothing, restricted to all that baseline does and more."""

    PRIVILEGED = "privileged"
    BASELINE = "baseline"
    RESTRICTED = "restricted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One thing a level does not allow.

    Attributes:
        level: of the standards; None for what the house's own rules do not allow.
        control: the standard's name of it, in kebab case: `host-namespaces`.
        container: its name; "" when the pod as a whole is meant.
        path: JSON Pointer into the workload's document.
        fix: what would pass.
    """

    level: Level | None
    control: str
    container: str
    path: str
    message: str
    fix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A pod (`container` is "") or one of its containers, with the security context it has."""

    container: str
    at: tuple[str | int, ...]
    context: Any
    spec: ContainerSpec | None

    def baseline(self, control: str, where: str, message: str, fix: str) -> Violation:
        """What baseline does not allow; `where` is dotted."""
        return self.violation(Level.BASELINE, control, where, message, fix)

    def restricted(self, control: str, where: str, message: str, fix: str) -> Violation:
        """What restricted does not allow beside."""
        return self.violation(Level.RESTRICTED, control, where, message, fix)

    def violation(self, level: Level, control: str, where: str, message: str, fix: str) -> Violation:
        """What a level does not allow; `where` is dotted."""
        path = pointer((*self.at, *where.split(".")))
        return Violation(level=level, control=control, container=self.container, path=path, message=message, fix=fix)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A workload as the controls look at it.

    Attributes:
        minor: of the Kubernetes version whose standard it is held to.
        whole: the pod; `containers` those of every role.
    """

    workload: Workload
    minor: int
    whole: Part
    containers: tuple[Part, ...]

    @classmethod
    def of(cls, workload: Workload, minor: int) -> "Subject":
        """Takes a workload apart."""
        whole, *containers = _parts(workload)
        return cls(workload=workload, minor=minor, whole=whole, containers=tuple(containers))

    @property
    def pod(self) -> PodSpec:
        """The pod's own fields."""
        return self.workload.pod

    @property
    def parts(self) -> tuple[Part, ...]:
        """The pod, then its containers."""
        return (self.whole, *self.containers)

    @property
    def has_own_users(self) -> bool:
        """True when root in the pod is nobody on the node, which counts since 1.35."""
        return self.minor >= _USER_NAMESPACES and self.pod.host_users is False

    @property
    def is_exempt_windows(self) -> bool:
        """True for a pod that says it is Windows', which Linux' controls spare since 1.25."""
        return self.minor >= _WINDOWS_EXEMPT and self.pod.is_windows


def _parts(workload: Workload) -> Iterator[Part]:
    spec_at = (*workload.pod_at, "spec")
    pod = workload.pod
    yield Part(container="", at=spec_at, context=pod.security_context or PodSecurityContext(), spec=None)
    specs = {
        ContainerRole.INIT: pod.init_containers,
        ContainerRole.APP: pod.containers,
        ContainerRole.EPHEMERAL: pod.ephemeral_containers,
    }
    for role, listed in specs.items():
        for at, spec in enumerate(listed or ()):
            context = spec.security_context or SecurityContext()
            yield Part(container=spec.name, at=(*spec_at, role.value, at), context=context, spec=spec)
