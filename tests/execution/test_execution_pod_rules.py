# SPDX-License-Identifier: Apache-2.0
"""Rules of pods: what they ask, fill in, and except, through the gate."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from execution_manifests import PRIVILEGED_POD
from execution_verdicts import allow
from tidegate.artifact import Digest
from tidegate.errors import BoundExceededError
from tidegate.evidence.predicates.behaviour import Behaviour
from tidegate.execution.behaviour import Expected, expected_in, folders_written
from tidegate.execution.gate import GateOptions, WorkloadReview, judge_workload
from tidegate.execution.pod_rule_file import load_pod_rules
from tidegate.manifests.documents import read_documents
from tidegate.rules.reading import DocumentError

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
HEAD = "apiVersion: tidegate.dev/v1\nkind: PodRules\nmetadata: {name: house}\nspec:\n"
HOUSE = (
    HEAD
    + """\
  rules:
    - name: agents
      namespaces: [kube-system, "agents-*"]
      kinds: [DaemonSet, Pod]
      when: '"tier" in workload.labels && workload.labels["tier"] == "node"'
      level: privileged
      fill: false
    - name: apps
      version: v1.30
      user: 4000
      writable: [/tmp, /var/spool/app]
      tokenWhen: workload.service_account != "default"
      seccompProfiles: [{image: "registry.example/shop/*", profile: shop/web.json}]
      limits: {memory: 256Mi}
      ceilings: {cpu: "2", memory: 1Gi}
      maxRatio: {cpu: 20, memory: 8}
      demands: [read-only-root, no-service-account-token, limits]
  exceptions:
    - name: collector
      controls: [host-*]
      namespaces: [web]
      when: violation.container == "" && violation.path.startsWith("/spec/host")
      owner: ann
      approver: bob
      reason: moves to the node's agent
      granted: 2026-11-01
      expires: 2026-12-31
"""
)
EXCEPTION = """\
  exceptions:
    - {name: a, controls: [x], namespaces: [n], owner: o, approver: p, reason: r,
       granted: 2026-01-01, expires: 2026-01-02}
