# SPDX-License-Identifier: Apache-2.0
"""The judgement: pure, closed by default, and never kinder for knowing less."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from policy_facts import (
    AT,
    CONTEXT,
    ENDED,
    EXPLOITED,
    OUTCOME,
    SECRET,
    SIGNER,
    SUBJECT,
    curated,
    finding,
    policy_text,
    report,
    sbom,
    scan,
)

from tidegate.artifact import Digest, Repository
from tidegate.evidence import SCAN, Boundary, Evidence, Severity, Verdict
from tidegate.policy.context import ContainerContext, Context
from tidegate.policy.decide import MAX_REASONS_PER_RULE, NO_POLICY, NO_RULE, decide
from tidegate.policy.document import load_policy
from tidegate.policy.profile import load_profile
from tidegate.policy.rule import Policy
from tidegate.wire import to_json

CURATION = Boundary.CURATION
DEFAULT = load_profile()
FLAWS = load_policy(
    policy_text("""
- name: low
  boundaries: [curation, execution]
  reads: {scan: {maxAge: 2d}}
  each: findings
  when: finding.severity_rank >= 2
  verdict: deny
  message: "{finding.id}"
"""),
    file="flaws",
)
OTHER = load_policy(
    policy_text("""
- name: has-sbom
  boundaries: [curation]
  reads: {sbom: {maxAge: 2d}}
- name: repository
  boundaries: [curation]
  when: context.repository.startsWith("secret/")
  verdict: deny
  message: "{context.repository} is closed"
"""),
    file="other",
)


def judge(*evidence: Evidence, policies: tuple[Policy, ...] = (FLAWS,), context: Context = CONTEXT) -> Any:
    return decide(CURATION, SUBJECT, context, evidence, policies, AT)


def test_emptiness_denies() -> None:
    decision = judge(scan(), policies=())
    assert (decision.verdict, decision.reasons[0].rule) == (Verdict.DENY, NO_POLICY)
    decision = decide(Boundary.INTAKE, SUBJECT, CONTEXT, [scan()], [FLAWS], AT)
    assert (decision.verdict, decision.reasons[0].rule) == (Verdict.DENY, NO_RULE)
    decision = judge()
    assert (decision.verdict, decision.reasons[0].rule) == (Verdict.DENY, "low")
    assert decision.reasons[0].message == "there is no scan of this artifact"
    assert "tidegate scan" in decision.reasons[0].fix


@pytest.mark.parametrize(
    ("evidence", "message"),
    [
        (scan({"subject": Digest.of(b"another")}), "there is no scan"),
        (scan({"signers": ()}), "no trusted key signed"),
        (scan({"signers": ("b" * 64,)}), "no trusted key signed"),
        (scan({"made_at": AT - timedelta(days=2)}), "the scan is 2 days old, at most 2 days is accepted"),
        (scan({"made_at": AT + timedelta(minutes=6)}), "dated in the future"),
        (sbom(), "there is no scan"),
    ],
)
def test_evidence_that_does_not_count(evidence: Evidence, message: str) -> None:
    decision = judge(evidence)
    assert decision.verdict is Verdict.DENY
    assert message in decision.reasons[0].message
    assert decision.inputs == ()


def test_evidence_that_counts() -> None:
    for made in ({}, {"made_at": AT + timedelta(minutes=4)}, {"signers": ("b" * 64, SIGNER)}):
        found = scan(made)
        decision = judge(found)
        assert (decision.verdict, decision.inputs) == (Verdict.ALLOW, (found.digest,))
    assert judge(scan(), context=Context()).verdict is Verdict.DENY


@pytest.mark.parametrize(
    "spoil",
    [
        lambda p: p.pop("findings"),
        lambda p: p.pop("secrets"),
        lambda p: p.update(findings=[{"id": 1}]),
        lambda p: p.update(findings={}),
        lambda p: p["artifact"].update(digest=Digest.of(b"another")),
        lambda p: p.clear(),
        lambda p: p.update(unmatched=["x"] * 20_001),
    ],
)
def test_a_malformed_report_denies(spoil: Any) -> None:
    found = scan(findings=(finding(),))
    spoil(found.predicate)
    decision = judge(found)
    assert decision.verdict is Verdict.DENY
    assert decision.reasons[0].message.startswith("the scan cannot be read: ")


def test_the_newest_is_read() -> None:
    bad = (finding(severity=Severity.HIGH),)
    old, new = {"made_at": AT - timedelta(hours=9)}, {"made_at": AT - timedelta(hours=1)}
    for order in (1, -1):
        assert judge(*[scan(old), scan(new, findings=bad)][::order]).verdict is Verdict.DENY
        assert judge(*[scan(new), scan(old, findings=bad)][::order]).verdict is Verdict.ALLOW


def test_hiding_the_newest_brings_no_older_one_back() -> None:
    good = scan({"made_at": AT - timedelta(hours=9)})
    bad = scan(findings=(finding(severity=Severity.HIGH),))
    knowing = replace(CONTEXT, latest={"scan": bad.digest})
    assert judge(good).verdict is Verdict.ALLOW
    decision = judge(good, context=knowing)
    assert decision.verdict is Verdict.DENY
    assert decision.reasons[0].message == "the newest scan on record is not at hand"


def test_a_rule_that_cannot_be_evaluated_denies_and_says_so() -> None:
    broken = load_policy(
        policy_text("""
