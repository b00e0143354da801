# SPDX-License-Identifier: Apache-2.0
"""What the default profile lets pass, and what it stops."""

from datetime import timedelta
from typing import Any

import pytest
from policy_facts import (
    AT,
    COMPONENT,
    CONTEXT,
    CUSTODY,
    ENDED,
    EXPLOITED,
    OUTCOME,
    SECRET,
    SUBJECT,
    curated,
    custody_file,
    finding,
    sbom,
    scan,
)

from tidegate.errors import NotFoundError
from tidegate.evidence import (
    Boundary,
    Configuration,
    Decision,
    IdleWord,
    InVain,
    Misconfiguration,
    Notice,
    Priority,
    SaidIn,
    Severity,
    Support,
    Suppressed,
    Urgency,
    Verdict,
    Word,
)
from tidegate.inventory import FileNature, Origin, Outcome, OutcomeStatus, PackageUrl
from tidegate.policy.context import ContainerContext, Context
from tidegate.policy.decide import decide
from tidegate.policy.profile import load_profile, profile_names, profile_text
from tidegate.values import replace

PROFILE = load_profile()
HALF = Outcome(plugin="dpkg", status=OutcomeStatus.PARTIAL, location="x", reason="one entry broken")
ROOT = Configuration(user="", runs_as_root=True)
SOON = Support(product="debian", cycle="12", ends=(AT + timedelta(days=30)).date(), ended=False)
OVER = Support(product="debian", cycle="11", ends=(AT - timedelta(days=1)).date(), ended=False)
NOW = Priority(score=90.0, urgency=Urgency.NOW, reasons=("+90 because",))
NOTICE = Notice(kind="deprecated", purl=PackageUrl("pkg:npm/a@1"), location="a", reason="use b")
WORD = Word(said_in=SaidIn.TRIVYIGNORE, source=".trivyignore:1", id="CVE-2026-0001", status="ignored")


def misconfiguration(**changes: Any) -> Misconfiguration:
    values: dict[str, Any] = {
        "id": "TG-IMG-006",
        "title": "Remote shell port",
        "severity": Severity.HIGH,
        "reason": "port 22",
        "fix": "close it",
        "references": (),
        "subject": "image",
    }
    return Misconfiguration(**values | changes)


def judge(**changes: Any) -> Decision:
    return decide(Boundary.CURATION, SUBJECT, CONTEXT, [scan(**changes), sbom()], [PROFILE], AT)


def test_a_clean_image_passes() -> None:
    decision = judge(findings=(finding(severity=Severity.MEDIUM),))
    assert (decision.verdict, decision.reasons) == (Verdict.ALLOW, ())
    assert len(decision.rules) == 25


@pytest.mark.parametrize(
    ("changes", "rule", "verdict"),
    [
        ({"findings": (finding(exploited=EXPLOITED, fixed_version=None),)}, "known-exploited", Verdict.DENY),
        ({"findings": (finding(malicious=True),)}, "malicious", Verdict.DENY),
        ({"findings": (finding(severity=Severity.CRITICAL),)}, "critical-and-fixable", Verdict.DENY),
        ({"findings": (finding(severity=Severity.HIGH),)}, "high-and-fixable", Verdict.WARN),
        ({"secrets": (SECRET,)}, "secrets", Verdict.DENY),
        ({"support": (ENDED,)}, "end-of-life", Verdict.DENY),
        ({"support": (OVER,)}, "end-of-life", Verdict.DENY),
        ({"support": (SOON,)}, "end-of-life-soon", Verdict.WARN),
        ({"configuration": ROOT}, "root-user", Verdict.WARN),
        ({"outcomes": (OUTCOME,)}, "unreadable", Verdict.DENY),
        ({"outcomes": (HALF,)}, "half-readable", Verdict.WARN),
        ({"passed_over": ("usr/share/**",)}, "passed-over", Verdict.DENY),
        ({"unmatched": ("CRAN",)}, "unknown-ecosystem", Verdict.WARN),
        ({"knowledge": None}, "knowledge", Verdict.DENY),
        ({"findings": (finding(severity=Severity.HIGH, priority=NOW),)}, "urgent-and-fixable", Verdict.DENY),
        ({"support": (replace(ENDED, subject="runtime"),)}, "end-of-life", Verdict.DENY),
        ({"support": (replace(ENDED, subject="framework"),)}, "end-of-life-part", Verdict.WARN),
        ({"misconfigurations": (misconfiguration(),)}, "misconfigured", Verdict.WARN),
        ({"notices": (NOTICE,)}, "advised-against", Verdict.WARN),
        ({"custody": None}, "custody-unknown", Verdict.WARN),
        ({"custody": replace(CUSTODY, modified=(custody_file(),))}, "tampered", Verdict.DENY),
        ({"custody": replace(CUSTODY, modified=(custody_file(nature=FileNature.DATA),))}, "modified", Verdict.WARN),
        ({"custody": replace(CUSTODY, modified=(custody_file(mode=0o644),))}, "modified", Verdict.WARN),
        ({"custody": replace(CUSTODY, unexplained=(custody_file(),))}, "unexplained", Verdict.WARN),
        ({"components": (replace(COMPONENT, license_class="network-copyleft"),)}, "licence", Verdict.WARN),
        ({"components": (replace(COMPONENT, license_class="source-available"),)}, "licence", Verdict.WARN),
        ({"suppressed": (Suppressed(finding=finding(exploited=EXPLOITED), by=WORD),)}, "silenced", Verdict.WARN),
        ({"idle": (IdleWord(word=WORD, why=InVain.EXPIRED),)}, "idle", Verdict.WARN),
    ],
)
def test_what_it_objects_to(changes: dict[str, Any], rule: str, verdict: Verdict) -> None:
    decision = judge(**changes)
    assert [reason.rule for reason in decision.reasons] == [rule]
    assert decision.verdict is verdict