"""


def _pod(spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    spec.setdefault("containers", [{"name": "a", "image": "registry.example/shop/web:1"}])
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "web", **metadata}, "spec": spec}


def _judge(*documents: Any, expected: Expected | None = None, at: datetime | None = NOW) -> WorkloadReview:
    return judge_workload(
        documents,
        resolve=lambda reference: Digest.of(str(reference).encode()),
        user_of=lambda _: "1000",
        decide=allow,
        options=GateOptions(rules=load_pod_rules({"house.yaml": HOUSE})),
        expected_of=lambda _: expected,
        at=at,
    )


def _rules(review: WorkloadReview) -> list[str]:
    return [reason.rule for reason in review.reasons if not reason.excepted_by]


def _container(review: WorkloadReview) -> Any:
    return review.documents[0]["spec"]["containers"][0]


def test_the_first_rule_that_speaks_of_a_workload_holds() -> None:
    agent = read_documents(PRIVILEGED_POD, where="f")[0]
    agent["metadata"] |= {"namespace": "agents-eu", "labels": {"tier": "node"}}
    review = _judge(agent)
    assert review.allowed
    assert review.objects[0].patch == ()
    agent["metadata"]["labels"] = {}  # the condition names no label any more: it does not hold, and the next rule does
    assert "execution/pod-security/privileged" in _rules(_judge(agent))


def test_a_rule_says_what_is_filled_in() -> None:
    review = _judge(_pod({}))
    assert review.allowed, review.reasons
    made = _container(review)
    assert made["securityContext"]["seccompProfile"] == {"type": "Localhost", "localhostProfile": "shop/web.json"}
    assert made["resources"]["limits"] == {"cpu": "1", "memory": "256Mi"}
    assert [mount["mountPath"] for mount in made["volumeMounts"]] == ["/tmp", "/var/spool/app"]
    names = [mount["name"] for mount in made["volumeMounts"]]
    assert [volume["name"] for volume in review.documents[0]["spec"]["volumes"]] == names
    assert len(set(names)) == 2
    # Its only container has a filter of its own, so none is said for the pod.
    assert "securityContext" not in review.documents[0]["spec"]


def test_what_is_filled_in_passes_the_rule_and_a_second_pass_finds_nothing() -> None:
    once = _judge(_pod({"initContainers": [{"name": "i", "image": "x"}]}))
    twice = _judge(*once.documents)
    assert once.allowed
    assert twice.allowed
    assert twice.objects[0].patch == ()


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({"limits": {"cpu": "3", "memory": "64Mi"}}, ["ceiling"]),
        ({"requests": {"memory": "2Gi"}}, ["ceiling", "ceiling"]),
        ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "10m", "memory": "1Gi"}}, ["ratio"]),
        ({"limits": {"cpu": "1", "memory": "much"}}, ["quantity"]),
        ({"limits": {"cpu": 2, "memory": "1024Mi"}, "requests": {"memory": "128Mi"}}, []),
    ],
)
def test_ceilings_and_ratios(resources: dict[str, Any], expected: list[str]) -> None:
    review = _judge(_pod({"containers": [{"name": "a", "image": "b", "resources": resources}]}))
    assert _rules(review) == [f"execution/pod-rule/{control}" for control in expected]


def test_a_request_below_the_default_limit_keeps_the_ratio() -> None:
    spec = {"containers": [{"name": "a", "image": "b", "resources": {"requests": {"memory": "16Mi", "cpu": "1"}}}]}
    review = _judge(_pod(spec))
    assert review.allowed
    assert _container(review)["resources"]["limits"] == {"memory": "16Mi", "cpu": "1"}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, []),
        ({"automountServiceAccountToken": True}, ["execution/pod-rule/service-account-token"]),
        ({"automountServiceAccountToken": True, "serviceAccountName": "robot"}, []),
    ],
)
def test_the_token_is_for_whom_the_rule_says(spec: dict[str, Any], expected: list[str]) -> None:
    review = _judge(_pod(spec))
    assert _rules(review) == expected


def test_the_token_is_left_to_a_workload_that_was_seen_to_use_it() -> None:
    review = _judge(_pod({}), expected=Expected(asks_api=True))
    assert review.allowed
    assert "automountServiceAccountToken" not in review.documents[0]["spec"]
    profile = Behaviour(monitor="m", connections=("kubernetes.default.svc:443", "db:5432"), writes=("/tmp/a",))
    assert expected_in([profile]) == Expected(writes=("/tmp/a",), asks_api=True)
    assert not expected_in([Behaviour(monitor="m", connections=("kubernetes.default.evil.example:443",))]).asks_api


def test_volumes_stand_where_the_profile_says_it_writes() -> None:
    expected = Expected(writes=("/var/cache/web/a/b", "/var/cache/web/c", "/run/web.pid", "/data/x"))
    spec = {
        "containers": [{"name": "a", "image": "b", "volumeMounts": [{"name": "d", "mountPath": "/data"}]}],
        "volumes": [{"name": "d", "emptyDir": {}}],
    }
    review = _judge(_pod(spec), expected=expected)
    assert review.allowed
    mounts = [mount["mountPath"] for mount in _container(review)["volumeMounts"]]
    assert mounts == ["/data", "/run", "/var/cache/web"]


def test_what_writes_among_its_own_files_is_left_writable_and_told_where_that_is_demanded() -> None:
    review = _judge(_pod({}), expected=Expected(writes=("/etc/web/state",)))
    assert "readOnlyRootFilesystem" not in _container(review)["securityContext"]
    assert _rules(review) == ["execution/pod-rule/read-only-root"]


def test_folders_are_few_and_none_lies_in_another() -> None:
    many = [f"/var/cache/{number}/file" for number in range(20)]
    assert folders_written(many, ("/tmp", "/var/cache")) == (("/var/cache",), ())
    assert folders_written(["/tmp/../etc/passwd", "/tmpx/a"], ("/tmp",)) == ((), ("/tmp/../etc/passwd", "/tmpx/a"))


@pytest.mark.parametrize(
    ("spec", "at", "allowed"),
    [
        ({"hostNetwork": True}, NOW, True),
        ({"hostNetwork": True, "hostPID": True}, NOW, True),
        ({"hostNetwork": True}, NOW + timedelta(days=31, hours=11), True),
        ({"hostNetwork": True}, NOW + timedelta(days=31, hours=12), False),
        ({"hostNetwork": True}, NOW - timedelta(days=30), False),
        ({"hostNetwork": True}, None, False),
        ({"volumes": [{"name": "h", "hostPath": {"path": "/"}}]}, NOW, False),  # the condition looks at the path
    ],
)
def test_exceptions_hold_for_what_they_name_and_for_a_while(
    spec: dict[str, Any], at: datetime | None, allowed: bool
) -> None:
    review = _judge(_pod(spec), at=at)
    assert review.allowed == allowed
    assert {reason.excepted_by for reason in review.reasons} == ({"collector"} if allowed else {""})


def test_another_namespace_is_not_excepted() -> None:
    assert not _judge(_pod({"hostNetwork": True}, namespace="shop")).allowed


def test_a_later_pass_keeps_what_an_earlier_one_told() -> None:
    review = _judge(_pod({}))
    document = json.loads(json.dumps(review.documents[0]))
    document["spec"]["containers"].append({"name": "sidecar", "image": "injected:1"})
    again = _judge(document).documents[0]["metadata"]["annotations"]["tidegate.dev/changes"]
    first = {entry["path"] for entry in json.loads(document["metadata"]["annotations"]["tidegate.dev/changes"])}
    told = {entry["path"] for entry in json.loads(again)}
    assert first < told
    assert any(path.startswith("/spec/containers/1") for path in told)


def test_the_annotation_stays_within_what_kubernetes_takes() -> None:
    containers = [{"name": f"c{number}", "image": "x"} for number in range(250)]
    (metadata,) = (one["metadata"] for one in _judge(_pod({"containers": containers})).documents)
    told = metadata["annotations"]["tidegate.dev/changes"]
    assert len(told) < 128 * 1024
    assert "more" in json.loads(told)[-1]["why"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("  rules: [{name: a, level: lax}]", "did you mean|known are"),
        ("  rules: [{name: a, version: v2}]", "no version"),
        ("  rules: [{name: a, when: workload.nam == ''}]", "house.yaml:5:"),
        ("  rules: [{name: a, when: workload.name}]", "not true or false"),
        ("  rules: [{name: a, limits: {cpu: 2x}}]", "no quantity"),
        ("  rules: [{name: a, limits: {cpu: '0'}}]", "not more than nothing"),
        ("  rules: [{name: a, ceilings: {memory: 1Mi}}]", "over the ceiling"),
        ("  rules: [{name: a, maxRatio: {cpu: 2}}]", "over maxRatio"),
        ("  rules: [{name: a, writable: [/]}]", "absolute path"),
        ("  rules: [{name: a, writable: [/a/../b]}]", "absolute path"),
        ("  rules: [{name: a, seccompProfiles: [{image: a, profile: ../x}]}]", "folder of profiles"),
        ("  rules: [{name: a}, {name: a}]", "a second is called"),
        ("  rules: [{name: a, fill: maybe}]", "neither true nor false"),
        ("  rules: []", "no rules"),
        (EXCEPTION.replace("owner: o", "owner: P "), "cannot approve"),
        (EXCEPTION.replace("namespaces: [n], ", ""), "every workload"),
        (EXCEPTION.replace("2026-01-02", "2026-12-02"), "lasts 335 days"),
        (EXCEPTION.replace("controls: [x], ", ""), "silences nothing"),
    ],
)
def test_a_wrong_document_is_refused_with_its_place(text: str, place: str) -> None:
    with pytest.raises(DocumentError, match=place) as refused:
        load_pod_rules({"house.yaml": HEAD + text + "\n"})
    assert refused.value.where.startswith("house.yaml:")


def test_another_kind_and_too_long_a_document_are_refused() -> None:
    with pytest.raises(DocumentError, match="write PodRules"):
        load_pod_rules({"house.yaml": HOUSE.replace("PodRules", "Policy")})
    with pytest.raises(BoundExceededError):
        load_pod_rules({"house.yaml": HEAD + "  rules: [" + "{name: a}," * 60_000 + "]"})