- name: broken
  boundaries: [curation]
  reads: {scan: {maxAge: 2d}}
  when: 1 / scan.findings > 0
  verdict: warn
  message: never
"""),
        file="broken",
    )
    decision = judge(scan(), policies=(broken,))
    assert decision.verdict is Verdict.DENY
    assert decision.reasons[0].message == "the rule cannot be evaluated: INVALID_ARGUMENT: divide by zero"


def test_same_input_same_bytes() -> None:
    evidence = [scan(findings=tuple(finding(n, severity=Severity.HIGH) for n in range(9))), sbom()]
    one = to_json(judge(*evidence, policies=(DEFAULT, OTHER)))
    again = to_json(judge(*evidence[::-1], policies=(load_profile(), OTHER)))
    assert one == again


def test_it_expires_with_the_first_thing_it_stands_on() -> None:
    assert judge(scan({"made_at": AT - timedelta(hours=3)})).expires_at == AT + timedelta(hours=45)
    assert judge(policies=(OTHER,)).expires_at == AT + timedelta(days=7)
    assert judge(policies=()).expires_at == AT
    soon = curated(Verdict.ALLOW, expires_at=AT + timedelta(minutes=1))
    decision = decide(Boundary.EXECUTION, SUBJECT, CONTEXT, [soon], [DEFAULT], AT)
    assert (decision.verdict, decision.expires_at) == (Verdict.ALLOW, AT + timedelta(minutes=1))


def test_many_findings_are_all_judged_and_the_rest_is_counted() -> None:
    count = MAX_REASONS_PER_RULE + 700
    findings = tuple(finding(n, severity=Severity.HIGH) for n in range(count))
    decision = judge(scan(findings=findings))
    assert [reason.message for reason in decision.reasons[:-1]] == [f"GHSA-{n:04}" for n in range(1000)]
    assert (decision.reasons[-1].message, decision.reasons[-1].verdict) == ("and 700 more", Verdict.DENY)
    mild = [finding(n, severity=Severity.NONE) for n in range(count)]
    (reason,) = judge(scan(findings=(*mild, finding(count, severity=Severity.HIGH)))).reasons
    assert reason.item == f"GHSA-{count} pkg:pypi/part{count}@1.0"


def test_what_is_shown_cannot_steer_a_terminal() -> None:
    hostile = finding(id="\x1b[2J\u202e" + "x" * 3000, severity=Severity.HIGH)
    (reason,) = judge(scan(findings=(hostile,))).reasons
    assert reason.message.startswith("\\x1b[2J\\u202e")
    assert len(reason.message) == 2000


def test_a_context_of_names_is_taken() -> None:
    context = replace(CONTEXT, repository=Repository("secret/app"), labels={"a": "b"})
    decision = judge(sbom(), policies=(OTHER,), context=context)
    assert [reason.message for reason in decision.reasons] == ["secret/app is closed"]


PIECES = st.fixed_dictionaries(
    {
        "findings": st.lists(
            st.builds(
                finding,
                st.integers(1, 3),
                severity=st.sampled_from(Severity),
                exploited=st.sampled_from([None, EXPLOITED]),
                fixed_version=st.sampled_from([None, "2.0"]),
                malicious=st.booleans(),
            ),
            max_size=3,
        ).map(tuple),
        "secrets": st.sampled_from([(), (SECRET,)]),
        "support": st.sampled_from([(), (ENDED,)]),
        "outcomes": st.sampled_from([(), (OUTCOME,)]),
    }
)
MADE = st.fixed_dictionaries(
    {
        "made_at": st.integers(-1, 12).map(lambda days: AT - timedelta(days=days)),
        "signers": st.sampled_from([(), (SIGNER,), ("b" * 64,)]),
        "subject": st.sampled_from([SUBJECT, SUBJECT, Digest.of(b"another")]),
    }
)
SCANS = st.builds(lambda made, parts: scan(made, **parts), MADE, PIECES)
SBOMS = st.builds(lambda made: sbom(**made), MADE)
VSAS = st.builds(lambda made, verdict: curated(verdict, made), MADE, st.sampled_from(Verdict))
CONTEXTS = st.builds(
    lambda roots: replace(CONTEXT, containers=tuple(ContainerContext(name="c", runs_as_root=r) for r in roots)),
    st.lists(st.booleans(), max_size=2),
)


def newest(evidence: list[Evidence]) -> dict[str, Digest]:
    """What a gate's own records would say of evidence that counts."""
    found: dict[str, Evidence] = {}
    for item in evidence:
        kind = "scan" if item.predicate_type == SCAN else "sbom" if "bomFormat" in item.predicate else "vsa"
        counts = item.subject == SUBJECT and SIGNER in item.signers and item.made_at <= AT
        if counts and (kind not in found or (item.made_at, item.digest) > (found[kind].made_at, found[kind].digest)):
            found[kind] = item
    return {kind: item.digest for kind, item in found.items()}


