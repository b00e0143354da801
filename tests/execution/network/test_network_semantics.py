# SPDX-License-Identifier: Apache-2.0
"""NetworkPolicy as Kubernetes' documentation has it: examples, defaults, and laws that hold for any policies."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.errors import InvalidInputError
from tidegate.execution.network.endpoint import Outside, Pod, Protocol
from tidegate.execution.network.evaluate import ask
from tidegate.execution.network.network_policy import Direction, NetworkPolicy, parse_policy, policies_in
from tidegate.manifests.documents import read_documents

# The example the documentation begins with.
DOCUMENTED = b"""\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: test-network-policy, namespace: default}
spec:
  podSelector: {matchLabels: {role: db}}
  policyTypes: [Ingress, Egress]
  ingress:
    - from:
        - ipBlock: {cidr: 172.17.0.0/16, except: [172.17.1.0/24]}
        - namespaceSelector: {matchLabels: {project: myproject}}
        - podSelector: {matchLabels: {role: frontend}}
      ports: [{protocol: TCP, port: 6379}]
  egress:
    - to: [{ipBlock: {cidr: 10.0.0.0/24}}]
      ports: [{protocol: TCP, port: 5978}]
"""
DB = Pod(namespace="default", labels={"role": "db"})
FRONTEND = Pod(namespace="default", labels={"role": "frontend"})


def _policies(raw: bytes) -> tuple[NetworkPolicy, ...]:
    return policies_in(read_documents(raw, where="f"), where="f")


def _policy(spec: dict[str, Any], namespace: str = "default", name: str = "p") -> NetworkPolicy:
    return parse_policy(
        {"kind": "NetworkPolicy", "metadata": {"name": name, "namespace": namespace}, "spec": spec}, where="f"
    )


@pytest.mark.parametrize(
    ("source", "target", "port", "protocol", "allowed"),
    [
        (FRONTEND, DB, 6379, Protocol.TCP, True),
        (FRONTEND, DB, 6380, Protocol.TCP, False),
        (FRONTEND, DB, 6379, Protocol.UDP, False),
        (Pod(namespace="other", labels={"role": "frontend"}), DB, 6379, Protocol.TCP, False),
        (Pod(namespace="any", namespace_labels={"project": "myproject"}), DB, 6379, Protocol.TCP, True),
        (Outside(address="172.17.0.1"), DB, 6379, Protocol.TCP, True),
        (Outside(address="172.17.255.254"), DB, 6379, Protocol.TCP, True),
        (Outside(address="172.17.1.1"), DB, 6379, Protocol.TCP, False),
        (Outside(address="172.18.0.1"), DB, 6379, Protocol.TCP, False),
        (DB, Outside(address="10.0.0.200"), 5978, Protocol.TCP, True),
        (DB, Outside(address="10.0.1.0"), 5978, Protocol.TCP, False),
        (DB, FRONTEND, 80, Protocol.TCP, False),  # egress is isolated too
        (FRONTEND, Outside(address="10.9.9.9"), 80, Protocol.TCP, True),  # nothing selects it
    ],
)
def test_the_documented_example(source: Any, target: Any, port: int, protocol: Protocol, allowed: bool) -> None:
    assert ask(_policies(DOCUMENTED), source, target, port, protocol).allows is allowed


ALICE = {"namespaceSelector": {"matchLabels": {"user": "alice"}}}
CLIENT = {"podSelector": {"matchLabels": {"role": "client"}}}


@pytest.mark.parametrize(
    ("peers", "allowed"),
    [
        ([{**ALICE, **CLIENT}], {"alice-client"}),  # one entry: both
        ([ALICE, CLIENT], {"alice-client", "alice-other", "own-client"}),  # two entries: either
        ([{"namespaceSelector": {}}], {"alice-client", "alice-other", "own-client", "own-other", "bob-client"}),
        ([{"podSelector": {}}], {"own-client", "own-other"}),
        ([{"namespaceSelector": {}, **CLIENT}], {"alice-client", "own-client", "bob-client"}),
    ],
)
def test_selectors_in_one_entry_are_both_and_in_two_are_either(peers: list[Any], allowed: set[str]) -> None:
    pods = {
        f"{who}-{role}": Pod(
            namespace=who if who != "own" else "default", labels={"role": role}, namespace_labels={"user": who}
        )
        for who, role in (
            ("alice", "client"),
            ("alice", "other"),
            ("own", "client"),
            ("own", "other"),
            ("bob", "client"),
        )
    }
    policy = _policy({"podSelector": {"matchLabels": {"role": "db"}}, "ingress": [{"from": peers}]})
    assert {name for name, pod in pods.items() if ask([policy], pod, DB, 80).allows} == allowed


@pytest.mark.parametrize(
    ("spec", "types"),
    [
        ({"podSelector": {}}, {Direction.INGRESS}),
        ({"podSelector": {}, "ingress": [{}]}, {Direction.INGRESS}),
        ({"podSelector": {}, "egress": [{}]}, {Direction.INGRESS, Direction.EGRESS}),
        ({"podSelector": {}, "egress": []}, {Direction.INGRESS}),
        ({"podSelector": {}, "policyTypes": ["Egress"]}, {Direction.EGRESS}),
        ({"podSelector": {}, "policyTypes": ["Egress"], "ingress": [{}]}, {Direction.EGRESS}),
        ({"podSelector": {}, "policyTypes": []}, {Direction.INGRESS}),
    ],
)
def test_policy_types_have_the_defaults_of_the_api_server(spec: dict[str, Any], types: set[Direction]) -> None:
    assert _policy(spec).types == types


@pytest.mark.parametrize(
    ("spec", "inward", "outward"),
    [
        ({"podSelector": {}, "policyTypes": ["Ingress"]}, False, True),  # deny all ingress
        ({"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]}, True, True),  # allow all ingress
        ({"podSelector": {}, "policyTypes": ["Egress"]}, True, False),  # deny all egress
        ({"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]}, True, True),  # allow all egress
        ({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}, False, False),  # deny all
    ],
)
def test_the_documented_defaults_of_a_namespace(spec: dict[str, Any], inward: bool, outward: bool) -> None:
    pod, other = Pod(namespace="default"), Pod(namespace="elsewhere")
    assert ask([_policy(spec)], other, pod, 80).allows is inward
    assert ask([_policy(spec)], pod, other, 80).allows is outward
    # A policy for all does not undo another's isolation: what any allows is allowed.
    opened = _policy({"podSelector": {}, "ingress": [{}], "egress": [{}]}, name="open")
    assert ask([_policy(spec), opened], other, pod, 80).allows
    assert ask([_policy(spec), opened], pod, other, 80).allows


def test_a_range_of_ports_has_both_its_ends() -> None:
    spec = {
        "podSelector": {"matchLabels": {"role": "db"}},
        "policyTypes": ["Egress"],
        "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/24"}}], "ports": [{"port": 32000, "endPort": 32768}]}],
    }
    outside = Outside(address="10.0.0.9")
    allowed = [port for port in (31999, 32000, 32500, 32768, 32769) if ask([_policy(spec)], DB, outside, port).allows]
    assert allowed == [32000, 32500, 32768]


def test_a_named_port_is_the_targets_own_and_of_one_protocol() -> None:
    target = Pod(
        namespace="default", labels={"role": "db"}, named_ports={"sql": (5432, Protocol.TCP), "dns": (53, Protocol.UDP)}
    )
    inward = _policy(
        {"podSelector": {"matchLabels": {"role": "db"}}, "ingress": [{"ports": [{"port": "sql"}, {"port": "dns"}]}]}
    )
    assert ask([inward], FRONTEND, target, 5432).allows
    assert not ask([inward], FRONTEND, target, 5432, Protocol.UDP).allows
    assert not ask([inward], FRONTEND, target, 53, Protocol.UDP).allows  # the rule's protocol is TCP
    assert not ask([inward], FRONTEND, DB, 5432).allows  # this one has no port of that name
    outward = _policy({"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"ports": [{"port": "sql"}]}]})
    assert ask([outward], FRONTEND, target, 5432).allows
    assert not ask([outward], FRONTEND, Outside(address="10.0.0.1"), 5432).allows


def test_expressions_of_selectors() -> None:
    def allows(expression: dict[str, Any], labels: dict[str, str]) -> bool:
        policy = _policy(
            {"podSelector": {}, "ingress": [{"from": [{"podSelector": {"matchExpressions": [expression]}}]}]}
        )
        return ask([policy], Pod(namespace="default", labels=labels), Pod(namespace="default"), 1).allows

    assert allows({"key": "a", "operator": "In", "values": ["x", "y"]}, {"a": "y"})
    assert not allows({"key": "a", "operator": "In", "values": ["x"]}, {})
    assert allows({"key": "a", "operator": "NotIn", "values": ["x"]}, {})
    assert not allows({"key": "a", "operator": "NotIn", "values": ["x"]}, {"a": "x"})
    assert allows({"key": "a", "operator": "Exists"}, {"a": ""})
    assert allows({"key": "a", "operator": "DoesNotExist"}, {"b": ""})


@pytest.mark.parametrize(
    "spec",
    [
        {"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/99"}}]}]},
        {"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}]}]},
        {"podSelector": {}, "ingress": [{"from": [{}]}]},
        {"podSelector": {}, "ingress": [{"ports": [{"port": 0}]}]},
        {"podSelector": {}, "ingress": [{"ports": [{"port": "a", "endPort": 9}]}]},
        {"podSelector": {}, "ingress": [{"ports": [{"port": 10, "endPort": 9}]}]},
        {"podSelector": {}, "ingress": [{"ports": [{"protocol": "ICMP"}]}]},
        {"podSelector": {}, "policyTypes": ["Both"]},
        {"podSelector": []},
    ],
)
def test_what_the_api_server_refuses_is_refused(spec: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        _policy(spec)


_LABELS = st.dictionaries(st.sampled_from("ab"), st.sampled_from("xy"), max_size=2)
_SELECTOR = st.builds(lambda labels: {"matchLabels": labels}, _LABELS)
_PEER = st.one_of(
    st.builds(lambda s: {"podSelector": s}, _SELECTOR),
    st.builds(lambda n: {"namespaceSelector": n}, _SELECTOR),
    st.builds(lambda s, n: {"podSelector": s, "namespaceSelector": n}, _SELECTOR, _SELECTOR),
    st.sampled_from(["10.0.0.0/8", "10.1.0.0/16"]).map(lambda cidr: {"ipBlock": {"cidr": cidr}}),
)
_PORT = st.fixed_dictionaries({"port": st.sampled_from([1, 2])}, optional={"endPort": st.just(2)})
_POLICY = st.builds(
    lambda namespace, pods, types, ins, outs: _policy(
        {
            "podSelector": pods,
            "policyTypes": types,
            "ingress": [{"from": peers, "ports": ports} for peers, ports in ins],
            "egress": [{"to": peers, "ports": ports} for peers, ports in outs],
        },
        namespace,
    ),
    st.sampled_from(["m", "n"]),
    _SELECTOR,
    st.lists(st.sampled_from(["Ingress", "Egress"]), min_size=1, unique=True),
    *([st.lists(st.tuples(st.lists(_PEER, max_size=2), st.lists(_PORT, max_size=1)), max_size=2)] * 2),
)
_END = st.one_of(
    st.builds(
        lambda n, labels, ns: Pod(namespace=n, labels=labels, namespace_labels=ns),
        st.sampled_from("mno"),
        _LABELS,
        _LABELS,
    ),
    st.sampled_from(["10.0.0.1", "10.1.0.1", "192.0.2.1"]).map(lambda address: Outside(address=address)),
)


@pytest.mark.property
@settings(deadline=None)
@given(st.lists(_POLICY, max_size=4), _POLICY, _END, _END, st.sampled_from([1, 2, 3]))
def test_laws(policies: list[NetworkPolicy], more: NetworkPolicy, source: Any, target: Any, port: int) -> None:
    before, after = ask(policies, source, target, port), ask([*policies, more], source, target, port)
    # Order and repetition mean nothing.
    assert ask([*reversed(policies), *policies], source, target, port).allows is before.allows
    # One more policy closes only who was not isolated before, and opens only by what it allows itself.
    for one, other in ((before.egress, after.egress), (before.ingress, after.ingress)):
        if one.isolated and one.allows:
            assert other.allows
        if not one.allows and other.allows:
            assert str(more) in other.allowed_by
    # Who is selected by nothing is free; an address outside is never isolated.
    assert not any(
        isinstance(end, Outside) and side.isolated for end, side in ((source, before.egress), (target, before.ingress))
    )
    if not policies:
        assert before.allows
