# SPDX-License-Identifier: Apache-2.0
"""What a house asks of pods beside the standards: limits, ceilings, ratios, a read-only root, no token."""

from collections.abc import Iterator
from fractions import Fraction

from tidegate.errors import InvalidInputError
from tidegate.execution.json_patch import pointer
from tidegate.execution.pod_rules import Demand, PodRule
from tidegate.execution.pod_spec import ContainerSpec, Resources
from tidegate.execution.quantity import parse_quantity
from tidegate.execution.standards import Violation
from tidegate.execution.workload import Container, ContainerRole, Workload


def house_violations(workload: Workload, rule: PodRule, *, may_have_token: bool) -> tuple[Violation, ...]:
    """Everything in a workload that a rule of the house does not allow beside the standards.

    Args:
        workload: as it would run.
        rule: that holds for it.
        may_have_token: it was seen to ask the API server, or the rule says so.
    """
    return tuple(_all(workload, rule, may_have_token=may_have_token))


def _all(workload: Workload, rule: PodRule, *, may_have_token: bool) -> Iterator[Violation]:
    spec_at = (*workload.pod_at, "spec")
    if (
        Demand.NO_TOKEN in rule.demands
        and not may_have_token
        and workload.pod.automount_service_account_token is not False
    ):
        message = "is given a token of the API server"
        at = (*spec_at, "automountServiceAccountToken")
        yield _violation("service-account-token", "", at, message, "set automountServiceAccountToken to false")
    if workload.pod.resources is not None:
        yield from _resources(rule, workload.pod.resources, "", spec_at)
    for container in workload.containers:
        if Demand.READ_ONLY_ROOT in rule.demands and not workload.pod.is_windows:
            yield from _root(container)
        if container.role is not ContainerRole.EPHEMERAL:
            said = _spec_of(workload, container).resources or Resources()
            yield from _resources(rule, said, container.name, container.at)
            yield from _limits(workload, rule, said, container)


def _root(container: Container) -> Iterator[Violation]:
    if not container.security.read_only_root_filesystem:
        at = (*container.at, "securityContext", "readOnlyRootFilesystem")
        fix = "set it to true, with volumes where it writes"
        yield _violation("read-only-root", container.name, at, "may write to its root file system", fix)


def _limits(workload: Workload, rule: PodRule, said: Resources, container: Container) -> Iterator[Violation]:
    whole = (workload.pod.resources or Resources()).limits or {}
    for name in ("cpu", "memory") if Demand.LIMITS in rule.demands else ():
        if (said.limits or {}).get(name) is None and whole.get(name) is None:
            at = (*container.at, "resources", "limits", name)
            yield _violation("limits", container.name, at, f"may take all of a node's {name}", "name a limit")


def _resources(rule: PodRule, said: Resources, container: str, at: tuple[str | int, ...]) -> Iterator[Violation]:
    limits, requests = _read(said.limits), _read(said.requests)
    for kind, listed in (("requests", requests), ("limits", limits)):
        for name, value in listed.items():
            ceiling, place = rule.ceilings.get(name), (*at, "resources", kind, name)
            if value is None:
                yield _violation("quantity", container, place, "is no quantity", "write it like 500m or 2Gi")
            elif ceiling is not None and value > parse_quantity(ceiling):
                message = f"{name} is over the ceiling of {ceiling}"
                yield _violation("ceiling", container, place, message, f"ask for {ceiling} or less")
    for name, most in rule.max_ratio.items():
        limit, request = limits.get(name), requests.get(name)
        # Without a request the API server takes the limit for it.
        if limit is not None and request is not None and limit > request * most:
            place = (*at, "resources", "limits", name)
            message = f"its limit of {name} is more than {most} times its request"
            yield _violation("ratio", container, place, message, "ask for more, or limit it to less")


def _read(listed: dict[str, str | int | float] | None) -> dict[str, Fraction | None]:
    return {name: _quantity(value) for name, value in (listed or {}).items()}


def _quantity(value: str | float) -> Fraction | None:
    try:
        return parse_quantity(value)
    except InvalidInputError:
        return None


def _spec_of(workload: Workload, container: Container) -> ContainerSpec:
    listed = {
        ContainerRole.INIT: workload.pod.init_containers,
        ContainerRole.APP: workload.pod.containers,
        ContainerRole.EPHEMERAL: workload.pod.ephemeral_containers,
    }[container.role]
    return next(spec for spec in listed or () if spec.name == container.name)


def _violation(control: str, container: str, at: tuple[str | int, ...], message: str, fix: str) -> Violation:
    return Violation(level=None, control=control, container=container, path=pointer(at), message=message, fix=fix)