@pytest.mark.property
@settings(max_examples=300, deadline=None)
@given(
    boundary=st.sampled_from([Boundary.CURATION, Boundary.EXECUTION]),
    context=CONTEXTS,
    evidence=st.lists(st.one_of(SCANS, SBOMS, VSAS), max_size=5),
    policies=st.lists(st.sampled_from([DEFAULT, FLAWS, OTHER]), min_size=1, max_size=3),
    data=st.data(),
)
def test_knowing_less_never_helps(
    boundary: Boundary, context: Context, evidence: list[Evidence], policies: list[Policy], data: st.DataObject
) -> None:
    context = replace(context, latest=newest(evidence))
    before = decide(boundary, SUBJECT, context, evidence, policies, AT)
    kept = data.draw(st.lists(st.sampled_from(evidence), unique_by=id) if evidence else st.just([]))
    assert (
        before.verdict is not Verdict.DENY
        or decide(boundary, SUBJECT, context, kept, policies, AT).verdict is Verdict.DENY
    )
    trusting_nobody = replace(context, trusted=frozenset())
    after = decide(boundary, SUBJECT, trusting_nobody, evidence, policies, AT)
    assert before.verdict is not Verdict.DENY or after.verdict is Verdict.DENY


@pytest.mark.property
@settings(max_examples=150, deadline=None)
@given(
    boundary=st.sampled_from(Boundary),
    evidence=st.lists(st.one_of(SCANS, SBOMS, VSAS), max_size=4),
    policies=st.lists(st.sampled_from([DEFAULT, FLAWS, OTHER]), min_size=1, max_size=2),
    added=st.sampled_from([DEFAULT, FLAWS, OTHER]),
)
def test_another_policy_never_helps(
    boundary: Boundary, evidence: list[Evidence], policies: list[Policy], added: Policy
) -> None:
    before = decide(boundary, SUBJECT, CONTEXT, evidence, policies, AT)
    if before.verdict is Verdict.DENY and before.rules:
        after = decide(boundary, SUBJECT, CONTEXT, evidence, [*policies, added], AT)
        assert after.verdict is Verdict.DENY
        assert set(before.reasons) <= set(after.reasons)


def test_the_report_is_read_as_it_is_written() -> None:
    """Every field of a real report that rules can name arrives with its value."""
    policy = load_policy(
        policy_text("""
- name: all
  boundaries: [curation]
  reads: {scan: {maxAge: 2d}}
  when: >-
    image.os == "debian" && image.os_version == "12" && image.layers == 1 && image.user == "app" &&
    scan.components == 1 && scan.knowledge_sequence == 7 && scan.knowledge_age_hours == 5 && scan.age_hours == 1 &&
    scan.signers.size() == 1
  verdict: warn
  message: as written
"""),
        file="all",
    )
    assert report().knowledge is not None
    assert [reason.message for reason in judge(scan(), policies=(policy,)).reasons] == ["as written"]


@pytest.mark.parametrize(
    "when",
    [
        "finding . id == 'GHSA-0001'",
        "finding // the id\n    .id == 'GHSA-0001'",
        "finding.aliases.exists(finding, finding == 'CVE-2026-0001')",
        "finding.id == 'GHSA-0001' && 'finding.id' != finding.name",
        "finding.aliases.exists(a, a == 'CVE-2026-0001' && finding.layer.startsWith('sha256:'))",
    ],
)
def test_a_field_is_found_however_it_is_written(when: str) -> None:
    rules = f"""
- name: odd
  boundaries: [curation]
  reads: {{scan: {{maxAge: 2d}}}}
  each: findings
  when: |
    {when}
  verdict: warn
  message: "finding {{finding.location}}"
"""
    policy = load_policy(policy_text(rules), file="odd")
    (reason,) = judge(scan(findings=(finding(1), finding(2))), policies=(policy,)).reasons
    assert (reason.verdict, reason.message) == (Verdict.WARN, "finding usr/lib/x")
