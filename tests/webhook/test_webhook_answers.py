# SPDX-License-Identifier: Apache-2.0
"""The webhook as a process, asked over TLS with what a real API server sends."""

import json
import re
from typing import Any

import pytest
from reviews import Both, hostile_reviews, pod_review, shape

from made_verdicts import digest_of
from webhook_process import WebhookProcess

ONCALL = {"username": "ann", "groups": ["oncall", "system:authenticated"]}
DEVELOPER = {"username": "bob", "groups": ["developers", "system:authenticated"]}


def image_in(review: Any) -> str:
    return str(review["request"]["object"]["spec"]["containers"][0]["image"])


@pytest.mark.parametrize(
    "image", ["team/app:1", "registry.example/team/app:1", "registry.example:5000/team/app:1", "[::1]:5000/team/app:1"]
)
def test_an_admitted_pod_gets_in_pinned_and_hardened(webhook: WebhookProcess, image: str) -> None:
    both = Both(webhook, pod_review(image))
    assert both.allowed, both.message
    assert image_in(both.review).endswith(f"team/app:1@{digest_of('team/app:1')}")
    security = both.review["request"]["object"]["spec"]["containers"][0]["securityContext"]
    assert security["readOnlyRootFilesystem"] is True
    assert "tidegate.dev/changes" in both.review["request"]["object"]["metadata"]["annotations"]
    again = Both(webhook, both.review)
    assert again.allowed
    assert again.review == both.review  # asked once more, nothing is left to change


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("team/unknown:1", "nobody knows which image docker.io/team/unknown:1 is"),
        ("app:1", "nobody knows which image docker.io/library/app:1 is"),
        ("team/bad:1", "it has flaws → mend it"),
        ("team/old:1", "nobody knows which image"),
        (f"team/old@{digest_of('team/old:1')}", "the verdict over it ended at"),
        (f"team/app:1@{digest_of('team/bad:1')}", "it has flaws"),  # the digest rules, whatever the tag says
        (f"team/app:1@{digest_of('nothing')}", "no gate has decided"),
    ],
)
def test_what_is_not_admitted_is_told_why(webhook: WebhookProcess, image: str, said: str) -> None:
    both = Both(webhook, pod_review(image))
    assert not both.allowed
    assert said in both.message
    assert both.response["status"]["code"] == 403


def test_the_second_door_alone_pins_nothing_and_lets_no_tag_pass(webhook: WebhookProcess) -> None:
    hardened = Both(webhook, pod_review("team/app:1")).review
    hardened["request"]["object"]["spec"]["containers"][0]["image"] = "team/app:1"
    response = webhook.ask("validate", hardened)
    assert not response["allowed"]
    assert "is a tag, which can be moved" in response["status"]["message"]


def test_what_somebody_changes_after_the_first_door_is_judged_too(webhook: WebhookProcess) -> None:
    hardened = Both(webhook, pod_review("team/app:1")).review
    hardened["request"]["object"]["spec"]["containers"][0]["securityContext"]["privileged"] = True
    response = webhook.ask("validate", hardened)
    assert not response["allowed"]
    assert "privileged" in response["status"]["message"]


@pytest.mark.parametrize("name", ["deployment", "deployment-changed", "cronjob"])
def test_what_makes_pods_is_judged_by_its_mould(webhook: WebhookProcess, name: str) -> None:
    both = Both(webhook, shape(name))
    assert both.allowed, both.message
    assert json.dumps(both.review["request"]["object"]).count("@sha256:") >= 1
    bad = shape(name)
    bad["request"]["object"] = json.loads(re.sub("team/app:[12]", "team/bad:1", json.dumps(bad["request"]["object"])))
    assert "it has flaws" in Both(webhook, bad).message


@pytest.mark.parametrize(
    ("kind", "version"),
    [
        ("Deployment", "apps/v1"),
        ("ReplicaSet", "apps/v1"),
        ("StatefulSet", "apps/v1"),
        ("DaemonSet", "apps/v1"),
        ("Job", "batch/v1"),
        ("ReplicationController", "v1"),
    ],
)
@pytest.mark.parametrize("role", ["containers", "initContainers"])
def test_every_kind_and_every_container_counts(webhook: WebhookProcess, kind: str, version: str, role: str) -> None:
    review = shape("deployment")
    group, _, number = version.rpartition("/")
    review["request"]["kind"] = {"group": group, "version": number, "kind": kind}
    review["request"]["object"] |= {"kind": kind, "apiVersion": version}
    assert Both(webhook, review).allowed
    spec = review["request"]["object"]["spec"]["template"]["spec"]
    spec.setdefault(role, []).append({"name": "other", "image": "team/bad:1"})
    assert "it has flaws" in Both(webhook, review).message


def test_an_image_that_is_mounted_is_judged_and_pinned(webhook: WebhookProcess) -> None:
    review = pod_review("team/app:1")
    review["request"]["object"]["spec"]["volumes"] = [{"name": "data", "image": {"reference": "team/data:1"}}]
    both = Both(webhook, review)
    assert both.allowed, both.message
    assert f"@{digest_of('team/data:1')}" in json.dumps(both.review["request"]["object"]["spec"]["volumes"])
    review["request"]["object"]["spec"]["volumes"][0]["image"]["reference"] = "team/bad:1"
    assert "volume data: it has flaws" in Both(webhook, review).message


