# SPDX-License-Identifier: Apache-2.0
"""Which steps follow from an incident, now: those that are limited are not taken past their limits. Pure."""

from collections.abc import Mapping, Sequence

from tidegate.execution.response_policy import CONTAINING, Limits, ResponsePolicy, ResponseRule, Step
from tidegate.values import Struct


class Place(Struct, frozen=True, kw_only=True):
    """Where a container is counted.

    Attributes:
        node: whose sensor takes its steps, or told of it.
        container: its id.
        image: what it was started from.
    """

    node: str
    container: str
    namespace: str
    image: str


class Planned(Struct, frozen=True, kw_only=True):
    """A step.

    Attributes:
        waits: another person has to approve it.
        refused: why it is not taken; "" when it is.
    """

    step: Step
    waits: bool = False
    refused: str = ""


def plan(
    policy: ResponsePolicy,
    rule: ResponseRule,
    place: Place,
    *,
    fleet: Sequence[Place],
    contained: Sequence[Place],
    clusters: Mapping[Step, str] | None = None,
) -> tuple[Planned, ...]:
    """The steps of a rule for one container.

    Args:
        policy: limits and approvals.
        rule: whose steps.
        place: of the container.
        fleet: all containers that run in its namespace; one that its node and its cluster tell of counts once.
        contained: those taken out of service within the policy's window, by whatever rule.
        clusters: the cluster that takes a step, where its node does not.
    """
    takers = clusters or {}

    def refused(step: Step) -> str:
        if step not in CONTAINING or any(one.container == place.container for one in contained):
            return ""
        return _over_at(policy.limits, takers.get(step, ""), place, contained) or _over_of(
            policy.limits, rule, place, fleet, contained
        )

    return tuple(Planned(step=step, waits=step in policy.approval, refused=refused(step)) for step in rule.steps)


def _over_at(limits: Limits, cluster: str, place: Place, contained: Sequence[Place]) -> str:
    taker, name, most = (
        (cluster, "perCluster", limits.per_cluster) if cluster else (place.node, "perNode", limits.per_node)
    )
    here = {one.container for one in contained if one.node == taker}
    if len(here) < most:
        return ""
    return f"over the limit {name} = {most}: {len(here)} containers of it were contained already"


def _over_of(
    limits: Limits, rule: ResponseRule, place: Place, fleet: Sequence[Place], contained: Sequence[Place]
) -> str:
    percent = rule.workload_percent or limits.workload_percent
    # A rule that lets more of a workload go lets as much of its namespace go, which may be nothing else.
    of_namespace = max(limits.namespace_percent, rule.workload_percent)
    kin = [one for one in fleet if one.namespace == place.namespace]
    same = [one for one in kin if one.image == place.image]
    for name, most, group in (("workloadPercent", percent, same), ("namespacePercent", of_namespace, kin)):
        ids = {one.container for one in group}
        gone = {one.container for one in contained if _counts(one, place, name)}
        allowed = max(1, len(ids | gone) * most // 100)
        if len(gone) >= allowed:
            return f"over the limit {name} = {most}: {len(gone)} of {len(ids | gone)} were contained already"
    return ""


def _counts(one: Place, place: Place, name: str) -> bool:
    if one.namespace != place.namespace:
        return False
    return name == "namespacePercent" or one.image == place.image
