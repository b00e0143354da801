# SPDX-License-Identifier: Apache-2.0
"""Placement: what is written, what conflicts, that nothing is widened, and that classes never meet."""

import copy
import json
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_scheduler import Node, fits, matches_selector, schedule, tolerated

from execution_manifests import DEPLOYMENT
from execution_verdicts import allow
from tidegate.artifact import Digest
from tidegate.execution.gate import GateOptions, judge_workload
from tidegate.execution.placing.place import place_workload
from tidegate.execution.placing.placed import Placed
from tidegate.execution.placing.strategy import NodeDemand, Strategies
from tidegate.execution.placing.strategy_file import load_strategies
from tidegate.execution.workload import parse_workload
from tidegate.manifests.documents import read_documents
from tidegate.rules.reading import DocumentError

HEAD = "apiVersion: tidegate.dev/v1\nkind: PlacementStrategies\nmetadata: {name: house}\nspec:\n"
HOUSE = (
    HEAD
    + """\
  strategies:
    - name: secrets
      namespaces: [bank]
      nodes: {pool: secret}
      taints: [pool=secret:NoSchedule]
      runtimeClass: gvisor
      class: secret
      tenant: bank
    - name: web
      when: '"tier" in workload.labels && workload.labels["tier"] == "web"'
      nodes: {topology.kubernetes.io/zone: [a, b]}
      spread: [{over: topology.kubernetes.io/zone}, {over: kubernetes.io/hostname, firm: true, maxSkew: 2}]
      replicas: {least: 2, most: 10}
      class: public
    - name: large
      when: workload.memory_mib >= 4096.0
      nodes: {size: [large, huge]}
  isolation:
    apart: [[public, secret], [public, internal]]
    tenants: apart
    default: internal
    reserved: {secret: [pool=secret:NoSchedule]}
    exempt: [{namespaces: [kube-system]}]
"""
)


@cache
def _house() -> Strategies:
    return load_strategies({"house.yaml": HOUSE})


def _pod(spec: dict[str, Any] | None = None, *, namespace: str = "shop", **labels: str) -> dict[str, Any]:
    spec = {"containers": [{"name": "a", "image": "b"}], **(spec or {})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": namespace, "labels": labels},
        "spec": spec,
    }


def _required(*terms: list[dict[str, Any]]) -> dict[str, Any]:
    made = [{"matchExpressions": term} for term in terms] + [{}]
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": made}}}


def _place(document: dict[str, Any], strategies: Strategies | None = None, *demands: NodeDemand) -> Placed:
    return place_workload(parse_workload(document, where="f"), strategies or _house(), demands)


def _spec(placed: Placed) -> Any:
    return placed.workload.document["spec"]


def test_a_pool_is_selected_tolerated_and_sandboxed() -> None:
    placed = _place(_pod(namespace="bank"))
    assert placed.conflicts == ()
    spec = _spec(placed)
    assert spec["nodeSelector"] == {"pool": "secret"}
    assert spec["tolerations"] == [{"key": "pool", "operator": "Equal", "value": "secret", "effect": "NoSchedule"}]
    assert spec["runtimeClassName"] == "gvisor"
    labels = placed.workload.pod_labels
    assert labels == {"tidegate.dev/data-class": "secret", "tidegate.dev/tenant": "bank"}
    class_term, tenant_term = spec["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert class_term["labelSelector"]["matchExpressions"][0]["values"] == ["public"]
    assert tenant_term["namespaceSelector"] == {}
    assert {one.by for one in placed.additions} == {"strategy secrets", "isolation"}
    told = json.loads(placed.workload.pod_annotations["tidegate.dev/changes"])
    assert len(told) == len(placed.additions)


def test_a_deployment_is_placed_in_its_template() -> None:
    document = read_documents(DEPLOYMENT, where="f")[0]
    document["metadata"]["labels"]["tier"] = "web"
    placed = _place(document)
    assert placed.conflicts == ()
    spec = placed.workload.document["spec"]["template"]["spec"]
    (term,) = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert term["matchExpressions"][0]["values"] == ["a", "b"]
    zone, host = spec["topologySpreadConstraints"]
    assert zone == {
        "maxSkew": 1,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"app": "shop"}},
    }
    assert (host["whenUnsatisfiable"], host["maxSkew"]) == ("DoNotSchedule", 2)


