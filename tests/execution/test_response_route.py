# SPDX-License-Identifier: Apache-2.0
"""Who takes a step: the node's sensor, its cluster's, or the server; where nobody can, that is said."""

import pytest

from tidegate.errors import RefusedError
from tidegate.execution.observation import Container
from tidegate.execution.order import PodOf
from tidegate.execution.response_policy import IN_THE_CLUSTER, ON_THE_NODE, Step
from tidegate.execution.route import Reporter, Route, route

SEEN = Container(id="ab" * 32, name="app", namespace="shop", pod="web-1")
TOLD = Container(id="ab" * 32, name="app", namespace="shop", pod="web-1", pod_uid="u-1", host="worker-1")
NODE = Reporter(name="worker-1", is_cluster=False, is_heard=True, container=SEEN)
CLUSTER = Reporter(name="prod", is_cluster=True, is_heard=True, container=TOLD)
POD = PodOf(namespace="shop", name="web-1", uid="u-1", host="worker-1")


def taken(step: Step, *reporters: Reporter) -> Route:
    return route(step, SEEN, "worker-1", reporters)


@pytest.mark.parametrize("step", sorted(set(Step) - {Step.RECALL}))
def test_what_both_could_do_the_node_does(step: Step) -> None:
    for reporters in ((NODE, CLUSTER), (CLUSTER, NODE)):
        found = taken(step, *reporters)
        assert (found.taker, found.pod) == (("worker-1", None) if step in ON_THE_NODE else ("prod", POD))
        assert found.by_order


def test_a_node_that_is_not_heard_leaves_it_to_the_cluster() -> None:
    silent = Reporter(name="worker-1", is_cluster=False, is_heard=False, container=SEEN)
    assert taken(Step.ISOLATE, silent, CLUSTER).taker == "prod"
    assert taken(Step.FREEZE, silent, CLUSTER).taker == "worker-1", "it may come back within its time"


@pytest.mark.parametrize("step", sorted(ON_THE_NODE - IN_THE_CLUSTER))
def test_what_no_cluster_can_do_is_refused_without_a_sensor(step: Step) -> None:
    with pytest.raises(RefusedError, match=f"a cluster cannot {step}"):
        taken(step, CLUSTER)


@pytest.mark.parametrize("step", sorted(IN_THE_CLUSTER - ON_THE_NODE - {Step.LABEL}))
def test_what_no_node_can_do_is_refused_without_a_cluster(step: Step) -> None:
    with pytest.raises(RefusedError, match=f"a node cannot {step}"):
        taken(step, NODE)
    nameless = Reporter(name="prod", is_cluster=True, is_heard=True, container=SEEN)
    with pytest.raises(RefusedError):
        taken(step, nameless)


def test_the_server_marks_and_recalls_by_itself() -> None:
    for step in (Step.LABEL, Step.RECALL):
        assert taken(step, NODE) == Route(taker="worker-1", by_order=False)
    assert taken(Step.RECALL, NODE, CLUSTER) == Route(taker="worker-1", by_order=False)


def test_what_ended_is_its_nodes_to_say() -> None:
    assert taken(Step.KILL) == Route(taker="worker-1")