@pytest.mark.parametrize(
    "changes",
    [
        {"findings": (finding(severity=Severity.CRITICAL, fixed_version=None),)},
        {"configuration": None},
        {"findings": (finding(severity=Severity.HIGH, fixed_version=None, priority=NOW),)},
        {"misconfigurations": (misconfiguration(severity=Severity.MEDIUM),)},
        {"custody": replace(CUSTODY, modified=(custody_file(is_configuration=True),))},
        {"custody": replace(CUSTODY, modified=(custody_file(origin=Origin.UPSTREAM),))},
        {"custody": replace(CUSTODY, in_house=(custody_file(origin=Origin.IN_HOUSE),))},
        {"components": (replace(COMPONENT, license_class="copyleft"),)},
        {"suppressed": (Suppressed(finding=finding(), by=WORD),)},
        {"support": (Support(product="alpine", cycle="edge", ends=None, ended=False),)},
    ],
)
def test_what_nobody_can_act_on_passes(changes: dict[str, Any]) -> None:
    assert judge(**changes).verdict is Verdict.ALLOW


def test_reasons_say_what_to_do() -> None:
    (reason,) = judge(findings=(finding(severity=Severity.CRITICAL),)).reasons
    assert reason.item == "GHSA-0001 pkg:pypi/part1@1.0"
    assert reason.message == "GHSA-0001 in part1 1.0 is critical"
    assert reason.fix == "update it to 1.1"
    (reason,) = judge(secrets=(SECRET,)).reasons
    assert reason.message == "private-key in root/.ssh/id line 1, deleted by a later layer but still shipped"


def test_unsigned_evidence_is_none() -> None:
    unsigned = [scan({"signers": ()}), sbom(signers=("b" * 64,))]
    decision = decide(Boundary.CURATION, SUBJECT, CONTEXT, unsigned, [PROFILE], AT)
    assert decision.verdict is Verdict.DENY
    assert {reason.message for reason in decision.reasons} == {
        "no trusted key signed the scan",
        "no trusted key signed the sbom",
    }


EXECUTION = Boundary.EXECUTION


def at_execution(evidence: list[Any], *containers: ContainerContext) -> Decision:
    context = Context(trusted=CONTEXT.trusted, containers=containers)
    return decide(EXECUTION, SUBJECT, context, evidence, [PROFILE], AT)


def test_execution_needs_the_curation_gates_word() -> None:
    app = ContainerContext(name="app", runs_as_root=False)
    assert at_execution([curated(Verdict.ALLOW)], app).verdict is Verdict.ALLOW
    assert at_execution([curated(Verdict.WARN)], app).verdict is Verdict.ALLOW
    for evidence in (
        [],
        [curated(Verdict.DENY)],
        [curated(Verdict.ALLOW, boundary=EXECUTION)],
        [curated(Verdict.ALLOW, boundary=Boundary.INTAKE)],
        [curated(Verdict.ALLOW, expires_at=AT)],
        [curated(Verdict.ALLOW, {"signers": ("b" * 64,)})],
        [curated(Verdict.ALLOW, {"made_at": AT - timedelta(days=8)})],
    ):
        decision = at_execution(evidence, app)
        assert decision.verdict is Verdict.DENY
        assert [reason.rule for reason in decision.reasons] == ["admitted"]


def test_execution_takes_no_root_and_no_privilege() -> None:
    word = [curated(Verdict.ALLOW)]
    (reason,) = at_execution(word, ContainerContext(name="app", runs_as_root=True)).reasons
    assert (reason.rule, reason.item, reason.verdict) == ("root-container", "app", Verdict.DENY)
    (reason,) = at_execution(word, ContainerContext(name="app", runs_as_root=False, privileged=True)).reasons
    assert reason.rule == "privileged-container"


def test_an_unknown_profile_is_named() -> None:
    assert profile_names() == ("custody", "default", "licences")
    assert profile_text().startswith("# SPDX")
    with pytest.raises(NotFoundError, match="known are custody, default, licences"):
        load_profile("lax")