def test_resources_and_replicas_choose_a_strategy() -> None:
    small = {"name": "a", "image": "b", "resources": {"requests": {"memory": "4095Mi"}}}
    large = {"name": "a", "image": "b", "resources": {"limits": {"memory": "2Gi"}}}
    assert "size" not in json.dumps(_spec(_place(_pod({"containers": [small]}))))
    assert "size" in json.dumps(_spec(_place(_pod({"containers": [large, {**large, "name": "c"}]}))))
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "w", "labels": {"tier": "web"}},
        "spec": {"template": _pod()},
    }
    placed = _place(deployment)
    assert placed.workload.document["spec"]["replicas"] == 2


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (_pod({"nodeSelector": {"pool": "dev"}}, namespace="bank"), "asks for pool in (secret), but the workload's"),
        (_pod({"nodeName": "n7"}, namespace="bank"), "names the node n7 itself"),
        (_pod({"runtimeClassName": "runc"}, namespace="bank"), "runtime class gvisor, but runtimeClassName is runc"),
        (_pod(None, namespace="bank", **{"tidegate.dev/data-class": "public"}), "but the workload's own label"),
        (_pod(namespace="bank", tier="web"), "says tidegate.dev/data-class is secret, but strategy web says public"),
        (_pod({"tolerations": [{"operator": "Exists"}]}), "is for class secret, but the workload, of class internal"),
        (_pod({"tolerations": [{"key": "pool", "value": "secret"}]}), "tolerates it"),
        (
            _pod({"affinity": _required([{"key": "pool", "operator": "DoesNotExist"}])}, namespace="bank"),
            "every term of the workload's node affinity rules pool out",
        ),
        (
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "w", "labels": {"tier": "web"}},
             "spec": {"replicas": 11, "template": _pod()}},
            "strategy web allows 10 replicas, but it has 11",
        ),
        (
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "w", "labels": {"tier": "web"}},
             "spec": {"replicas": 1, "template": _pod()}},
            "asks for 2 replicas, but it has 1",
        ),
    ],
)  # fmt: skip
def test_a_conflict_names_both_sides_and_is_denied(document: dict[str, Any], said: str) -> None:
    placed = _place(document)
    assert any(said in str(one) for one in placed.conflicts), [str(one) for one in placed.conflicts]
    review = judge_workload(
        [document],
        resolve=lambda reference: Digest.of(str(reference).encode()),
        user_of=lambda _: "1000",
        decide=allow,
        options=GateOptions(strategies=_house()),
    )
    assert not review.allowed
    assert any(reason.rule == "execution/placement" and said in reason.message for reason in review.reasons)


def test_two_that_cannot_both_hold_are_named() -> None:
    image = NodeDemand(label="pool", values=("eu",), source="the image's restriction (pilot, ann)")
    (conflict, *_) = _place(_pod(namespace="bank"), None, image).conflicts
    assert str(conflict) == (
        "strategy secrets asks for pool in (secret), but the image's restriction (pilot, ann) asks for pool in (eu)"
    )


def test_what_an_image_asks_of_nodes_is_written_too() -> None:
    review = judge_workload(
        [_pod()],
        resolve=lambda reference: Digest.of(str(reference).encode()),
        user_of=lambda _: "1000",
        decide=allow,
        options=GateOptions(),
        nodes_of=lambda *_: [NodeDemand(label="region", values=("eu",), source="the image")],
    )
    assert review.allowed
    assert review.documents[0]["spec"]["nodeSelector"] == {"region": "eu"}
    assert any(change.path == "/spec/nodeSelector/region" for change in review.objects[0].changes)
    assert any(op["path"].startswith("/spec/nodeSelector") for op in review.objects[0].patch)


def test_agents_are_exempt() -> None:
    placed = _place(_pod({"tolerations": [{"operator": "Exists"}]}, namespace="kube-system"))
    assert (placed.conflicts, placed.additions) == ((), ())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("  strategies: [{name: a, taints: [a=b:NoSchedule]}]", "taints without nodes"),
        ("  strategies: [{name: a, nodes: {a: b}, taints: [a=b:Never]}]", "no taint"),
        ("  strategies: [{name: a, nodes: {a: []}}]", "names no value"),
        ("  strategies: [{name: a, nodes: {-a: b}}]", "no label"),
        ("  strategies: [{name: a, nodes: {a: -b}}]", "no value"),
        ("  strategies: [{name: a, spread: [{over: ''}]}]", "no label of nodes"),
        ("  strategies: [{name: a, replicas: {least: 3, most: 2}}]", "least is more"),
        ("  strategies: [{name: a}, {name: a}]", "a second is called"),
        ("  isolation: {apart: [[a, a]]}", "not two data classes"),
        ("  isolation: {tenants: far}", "neither apart nor together"),
        ("  isolation: {}\n---\n" + HEAD + "  isolation: {}", "a second is called"),
        ("  {}", "nothing in it"),
    ],
)
def test_a_wrong_document_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(DocumentError, match=message) as refused:
        load_strategies({"house.yaml": HEAD + text + "\n"})
    assert refused.value.where.startswith("house.yaml:")


