# SPDX-License-Identifier: Apache-2.0
"""Who takes a step: the sensor of the container's node, its cluster's, or the server itself. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

from tidegate.errors import RefusedError
from tidegate.execution.observation import Container
from tidegate.execution.order import PodOf
from tidegate.execution.response_policy import IN_THE_CLUSTER, ON_THE_NODE, Step
from tidegate.values import Struct

_BY_ITSELF: Final = frozenset({Step.LABEL, Step.RECALL})
"""What the server does where nobody else can."""


class Reporter(Struct, frozen=True, kw_only=True):
    """A sensor that tells of a container.

    Attributes:
        name: of the node or the cluster.
        is_cluster: which of the two.
        is_heard: it said something lately.
        container: as it tells it.
    """

    name: str
    is_cluster: bool
    is_heard: bool
    container: Container


class Route(Struct, frozen=True, kw_only=True):
    """Who takes a step.

    Attributes:
        taker: the node or cluster under whose name it is on record.
        pod: which pod it is, for a cluster.
        by_order: a sensor is ordered; the server itself does it otherwise.
    """

    taker: str
    pod: PodOf | None = None
    by_order: bool = True


def route(step: Step, container: Container, node: str, reporters: Sequence[Reporter]) -> Route:
    """Finds who takes a step.

    What its node and its cluster could both do its node does: that holds whatever network the cluster has.

    Args:
        step: which.
        container: of which.
        node: whose sensor told of it.
        reporters: all that tell of it now.

    Raises:
        RefusedError: nobody who can is there; it says who would be.
    """
    for one in sorted(reporters, key=lambda one: (not one.is_heard, one.is_cluster, one.name)):
        if not one.is_cluster and step in ON_THE_NODE:
            return Route(taker=one.name)
        if one.is_cluster and step in IN_THE_CLUSTER and (pod := pod_of(one.container)) is not None:
            return Route(taker=one.name, pod=pod)
    if step in _BY_ITSELF:
        return Route(taker=node, by_order=False)
    if not reporters and step in ON_THE_NODE:
        return Route(taker=node)  # it ended, or is not told of yet: its node says so
    raise RefusedError(_nobody(step), where=container.workload)


def pod_of(container: Container) -> PodOf | None:
    """The pod of a container as a cluster tells it; None where it is of none."""
    if not (container.namespace and container.pod and container.pod_uid):
        return None
    return PodOf(namespace=container.namespace, name=container.pod, uid=container.pod_uid, host=container.host)


def _nobody(step: Step) -> str:
    others = ", ".join(_instead(step))
    if step in ON_THE_NODE:
        return f"no sensor watches its node, and a cluster cannot {step}; a cluster can: {others}"
    return f"no cluster tells of its pod, and a node cannot {step}; a node can: {others}"


def _instead(step: Step) -> Iterator[Step]:
    return (one for one in Step if one in (IN_THE_CLUSTER if step in ON_THE_NODE else ON_THE_NODE))
