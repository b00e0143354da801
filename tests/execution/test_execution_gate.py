# SPDX-License-Identifier: Apache-2.0
"""The execution gate: what is denied, why, and that silence is a no."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from execution_manifests import COMPLIANT_POD, DEPLOYMENT, PRIVILEGED_POD
from tidegate.artifact import Digest, Reference
from tidegate.evidence import Boundary, Decision, Reason, Verdict
from tidegate.execution.gate import GateOptions, Question, WorkloadReview, judge_workload
from tidegate.execution.harden import Resolve
from tidegate.execution.standards import Level
from tidegate.manifests.documents import read_documents

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def _resolve(reference: Reference) -> Digest | None:
    return Digest.of(str(reference).encode())


def _decision(question: Question, verdict: Verdict = Verdict.ALLOW, reasons: tuple[Reason, ...] = ()) -> Decision:
    return Decision(
        boundary=Boundary.EXECUTION,
        subject=question.digest,
        verdict=verdict,
        reasons=reasons,
        rules=("r",),
        policies=(),
        inputs=(),
        decided_at=NOW,
        expires_at=NOW + timedelta(days=1),
    )


def _judge(raw: bytes, decide: Any = _decision, *, resolve: Resolve = _resolve, **rest: Any) -> WorkloadReview:
    documents = read_documents(raw, where="f")
    return judge_workload(documents, resolve=resolve, user_of=lambda _: "", decide=decide, where="f", **rest)


def test_a_known_image_is_allowed_and_hardened() -> None:
    review = _judge(DEPLOYMENT, cluster="east")
    assert review.allowed
    assert review.reasons == ()
    (reviewed,) = review.objects
    assert reviewed.workload is not None
    assert reviewed.workload.cluster == "east"
    assert [container.container for container in reviewed.containers] == ["migrate", "app", "proxy"]
    images = [c["image"] for c in review.documents[0]["spec"]["template"]["spec"]["containers"]]
    assert all("@sha256:" in image for image in images)
    assert reviewed.patch
    assert reviewed.changes


def test_policy_is_asked_once_for_a_digest_with_all_its_containers() -> None:
    asked: list[Question] = []

    def decide(question: Question) -> Decision:
        asked.append(question)
        return _decision(question)

    same = Digest.of(b"one")
    review = _judge(DEPLOYMENT, decide, resolve=lambda _: same)
    assert review.allowed
    (question,) = asked
    assert question.digest == same
    assert [container.name for container in question.containers] == ["migrate", "app", "proxy"]
    assert (question.namespace, question.labels) == ("web", {"app": "shop", "team": "storefront"})
    # As it stands after hardening:
    assert [container.read_only_root for container in question.containers] == [True, True, False]
    assert not any(container.runs_as_root or container.allows_escalation for container in question.containers)


def test_an_unhardened_workload_is_shown_to_policy_as_it_is() -> None:
    asked: list[Question] = []

    def decide(question: Question) -> Decision:
        asked.append(question)
        return _decision(question)

    review = _judge(PRIVILEGED_POD, decide, options=GateOptions(level=Level.PRIVILEGED, harden=None))
    assert review.allowed
    assert review.objects[0].patch == ()
    (container,) = asked[0].containers
    assert (container.privileged, container.runs_as_root, container.host_namespaces) == (True, True, True)
    assert container.allows_escalation


def test_a_denied_image_denies_the_workload_with_its_reasons_once() -> None:
    reason = Reason(rule="exploited", verdict=Verdict.DENY, message="CVE-2021-44228 is exploited", fix="upgrade")
    review = _judge(DEPLOYMENT, lambda q: _decision(q, Verdict.DENY, (reason,)), resolve=lambda _: Digest.of(b"x"))
    assert not review.allowed
    assert review.reasons == (reason,)


def test_a_denial_without_reasons_is_still_told() -> None:
    review = _judge(COMPLIANT_POD, lambda q: _decision(q, Verdict.DENY))
    assert not review.allowed
    assert [reason.rule for reason in review.reasons] == ["execution/no-decision"]


def test_a_warning_does_not_deny() -> None:
    reason = Reason(rule="old", verdict=Verdict.WARN, message="old")
    review = _judge(COMPLIANT_POD, lambda q: _decision(q, Verdict.WARN, (reason,)))
    assert review.allowed
    assert review.reasons == (reason,)


def test_a_privileged_pod_is_denied_whatever_its_image() -> None:
    review = _judge(PRIVILEGED_POD)
    assert not review.allowed
    rules = {reason.rule for reason in review.reasons}
    assert {"execution/pod-security/privileged", "execution/pod-security/host-path"} <= rules
    assert all(reason.fix for reason in review.reasons)


@pytest.mark.parametrize(
    ("raw", "rest", "rule"),
    [
        (b"", {}, "execution/no-workload"),
        (b"apiVersion: v1\nkind: Service\nmetadata: {name: s}", {}, "execution/no-workload"),
        (COMPLIANT_POD.replace(b"apiVersion: v1", b"apiVersion: x/v1"), {}, "execution/unknown-kind"),
        (COMPLIANT_POD, {"resolve": lambda _: None}, "execution/image-not-known"),
        (COMPLIANT_POD, {"decide": lambda _: None}, "execution/no-decision"),
        (
            COMPLIANT_POD,
            {"decide": lambda q: replace(_decision(q), subject=Digest.of(b"another"))},
            "execution/no-decision",
        ),
        (
            COMPLIANT_POD,
            {"decide": lambda q: replace(_decision(q), boundary=Boundary.CURATION)},
            "execution/no-decision",
        ),
    ],
    ids=["nothing", "no workload", "unknown kind", "unknown image", "no decision", "other subject", "other boundary"],
)
def test_silence_is_a_no(raw: bytes, rest: dict[str, Any], rule: str) -> None:
    review = _judge(raw, **rest)
    assert not review.allowed
    assert rule in [reason.rule for reason in review.reasons]


def test_one_bad_workload_denies_the_stream_and_others_pass_untouched() -> None:
    service = b"apiVersion: v1\nkind: Service\nmetadata: {name: s}\n"
    review = _judge(b"---\n".join([service, COMPLIANT_POD, PRIVILEGED_POD]))
    assert [reviewed.allowed for reviewed in review.objects] == [True, True, False]
    assert not review.allowed
    assert review.documents[0] == {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}}
