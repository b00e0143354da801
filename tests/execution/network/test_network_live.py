# SPDX-License-Identifier: Apache-2.0
"""Policies against what runs and what was seen: pods nobody isolates, policies of nobody, addresses of pods."""

from typing import Any

import pytest

from tidegate.errors import InvalidInputError
from tidegate.execution.network.compare import Difference, Lack, differences
from tidegate.execution.network.flows import Flows
from tidegate.execution.network.live import LiveCluster, live_cluster, resolved, unmatched
from tidegate.execution.network.observed import ObservedFlow, Seen

NAMESPACES = [{"metadata": {"name": "shop", "labels": {"kubernetes.io/metadata.name": "shop", "tier": "front"}}}]


def pod(name: str, labels: dict[str, str], address: str, **more: Any) -> Any:
    owners = [{"kind": "ReplicaSet", "name": name.rpartition("-")[0]}]
    spec = {"containers": [{"name": "app", "ports": [{"name": "http", "containerPort": 8080}]}], **more.pop("spec", {})}
    metadata = {"name": name, "namespace": "shop", "labels": labels, "ownerReferences": owners, **more}
    return {"metadata": metadata, "spec": spec, "status": {"phase": "Running", "podIP": address}}


def policy(name: str, labels: dict[str, str], **spec: Any) -> Any:
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": {"podSelector": {"matchLabels": labels}, **spec}}


def service(name: str, address: str, selector: dict[str, str], target: int | str) -> Any:
    spec = {"clusterIPs": [address], "selector": selector, "ports": [{"port": 80, "targetPort": target}]}
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": spec}


WEB, API = pod("web-1-x", {"app": "web"}, "10.1.0.7"), pod("api-1-y", {"app": "api"}, "10.1.0.8")
CLOSED = policy("closed", {}, policyTypes=["Ingress"])
FROM_WEB = policy("from-web", {"app": "api"}, ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]}])


def cluster(pods: list[Any], policies: list[Any], services: list[Any] | None = None) -> LiveCluster:
    return live_cluster(namespaces=NAMESPACES, pods=pods, services=services or [], policies=policies)


def told(found: tuple[Difference, ...], lack: Lack) -> list[tuple[str, str]]:
    return [(one.source or one.target, one.why or ", ".join(one.policies)) for one in found if one.lack is lack]


def seen(source: str, target: str, port: int) -> ObservedFlow:
    return ObservedFlow(source=Seen(address=source), destination=Seen(address=target), port=port)


def test_pods_that_no_policy_isolates_and_policies_that_select_none() -> None:
    found = unmatched(cluster([WEB, API], [CLOSED, FROM_WEB, policy("old", {"app": "gone"})]))
    assert [one.policies for one in found if one.lack is Lack.IDLE] == [("shop/old",)]
    assert told(found, Lack.BARE) == [
        ("shop/ReplicaSet/api-1", "no policy isolates api-1-y in the direction Egress"),
        ("shop/ReplicaSet/web-1", "no policy isolates web-1-x in the direction Egress"),
    ]
    assert len(told(unmatched(cluster([WEB], [])), Lack.BARE)) == 2


def test_pods_that_are_over_or_of_the_hosts_network_are_no_matter_of_policies() -> None:
    host = pod("node-1-z", {}, "192.0.2.1", spec={"hostNetwork": True})
    going = pod("going-1-z", {}, "10.1.0.9", deletionTimestamp="2026-01-01T00:00:00Z")
    over = pod("over-1-z", {}, "10.1.0.10") | {"status": {"phase": "Succeeded"}}
    assert cluster([host, going, over], []).pods == ()


def test_addresses_of_pods_and_of_services_are_told_as_the_pods() -> None:
    for target in (8080, "http"):
        live = cluster([WEB, API], [], [service("api", "10.96.0.5", {"app": "api"}, target)])
        through, direct, away = resolved(
            [
                seen("10.1.0.7", "10.96.0.5", 80),
                seen("10.1.0.7", "10.1.0.8", 8080),
                seen("10.1.0.7", "203.0.113.1", 443),
            ],
            live,
        )
        assert through == direct
        assert (through.source.labels, through.destination.labels, through.port) == (
            {"app": "web"},
            {"app": "api"},
            8080,
        )
        assert (away.source.workload, away.destination.address) == ("ReplicaSet/web-1", "203.0.113.1")
    # Another port of its address, or a service of nothing, stands for no pod.
    live = cluster([API], [], [service("api", "10.96.0.5", {"app": "api"}, 1), service("none", "10.96.0.6", {}, 1)])
    for address, port in (("10.96.0.5", 81), ("10.96.0.6", 80)):
        (same,) = resolved([seen("203.0.113.1", address, port)], live)
        assert same.destination.address == address


def test_what_was_seen_is_held_against_running_policies() -> None:
    live = cluster(
        [WEB, API], [CLOSED, FROM_WEB, policy("unused", {"app": "web"}, ingress=[{"from": [{"podSelector": {}}]}])]
    )
    observed = tuple(resolved([seen("10.1.0.7", "10.1.0.8", 8080), seen("203.0.113.1", "10.1.0.8", 8080)], live))
    found = differences(Flows(), live.policies, observed)
    assert [(one.source, one.target, one.policies) for one in found if one.lack is Lack.BLOCKED] == [
        ("203.0.113.1", "ReplicaSet/api-1", ("shop/closed", "shop/from-web"))
    ]
    assert [one.policies for one in found if one.lack is Lack.UNUSED] == [("shop/unused",)]
    assert {one.lack for one in found} == {Lack.BLOCKED, Lack.UNUSED}
    assert differences(Flows(), live.policies, ()) == ()


@pytest.mark.parametrize(
    "broken",
    [
        {"metadata": ["a"], "spec": {}},
        {"metadata": {"labels": {"a": 1}}, "spec": {}},
        {"metadata": {}, "spec": {"containers": {"a": 1}}},
        {"metadata": {}, "spec": {"containers": [{"ports": [{"name": "a", "containerPort": 1, "protocol": "X"}]}]}},
        {"metadata": {}, "spec": {"containers": ["a"]}},
        {"metadata": {"ownerReferences": "a"}, "spec": {}},
        {"metadata": {}, "spec": {}, "status": "gone"},
    ],
)
def test_what_no_api_server_says_is_refused(broken: Any) -> None:
    with pytest.raises(InvalidInputError):
        cluster([broken], [])
