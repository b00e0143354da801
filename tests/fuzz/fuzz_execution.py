# SPDX-License-Identifier: Apache-2.0
"""What the execution tier reads: rules of pods, quantities, flows, network policies, strategies."""

from collections.abc import Iterator
from typing import Any

from fuzz_parser import Parser, clean_text_of

from tidegate.clock import system_clock
from tidegate.evidence import parse_statement
from tidegate.execution.configuration.configuration import configuration_of
from tidegate.execution.configuration.rule_file import load_configuration_rules
from tidegate.execution.configuration.rules import ConfigurationRules
from tidegate.execution.network.endpoint import Pod, Protocol
from tidegate.execution.network.flow_file import load_flows
from tidegate.execution.network.flows import Flows, parse_ports
from tidegate.execution.network.generate import policies_for
from tidegate.execution.network.live import live_cluster, resolved, unmatched
from tidegate.execution.network.network_policy import parse_policy, policies_in
from tidegate.execution.network.observed import ObservedFlow, Seen, learned, read_observed
from tidegate.execution.placing.strategy_file import load_strategies
from tidegate.execution.pod_rule_file import load_pod_rules
from tidegate.execution.quantity import parse_quantity
from tidegate.execution.reviews.admission_review import read_review
from tidegate.execution.reviews.break_glass import GlassOptions
from tidegate.execution.reviews.configuration_desk import ConfigurationDesk, ConfigurationDeskOptions
from tidegate.execution.reviews.connect_rules import load_connect_rules
from tidegate.execution.verdicts.verdict import from_statement
from tidegate.execution.workload import Bystander, parse_manifests
from tidegate.manifests.documents import read_documents
from tidegate.wire import from_json

_HEAD = b"apiVersion: tidegate.dev/v1\nmetadata: {name: h}\n"
_PODS = (
    _HEAD
    + b"""\
kind: PodRules
spec:
  rules:
    - {name: a, namespaces: [x-*], when: workload.kind == "Pod", level: baseline, version: v1.30, writable: [/tmp]}
    - {name: b, limits: {cpu: "2"}, maxRatio: {cpu: 50}, demands: [limits], seccompProfiles: [{image: a, profile: b}]}
  exceptions:
    - {name: e, controls: [host-path], kinds: [Pod], owner: o, approver: p, reason: r, granted: 2026-01-01,
       expires: 2026-01-02}
"""
)
_CONFIGURATION = (
    _HEAD
    + b"""\
kind: ConfigurationRules
spec:
  rules:
    - {name: a, names: [x-*], when: configuration.size > 5, secrets: warn, mutable: deny, codeKeys: ["*.x"]}
"""
)
_SETTINGS = b"""\
apiVersion: v1
kind: Secret
metadata: {name: s}
data: {a: YWJj}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data: {a: b}
binaryData: {c: YWJj}
"""
_STRATEGIES = (
    _HEAD
    + b"""\
kind: PlacementStrategies
spec:
  strategies:
    - {name: a, kinds: [Pod], nodes: {pool: [x, y]}, taints: [pool=x:NoSchedule], spread: [{over: zone, maxSkew: 2}],
       class: c, tenant: t, runtimeClass: r, replicas: {least: 1, most: 2}}
  isolation: {apart: [[c, d]], tenants: apart, default: d, reserved: {c: [pool=x:NoSchedule]}, exempt: [{kinds: [X]}]}
"""
)
_FLOWS = (
    _HEAD
    + b"""\
kind: NetworkFlows
spec:
  namespaces: [x]
  apart: [[a, b]]
  clusterAddresses: [10.0.0.0/8]
  names: {namespace: dns, labels: {a: b}}
  segments: [{name: s, namespace: n, labels: {app: s}, tenant: t, class: a}, {name: t, namespace: n, tenant: t}]
  flows:
    - {from: s, to: t, ports: [80, http, 1-2/UDP], why: w}
    - {from: {cidr: 0.0.0.0/0, except: [192.0.2.0/24]}, to: s, ports: [443]}
"""
)
_SEEN = (
    b'{"source": {"namespace": "a", "labels": {"app": "x"}}, "destination": {"namespace": "b"}, "port": 1}\n'
    b'{"source": {"address": "10.0.0.1"}, "destination": {"namespace": "b"}, "port": 53, "protocol": "UDP"}\n'
)
_POLICY = b"""\
kind: NetworkPolicy
metadata: {name: p, namespace: web}
spec:
  podSelector: {matchExpressions: [{key: a, operator: In, values: [b]}]}
  ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}], ports: [{port: a}, {port: 1, endPort: 2}]}]
  egress: [{to: [{podSelector: {}, namespaceSelector: {matchLabels: {x: z}}}]}]
"""
_WAYS_IN = (
    _HEAD
    + b"""\
kind: ConnectRules
spec:
  rules:
    - {name: a, who: ["group:x", y], namespaces: [z-*], pods: [p], containers: [c], acts: [exec, attach], verdict: deny}
    - {name: b}
"""
)
_REVIEW = (
    b'{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": "1", "operation": "CREATE", '
    b'"kind": {"group": "", "version": "v1", "kind": "Pod"}, "userInfo": {"username": "a", "groups": ["b"]}, '
    b'"object": {"kind": "Pod", "apiVersion": "v1", "spec": {"containers": [{"name": "c", "image": "d"}]}}}}'
)
_CONFIGURATION_REVIEWS = tuple(
    b'{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": "1", "operation": "UPDATE", '
    b'"kind": {"group": "", "version": "v1", "kind": "%s"}, "userInfo": {"username": "a", "groups": ["b"]}, '
    b'"object": {"metadata": {"name": "s", "labels": {"a": "b"}, "annotations": {"tidegate.dev/break-glass": "it is on '
    b'fire"}}, "data": {"a": "YQ=="}, "immutable": true}, "oldObject": {"metadata": {"name": "s"}, "data": {}}}}' % kind
    for kind in (b"ConfigMap", b"Secret")
)
_LIVE = (
    b'{"namespaces": [{"metadata": {"name": "shop", "labels": {"a": "b"}}}], "pods": [{"metadata": {"name": "p", '
    b'"namespace": "shop", "labels": {"app": "x"}, "ownerReferences": [{"kind": "Job", "name": "j"}]}, "spec": '
    b'{"hostNetwork": false, "containers": [{"ports": [{"name": "http", "containerPort": 80, "protocol": "TCP"}]}]}, '
    b'"status": {"phase": "Running", "podIP": "10.0.0.1"}}], "services": [{"metadata": {"name": "s", "namespace": '
    b'"shop"}, "spec": {"clusterIPs": ["10.0.0.2"], "selector": {"app": "x"}, "ports": [{"port": 80, "targetPort": '
    b'"http"}]}}], "policies": [{"metadata": {"name": "q", "namespace": "shop"}, "spec": {"podSelector": {}}}]}'
)
_DIGEST = b"0" * 64
_VERDICTS = (
    b'{"_type": "https://in-toto.io/Statement/v1", "subject": [{"name": "image", "digest": {"sha256": "'
    + _DIGEST
    + b'"}}], "predicateType": "https://tidegate.dev/predicates/execution-verdicts/v1", "predicate": {"offset": 1, '
    b'"made_at": "2026-01-01T00:00:00Z", "policy": "sha256:'
    + _DIGEST
    + b'", "verdicts": [{"digest": "sha256:'
    + _DIGEST
    + b'", "verdict": "allow", "expires_at": "2026-01-02T00:00:00Z", "names": ["a:1"]}]}}'
)


