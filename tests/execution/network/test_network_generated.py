# SPDX-License-Identifier: Apache-2.0
"""Generated policies allow exactly what is declared, and nothing between segments: over any flows and any pods."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from network_samples import HEAD, SHOP, generated, shop
from tidegate.execution.network.compare import Lack, differences
from tidegate.execution.network.endpoint import Endpoint, Outside, Pod, Protocol
from tidegate.execution.network.evaluate import ask
from tidegate.execution.network.flow_file import load_flows
from tidegate.execution.network.flows import Flow, Flows, Ports, Segment
from tidegate.execution.network.generate import policies_for
from tidegate.execution.network.network_policy import NetworkPolicy
from tidegate.rules.reading import DocumentError

WEB = Pod(namespace="shop", labels={"app": "web", "pod-template-hash": "5d"})
API = Pod(namespace="shop", labels={"app": "api"}, named_ports={"metrics": (9100, Protocol.TCP)})
DB = Pod(namespace="shop-data", labels={"app": "db"})
LEDGER = Pod(namespace="bank", labels={"x": "y"})
NAMES = Pod(namespace="kube-system", labels={"k8s-app": "kube-dns"})
OTHER = Pod(namespace="shop", labels={"app": "other"})


@pytest.mark.parametrize(
    ("source", "target", "port", "protocol", "allowed"),
    [
        (WEB, API, 8080, Protocol.TCP, True),
        (WEB, API, 9100, Protocol.TCP, True),
        (WEB, API, 8081, Protocol.TCP, False),
        (API, WEB, 8080, Protocol.TCP, False),
        (WEB, DB, 5432, Protocol.TCP, False),
        (API, DB, 9005, Protocol.UDP, True),
        (API, DB, 9005, Protocol.TCP, False),
        (API, DB, 9011, Protocol.UDP, False),
        (Outside(address="198.51.100.1"), WEB, 443, Protocol.TCP, True),
        (Outside(address="192.0.2.1"), WEB, 443, Protocol.TCP, False),
        (Outside(address="198.51.100.1"), API, 443, Protocol.TCP, False),
        (Pod(namespace="bank", labels={}, address="10.244.3.4"), WEB, 443, Protocol.TCP, False),
        (API, Outside(address="203.0.113.15"), 443, Protocol.TCP, True),
        (API, Outside(address="203.0.113.16"), 443, Protocol.TCP, False),
        (API, LEDGER, 7000, Protocol.TCP, True),
        (DB, LEDGER, 7000, Protocol.TCP, False),
        (WEB, NAMES, 53, Protocol.UDP, True),
        (OTHER, NAMES, 53, Protocol.TCP, True),
        (OTHER, NAMES, 54, Protocol.TCP, False),
        (OTHER, API, 8080, Protocol.TCP, False),
        (Pod(namespace="empty"), OTHER, 1, Protocol.TCP, False),
        (Pod(namespace="elsewhere"), NAMES, 53, Protocol.UDP, True),  # neither side is closed
    ],
)
def test_the_shop(source: Endpoint, target: Endpoint, port: int, protocol: Protocol, allowed: bool) -> None:
    assert ask(generated(shop()), source, target, port, protocol).allows is allowed


def test_running_what_is_generated_differs_in_nothing() -> None:
    flows = shop()
    assert differences(flows, generated(flows)) == ()


def _without(name: str) -> tuple[NetworkPolicy, ...]:
    return tuple(policy for policy in generated(shop()) if policy.name != name)


@pytest.mark.parametrize(
    ("gone", "lacks"),
    [
        ("tidegate-api", {Lack.MISSING, Lack.UNUSED}),
        ("tidegate-names", {Lack.MISSING}),
    ],
)
def test_a_policy_that_is_gone_is_missed(gone: str, lacks: set[Lack]) -> None:
    assert {one.lack for one in differences(shop(), _without(gone))} == lacks


def test_a_namespace_that_is_not_closed_is_open() -> None:
    found = differences(shop(), [one for one in generated(shop()) if one.namespace != "bank"])
    assert [one.why for one in found if one.lack is Lack.OPEN] == [
        "nothing closes bank in the direction Ingress",
        "nothing closes bank in the direction Egress",
    ]


def _added(spec: dict[str, Any], namespace: str = "shop") -> tuple[NetworkPolicy, ...]:
    from tidegate.execution.network.network_policy import parse_policy

    document = {"kind": "NetworkPolicy", "metadata": {"name": "debug", "namespace": namespace}, "spec": spec}
    return (*generated(shop()), parse_policy(document, where="f"))


@pytest.mark.parametrize(
    ("spec", "namespace"),
    [
        ({"podSelector": {"matchLabels": {"app": "web"}}, "ingress": [{}]}, "shop"),
        ({"podSelector": {}, "policyTypes": ["Egress"], "egress": [
            {"to": [{"ipBlock": {"cidr": "198.18.0.0/30"}}]}]}, "bank"),
        ({"podSelector": {"matchLabels": {"app": "api"}}, "ingress": [
            {"from": [{"namespaceSelector": {"matchLabels": {"team": "ops"}}}], "ports": [{"port": 22}]}]}, "shop"),
        ({"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"], "ingress": [
            {"from": [{"ipBlock": {"cidr": "192.0.2.128/25"}}], "ports": [{"port": 443}]}]}, "shop"),
        ({"podSelector": {"matchLabels": {"app": "new"}}, "policyTypes": ["Ingress"], "ingress": [
            {"from": [{"ipBlock": {"cidr": "192.0.2.128/25"}}], "ports": [{"port": "sql"}]}]}, "shop"),
    ],
)  # fmt: skip
def test_what_is_wider_is_found_with_the_policy_that_opens_it(spec: dict[str, Any], namespace: str) -> None:
    found = [one for one in differences(shop(), _added(spec, namespace)) if one.lack is not Lack.UNUSED]
    assert found
    assert {one.lack for one in found} == {Lack.WIDER}
    assert all(f"{namespace}/debug" in one.policies for one in found)


def test_documents_say_who_made_them_and_why() -> None:
    documents = {one["metadata"]["name"]: one for one in policies_for(shop()) if one["metadata"]["namespace"] == "bank"}
    assert set(documents) == {"tidegate-closed", "tidegate-names", "tidegate-ledger"}
    assert documents["tidegate-closed"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    told = documents["tidegate-ledger"]["metadata"]
    assert told["labels"] == {"app.kubernetes.io/managed-by": "tidegate"}
    assert told["annotations"]["tidegate.dev/flows"] == "api → ledger: 7000/TCP (payments contract of 2026)"


@pytest.mark.tools
def test_kubectl_takes_what_is_generated(kubectl: Any, tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    for document in policies_for(shop()):
        file.write_text(json.dumps(document))
        assert kubectl("label", "-f", file, "seen=yes")["spec"] == document["spec"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{from: web, to: api,", "{from: web, to: db,", "kept apart"),
        (", why: payments contract of 2026", "", "is of tenant"),
        ("to: api, ports", "to: apo, ports", "did you mean 'api'"),
        ("[8080, metrics]", "[]", "names no ports"),
        ("[8080, metrics]", "[80000]", "no port"),
        ("[8080, metrics]", "[80/ICMP]", "no port"),
        ("203.0.113.0/28", "203.0.113.1/28", "no range"),
        ("203.0.113.0/28", "10.244.1.0/24", "of the cluster itself"),
        ("except: [192.0.2.0/24]", "except: ['2001:db8::/32']", "not a part"),
        ("[443]}\n    - {from: api, to: ledger", "[https]}\n    - {from: api, to: ledger", "no named ports"),
        ("labels: {app: db}", "labels: {app: -x}", "no label"),
        ("name: db,", "name: api,", "a second is called"),
        ("[[public, secret]]", "[[public]]", "two data classes"),
        ("kind: NetworkFlows", "kind: Policy", "write NetworkFlows"),
    ],
)
def test_a_wrong_document_is_refused_with_its_place(old: str, new: str, message: str) -> None:
    assert old in SHOP
    with pytest.raises(DocumentError, match=message) as refused:
        load_flows({"shop.yaml": SHOP.replace(old, new)})
    assert refused.value.where.startswith("shop.yaml:")


def test_names_may_be_closed_and_the_resolvers_own_namespace_too() -> None:
    closed = load_flows({"a": HEAD + "  namespaces: [x]\n  names: {closed: true}\n"})
    assert not ask(generated(closed), Pod(namespace="x"), NAMES, 53, Protocol.UDP).allows
    both = load_flows({"a": HEAD + "  namespaces: [x, kube-system]\n"})
    assert ask(generated(both), Pod(namespace="x"), NAMES, 53, Protocol.UDP).allows
    assert not ask(generated(both), Pod(namespace="y"), NAMES, 53, Protocol.UDP).allows
    assert differences(both, generated(both)) == ()


_NAMESPACES = ("m", "n")
_PODS = st.builds(
    lambda namespace, labels: Pod(namespace=namespace, labels=labels),
    st.sampled_from([*_NAMESPACES, "o"]),
    st.dictionaries(st.sampled_from("ab"), st.sampled_from("xy"), max_size=2),
)


@st.composite
def _flows(draw: st.DrawFn) -> Flows:
    labels = st.dictionaries(st.sampled_from("ab"), st.sampled_from("xy"), max_size=2)
    segments = tuple(
        Segment(name=f"s{number}", namespace=draw(st.sampled_from(_NAMESPACES)), labels=draw(labels))
        for number in range(draw(st.integers(1, 4)))
    )
    ports = st.builds(
        lambda first, more, protocol: Ports(first=first, last=first + more, protocol=protocol),
        st.integers(1, 4),
        st.integers(0, 2),
        st.sampled_from([Protocol.TCP, Protocol.UDP]),
    )
    flows = tuple(
        Flow(source=draw(st.sampled_from(segments)), target=draw(st.sampled_from(segments)), ports=(draw(ports),))
        for _ in range(draw(st.integers(0, 5)))
    )
    return Flows(segments=segments, flows=flows, namespaces=_NAMESPACES, resolver=None)


@pytest.mark.property
@settings(deadline=None)
@given(_flows(), _PODS, _PODS, st.integers(1, 7), st.sampled_from([Protocol.TCP, Protocol.UDP]))
def test_exactly_the_declared_flows(flows: Flows, source: Pod, target: Pod, port: int, protocol: Protocol) -> None:
    policies = generated(flows)
    allowed = ask(policies, source, target, port, protocol).allows
    closed = source.namespace in _NAMESPACES or target.namespace in _NAMESPACES
    assert allowed is (flows.covers(source, target, port, protocol) or not closed)


@pytest.mark.property
@settings(deadline=None)
@given(_flows())
def test_no_difference_of_what_is_generated_is_ever_told(flows: Flows) -> None:
    assert differences(flows, generated(flows)) == ()


@pytest.mark.property
@settings(deadline=None)
@given(_flows(), st.integers(0, 30))
def test_a_flow_that_is_not_generated_is_missed(flows: Flows, number: int) -> None:
    if not flows.flows:
        return
    left_out = flows.flows[number % len(flows.flows)]
    rest = Flows(
        segments=flows.segments,
        flows=tuple(flow for flow in flows.flows if flow != left_out),
        namespaces=flows.namespaces,
        resolver=None,
    )
    found = differences(flows, generated(rest))
    whole = differences(rest, generated(rest))
    assert isinstance(left_out.source, Segment)
    assert isinstance(left_out.target, Segment)
    source, target = (Pod(namespace=one.namespace, labels=one.labels) for one in (left_out.source, left_out.target))
    port = left_out.ports[0]
    assert isinstance(port.first, int)
    still = all(rest.covers(source, target, one, port.protocol) for one in range(port.first, port.last + 1))
    assert whole == ()
    assert any(one.lack is Lack.MISSING for one in found) or still
