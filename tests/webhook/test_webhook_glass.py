# SPDX-License-Identifier: Apache-2.0
"""Breaking the glass: who may, what it lets in, until when, and what is written down."""

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from reviews import Both, pod_review, shape

from tidegate.execution.reviews.break_glass import Broken, Sealer
from webhook_process import WebhookProcess

REASON = "the shop is down, INC-77"
ONCALL = {"username": "ann", "groups": ["oncall"]}
CONTROLLER = {"username": "system:serviceaccount:kube-system:replicaset-controller", "groups": []}


def wanting(reason: str, who: Any) -> Any:
    review = json.loads(json.dumps(shape("deployment")).replace("team/app:1", "team/bad:1"))
    review["request"]["object"]["metadata"]["annotations"] = {"tidegate.dev/break-glass": reason}
    review["request"]["userInfo"] = who
    return review


def pod_of(review: Any) -> Any:
    """The pod that a controller makes of a mould."""
    mould = review["request"]["object"]["spec"]["template"]
    made = pod_review("x", userInfo=CONTROLLER)
    made["request"]["object"]["spec"] = copy.deepcopy(mould["spec"])
    made["request"]["object"]["metadata"]["annotations"] = copy.deepcopy(mould["metadata"].get("annotations", {}))
    return made


def test_who_may_lets_a_workload_in_and_its_pods_with_it(webhook: WebhookProcess) -> None:
    both = Both(webhook, wanting(REASON, ONCALL))
    assert both.allowed, both.message
    assert both.response["auditAnnotations"]["reason"] == REASON
    assert "ann broke the glass" in both.response["warnings"][0]
    made = Both(webhook, pod_of(both.review))
    assert made.allowed, made.message
    assert made.response["auditAnnotations"] == {"decision": "glass-broken", "by": "ann", "reason": REASON}


def test_nobody_else_may_and_not_without_a_reason(webhook: WebhookProcess) -> None:
    said = Both(webhook, wanting(REASON, {"username": "bob", "groups": ["developers"]}))
    assert not said.allowed
    assert "the glass is not yours to break" in said.message
    assert "a reason to break the glass has 10" in Both(webhook, wanting("now", ONCALL)).message
    assert Both(webhook, wanting(REASON, {"username": "root-1", "groups": []})).allowed


def test_a_seal_lets_in_nothing_else(webhook: WebhookProcess) -> None:
    sealed = pod_of(Both(webhook, wanting(REASON, ONCALL)).review)
    changes: tuple[Callable[[Any], object], ...] = (
        lambda spec: spec["containers"][0].update(image="team/unknown:1"),
        lambda spec: spec["containers"].append({"name": "more", "image": "team/bad:1"}),
        lambda spec: spec["containers"][0].update(securityContext={"privileged": True}),
        lambda spec: spec["containers"][0].update(command=["sh"]),
        lambda spec: spec.update(hostNetwork=True),
        lambda spec: spec.update(volumes=[{"name": "host", "hostPath": {"path": "/"}}]),
        lambda spec: spec.update(initContainers=[{"name": "init", "image": "team/bad:1"}]),
    )
    for change in changes:
        other = copy.deepcopy(sealed)
        change(other["request"]["object"]["spec"])
        assert not Both(webhook, other).allowed
    elsewhere = copy.deepcopy(sealed)
    elsewhere["request"]["namespace"] = "other"
    assert not Both(webhook, elsewhere).allowed
    # What controllers and the API server fill in changes nothing.
    sealed["request"]["object"]["spec"] |= {"nodeName": "one", "serviceAccountName": "default", "priority": 0}
    assert Both(webhook, sealed).allowed


def test_a_seal_ends_and_no_other_key_makes_one() -> None:
    now, pod = datetime(2026, 1, 1, tzinfo=UTC), {"containers": [{"name": "a", "image": "b"}]}
    sealer = Sealer(b"k" * 32, "lab")
    made = sealer.seal(Broken(by="ann", until=now, reason=REASON), "default", pod)
    assert sealer.broken(made, "default", pod, now) == Broken(by="ann", until=now, reason=REASON)
    assert sealer.broken(made, "default", pod, now + timedelta(seconds=1)) is None
    for other in (Sealer(b"l" * 32, "lab"), Sealer(b"k" * 32, "prod")):
        assert other.broken(made, "default", pod, now) is None
    later = json.dumps(json.loads(made) | {"until": "2027-01-01T00:00:00Z"})
    assert sealer.broken(later, "default", pod, now) is None
    for broken in ("", "{}", "null", 7, None, "\ud800", json.dumps(json.loads(made) | {"until": "now"})):
        assert sealer.broken(broken, "default", pod, now) is None


def test_what_is_let_in_so_is_on_disk_before_the_answer(webhook: WebhookProcess) -> None:
    both = Both(webhook, wanting(REASON, ONCALL))
    uid = both.review["request"]["uid"]
    lots = (webhook.home / "webhook" / "records").glob("*.jsonl")
    (record,) = [json.loads(line) for lot in lots for line in lot.read_text().splitlines() if uid in line]
    assert record["act"] == "glass-broken"
    assert record["by"] == "ann"
    assert REASON in record["reasons"][0]
    dry = wanting(REASON, ONCALL)
    dry["request"]["dryRun"] = True
    assert Both(webhook, dry).allowed
    lots = (webhook.home / "webhook" / "records").glob("*.jsonl")
    assert not any(dry["request"]["uid"] in lot.read_text() for lot in lots)
