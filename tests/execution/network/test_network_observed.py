# SPDX-License-Identifier: Apache-2.0
"""Flows that were seen: read within bounds, brought together, learned from, and held against what is declared."""

import json
from typing import Any

import pytest

from network_samples import HEAD, generated, shop
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.execution.network.compare import Lack, differences
from tidegate.execution.network.evaluate import ask
from tidegate.execution.network.flow_file import load_flows
from tidegate.execution.network.flows import Flows
from tidegate.execution.network.observed import MAX_LINE_BYTES, ObservedFlow, learned, read_observed


def _side(namespace: str, **labels: str) -> dict[str, Any]:
    return {"namespace": namespace, "labels": labels, "workload": f"Deployment/{namespace}"}


def _seen(*flows: tuple[dict[str, Any], dict[str, Any], int]) -> tuple[ObservedFlow, ...]:
    lines = [json.dumps({"source": s, "destination": t, "port": port}).encode() for s, t, port in flows]
    return read_observed(lines, where="seen.jsonl")


WEB = _side("shop", app="web", **{"pod-template-hash": "a1"})
API, DB = _side("shop", app="api"), _side("shop-data", app="db")


def test_pods_of_one_workload_are_counted_together() -> None:
    other = _side("shop", app="web", **{"pod-template-hash": "b2"}) | {"address": "10.0.0.9"}
    (one,) = _seen((WEB, API, 8080), (other, API, 8080), (WEB, API, 8080))
    assert (one.count, one.port, one.protocol) == (3, 8080, "TCP")


@pytest.mark.parametrize(
    "line",
    [
        b"{}",
        b"[1]",
        b'{"source": {}, "destination": {"namespace": "a"}, "port": 1}',
        b'{"source": {"address": "x"}, "destination": {"namespace": "a"}, "port": 1}',
        b'{"source": {"namespace": "b"}, "destination": {"namespace": "a"}, "port": 0}',
        b'{"source": {"namespace": "b"}, "destination": {"namespace": "a"}, "port": 1, "protocol": "ICMP"}',
        b'{"source": {"namespace": "b"}, "destination": {"namespace": "a"}, "port": 1, "count": 0}',
        b'{"source": {"namespace": "' + b"b" * 300 + b'"}, "destination": {"namespace": "a"}, "port": 1}',
    ],
)
def test_a_wrong_line_is_named(line: bytes) -> None:
    with pytest.raises(InvalidInputError) as refused:
        read_observed([b"", line], where="seen.jsonl")
    assert refused.value.where.startswith("seen.jsonl:2")


def test_a_line_has_an_end() -> None:
    with pytest.raises(BoundExceededError):
        read_observed([b" " * MAX_LINE_BYTES + b"{}"], where="seen.jsonl")


def test_policies_learned_from_what_was_seen_allow_that_and_nothing_else() -> None:
    flows, refused = learned(_seen((WEB, API, 8080), (API, DB, 5432)), Flows())
    assert refused == ()
    assert [segment.name for segment in flows.segments] == ["shop-web", "shop-api", "shop-data-db"]
    policies = generated(flows)
    (web, api), (_, db) = (
        (one.source.endpoint(), one.destination.endpoint()) for one in _seen((WEB, API, 8080), (API, DB, 5432))
    )
    assert ask(policies, web, api, 8080).allows
    assert ask(policies, api, db, 5432).allows
    assert not ask(policies, web, api, 8081).allows
    assert not ask(policies, web, db, 5432).allows
    assert differences(flows, policies) == ()


def test_what_crosses_tenants_or_leaves_the_cluster_is_not_learned() -> None:
    bank, web = _side("bank"), _side("shop", app="web")
    outside = {"address": "198.51.100.9"}
    flows, refused = learned(_seen((web, bank, 7000), (web, outside, 443), (web, DB, 5432), (web, API, 8080)), shop())
    assert len(flows.flows) == len(shop().flows)
    assert [why.split()[0] for _, why in refused] == ["web", "a", "web"]


def test_names_are_not_repeated_for_different_labels() -> None:
    flows, _ = learned(
        _seen((_side("a", app="b-c"), _side("a", app="x"), 1), (_side("a-b", app="c"), _side("a", app="x"), 1)), Flows()
    )
    names = [segment.name for segment in flows.segments]
    assert names == ["a-b-c", "a-x", "a-b-c-1"]
    assert load_flows({"f": HEAD + "  namespaces: [a]\n"}).namespaces == ("a",)


def test_undeclared_and_unused_are_told() -> None:
    flows = shop()
    seen = _seen((_side("shop", app="web"), API, 9100), (API, DB, 5432), (DB, API, 8080), (_side("x"), _side("y"), 1))
    found = differences(flows, generated(flows), seen)
    assert [(one.lack, one.source, one.ports) for one in found if one.lack is Lack.UNDECLARED] == [
        (Lack.UNDECLARED, "Deployment/shop-data", ("8080/TCP",))
    ]
    # 9100 may be the named port, and of the flow from api to db one of its ports was used.
    unused = {(one.source, one.target) for one in found if one.lack is Lack.UNUSED}
    assert unused == {("0.0.0.0/0", "web"), ("api", "203.0.113.0/28"), ("api", "ledger")}