_POOLS, _ZONES, _CLASSES = ("secret", "dev", "eu"), ("a", "b", "c"), ("public", "secret", "internal")
_EXPRESSION = st.one_of(
    st.builds(
        lambda key, operator, values: {"key": key, "operator": operator, "values": values},
        st.sampled_from(["pool", "topology.kubernetes.io/zone", "size"]),
        st.sampled_from(["In", "NotIn"]),
        st.lists(st.sampled_from([*_POOLS, *_ZONES, "large"]), min_size=1, max_size=2),
    ),
    st.builds(
        lambda key, op: {"key": key, "operator": op},
        st.sampled_from(["pool", "size"]),
        st.sampled_from(["Exists", "DoesNotExist"]),
    ),
)
_TERM = st.one_of(
    st.just({}), st.builds(lambda found: {"matchExpressions": found}, st.lists(_EXPRESSION, min_size=1, max_size=2))
)
_AFFINITY = st.builds(
    lambda terms: {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}},
    st.lists(_TERM, min_size=1, max_size=3),
)
_TOLERATION = st.one_of(
    st.builds(
        lambda value: {"key": "pool", "operator": "Equal", "value": value, "effect": "NoSchedule"},
        st.sampled_from(_POOLS),
    ),
    st.just({"operator": "Exists"}),
)
_PODS = st.builds(
    lambda spec, namespace, labels: _pod(spec, namespace=namespace, **labels),
    st.fixed_dictionaries(
        {},
        optional={
            "nodeSelector": st.dictionaries(
                st.sampled_from(["pool", "size"]), st.sampled_from([*_POOLS, "large"]), max_size=1
            ),
            "affinity": _AFFINITY,
            "tolerations": st.lists(_TOLERATION, max_size=2),
        },
    ),
    st.sampled_from(["bank", "shop", "kube-system"]),
    st.fixed_dictionaries({}, optional={"tier": st.just("web"), "tidegate.dev/data-class": st.sampled_from(_CLASSES),
                                        "tidegate.dev/tenant": st.sampled_from(["bank", "shop"])}),
)  # fmt: skip
_NODES = st.lists(
    st.builds(
        lambda pool, zone, size, tainted: Node(
            name="",
            labels={k: v for k, v in (("pool", pool), ("topology.kubernetes.io/zone", zone), ("size", size)) if v},
            taints=(("pool", pool, "NoSchedule"),) if pool and tainted else (),
        ),
        st.sampled_from([*_POOLS, ""]), st.sampled_from([*_ZONES, ""]), st.sampled_from(["large", ""]), st.booleans(),
    ),
    min_size=1, max_size=6,
)  # fmt: skip


@pytest.mark.property
@settings(deadline=None)
@given(_PODS, _NODES)
def test_nothing_is_widened_and_twice_is_once(pod: dict[str, Any], nodes: list[Node]) -> None:
    before = copy.deepcopy(pod)
    placed = _place(pod)
    assert pod == before
    again = _place(json.loads(json.dumps(placed.workload.document)))
    if not placed.conflicts:
        assert again.additions == ()
        assert again.workload.document == placed.workload.document
    allowed = {("pool", "secret", "NoSchedule")} if pod["metadata"]["namespace"] == "bank" else set()
    for number, node in enumerate(nodes):
        node.name = f"n{number}"
        after: Any = placed.workload.document
        if matches_selector(after, node):
            assert matches_selector(pod, node)  # the pod's own word on nodes still holds
        if fits(after, node, nodes) and not fits(pod, node, nodes):
            # Only a taint that a strategy tolerates, and only on the nodes that it names.
            assert {taint for taint in node.taints if not tolerated(pod, Node(name="x", taints=(taint,)))} <= allowed
            assert node.labels["pool"] == "secret"


@pytest.mark.property
@settings(deadline=None)
@given(st.lists(_PODS, min_size=2, max_size=8), _NODES)
def test_classes_and_tenants_that_must_not_meet_share_no_node(pods: list[dict[str, Any]], nodes: list[Node]) -> None:
    for number, node in enumerate(nodes):
        node.name = f"n{number}"
    placed = [_place(pod) for pod in pods]
    documents: list[Any] = [one.workload.document for one in placed if not one.conflicts]
    schedule(documents, nodes)
    for node in nodes:
        present = [pod for pod in node.pods if pod["metadata"]["namespace"] != "kube-system"]
        classes = {pod["metadata"]["labels"]["tidegate.dev/data-class"] for pod in present}
        assert not {"public", "secret"} <= classes
        assert not {"public", "internal"} <= classes
        assert len({pod["metadata"]["labels"].get("tidegate.dev/tenant") for pod in present} - {None}) <= 1