def test_a_running_workload_is_not_held_up_for_what_does_not_run(webhook: WebhookProcess) -> None:
    labelled = shape("pod-labelled")
    for part in ("object", "oldObject"):  # it runs what is no longer admitted, and as nobody would let it
        labelled["request"][part]["spec"]["containers"][0]["image"] = "team/bad:1"
    both = Both(webhook, labelled)
    assert both.allowed
    assert "patch" not in both.mutation
    labelled["request"]["object"]["spec"]["tolerations"] = []
    labelled["request"]["object"]["metadata"]["finalizers"] = []
    assert Both(webhook, labelled).allowed
    labelled["request"]["object"]["spec"]["containers"][0]["image"] = "team/bad:1@" + digest_of("team/bad:1")
    assert not Both(webhook, labelled).allowed
    labelled["request"] |= {"operation": "DELETE", "object": None}
    assert Both(webhook, labelled).allowed


def test_an_ephemeral_container_is_judged_and_the_pod_around_it_is_not(webhook: WebhookProcess) -> None:
    review = shape("pod-debugged")
    for part in ("object", "oldObject"):
        review["request"][part]["spec"]["containers"][0]["image"] = "team/bad:1"
    both = Both(webhook, review)
    assert both.allowed, both.message
    (debug,) = both.review["request"]["object"]["spec"]["ephemeralContainers"]
    assert debug["image"].endswith(digest_of("team/debug:1"))
    assert "resources" not in debug or not debug["resources"]
    before, after = (one["request"]["object"]["spec"]["containers"] for one in (review, both.review))
    assert before == after
    review["request"]["object"]["spec"]["ephemeralContainers"][0]["image"] = "team/unknown:1"
    assert not Both(webhook, review).allowed


def test_ways_into_pods_are_opened_by_rule(webhook: WebhookProcess) -> None:
    review = shape("pod-exec")
    assert "bob may not exec: no rule lets them" in _connect(webhook, review, DEVELOPER)["status"]["message"]
    assert _connect(webhook, review, ONCALL)["allowed"]
    review["request"]["name"] = "vault-0"
    assert "rule never-into-vaults" in _connect(webhook, review, ONCALL)["status"]["message"]
    assert _connect(webhook, shape("pod-attach"), ONCALL)["allowed"]
    forward = shape("pod-portforward")
    assert not _connect(webhook, forward, ONCALL)["allowed"]
    assert not _connect(webhook, forward, DEVELOPER)["allowed"]
    forward["request"]["namespace"] = "dev-bob"
    assert _connect(webhook, forward, DEVELOPER)["allowed"]


@pytest.mark.parametrize("name", ["pod-proxy", "service-proxy", "node-proxy"])
def test_a_proxy_is_a_way_in_and_is_opened_by_who_is_let_into_that_one(webhook: WebhookProcess, name: str) -> None:
    def allowed(*groups: str) -> bool:
        return bool(_connect(webhook, shape(name), {"username": "eve", "groups": groups})["allowed"])

    assert not allowed("oncall")
    assert allowed("monitoring") is (name == "node-proxy")
    assert not allowed("admins")  # a rule without acts speaks of no proxies


def test_a_kubelet_behind_an_unknown_resource_is_not_opened(webhook: WebhookProcess) -> None:
    review = shape("node-proxy")
    review["request"]["resource"]["resource"] = "gateways"
    who = {"username": "eve", "groups": ["monitoring"]}
    assert not _connect(webhook, review, who)["allowed"]


@pytest.mark.parametrize("name", ["eviction", "scale"])
def test_who_evicts_and_scales_is_asked_where_a_rule_speaks_of_it(webhook: WebhookProcess, name: str) -> None:
    assert _connect(webhook, shape(name), ONCALL)["allowed"]
    denied = _connect(webhook, shape(name), DEVELOPER)
    assert f"bob may not {'evict' if name == 'eviction' else 'scale'}: rule not-bob" in denied["status"]["message"]
    assert webhook.ask("mutate", shape(name))["allowed"]


def _connect(webhook: WebhookProcess, review: Any, who: Any) -> Any:
    review["request"]["userInfo"] = who
    return webhook.ask("validate", review)


def test_exempt_namespaces_and_mirror_pods_are_not_asked_of(webhook: WebhookProcess) -> None:
    assert Both(webhook, pod_review("team/bad:1", namespace="kube-system")).allowed
    mirror = pod_review("team/bad:1")
    mirror["request"]["object"]["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
    assert not Both(webhook, mirror).allowed  # anybody can write that
    mirror["request"]["userInfo"] = {"username": "system:node:one", "groups": ["system:nodes"]}
    assert Both(webhook, mirror).allowed


def test_hostile_reviews_are_denied_and_told_why(webhook: WebhookProcess) -> None:
    for name, raw in hostile_reviews():
        first, second = webhook.ask("mutate", raw), webhook.ask("validate", raw)
        assert not second["allowed"], name
        assert second["status"]["message"].startswith("denied by tidegate"), name
        assert "a defect of its own" not in second["status"]["message"], name
        assert "a defect of its own" not in str(first), name
        if b'"uid": "' in raw[:4096]:
            assert second["uid"] == raw.partition(b'"uid": "')[2].partition(b'"')[0].decode(), name
    assert Both(webhook, pod_review("team/app:1")).allowed
    assert webhook.process.poll() is None