def execution() -> Iterator[Parser]:
    """Readers of rules."""
    yield Parser(
        name="pod-rules", form="yaml", read=lambda data: load_pod_rules({"p": clean_text_of(data)}), samples=(_PODS,)
    )
    yield Parser(
        name="connect-rules",
        form="yaml",
        read=lambda data: load_connect_rules({"c": clean_text_of(data)}),
        samples=(_WAYS_IN,),
    )
    yield Parser(
        name="verdicts", form="json", read=lambda data: from_statement(parse_statement(data)), samples=(_VERDICTS,)
    )
    yield Parser(name="admission-review", form="json", read=read_review, samples=(_REVIEW,))
    yield Parser(
        name="configuration-rules",
        form="yaml",
        read=lambda data: load_configuration_rules({"c": clean_text_of(data)}),
        samples=(_CONFIGURATION,),
    )
    yield Parser(name="configurations", form="yaml", read=_configurations, samples=(_SETTINGS,))
    yield Parser(
        name="placement-strategies",
        form="yaml",
        read=lambda data: load_strategies({"s": clean_text_of(data)}),
        samples=(_STRATEGIES,),
    )
    yield Parser(
        name="quantity", form="text", read=lambda data: parse_quantity(clean_text_of(data)), samples=(b"500m", b"1.5Gi")
    )
    yield Parser(
        name="network-flows",
        form="yaml",
        read=lambda data: policies_for(load_flows({"f": clean_text_of(data)})),
        samples=(_FLOWS,),
    )
    yield Parser(name="network-ports", form="text", read=_ports, samples=(b"9000-9010/UDP", b"metrics", b"443"))
    yield Parser(name="observed-flows", form="json", read=_observed, samples=(_SEEN,))
    yield Parser(name="network-policies", form="yaml", read=_policies, samples=(_POLICY,))
    yield Parser(name="live-cluster", form="json", read=_live, samples=(_LIVE,))
    yield Parser(name="configuration-review", form="json", read=_configuration_review, samples=_CONFIGURATION_REVIEWS)


def _ports(data: bytes) -> object:
    return parse_ports(clean_text_of(data)).has(Pod(namespace="n"), 1, Protocol.TCP)


def _observed(data: bytes) -> object:
    return policies_for(learned(read_observed(data.splitlines(), where="o"), Flows())[0])


def _live(data: bytes) -> object:
    found = from_json(data, dict[str, list[dict[str, Any]]], what="cluster", max_bytes=1 << 20)
    names = ("namespaces", "pods", "services", "policies")
    live = live_cluster(**{name: found.get(name, []) for name in names})
    seen = ObservedFlow(source=Seen(address="10.0.0.1"), destination=Seen(address="10.0.0.2"), port=80)
    return unmatched(live), list(resolved([seen], live))


def _configuration_review(data: bytes) -> object:
    options = ConfigurationDeskOptions(
        cluster="", rules=ConfigurationRules(), exempt=frozenset(), glass=GlassOptions(who=("a",)), key=b"k"
    )
    return ConfigurationDesk(options, lambda _: {}, lambda _: None, system_clock).judge(read_review(data))


def _policies(data: bytes) -> object:
    documents = read_documents(data, where="p")
    for document in documents:
        if isinstance(document, dict):
            parse_policy(document, where="p")
    return policies_in(documents, where="p")


def _configurations(data: bytes) -> object:
    found = parse_manifests(data, where="c")
    return [configuration_of(one, where="c") for one in found if isinstance(one, Bystander)]
