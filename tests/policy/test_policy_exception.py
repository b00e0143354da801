# SPDX-License-Identifier: Apache-2.0
"""Exceptions: who may make them, what they cover, and for how long."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from policy_facts import AT, CONTEXT, EXPLOITED, SUBJECT, finding, policy_text, scan

from tidegate.evidence import Boundary, Decision, Reason, Verdict
from tidegate.policy.decide import decide
from tidegate.policy.document import load_policies
from tidegate.policy.exception import PolicyException, expired_exceptions
from tidegate.policy.explain import Part, explain_decision, group_reasons
from tidegate.policy.item import Item
from tidegate.policy.rule import Policy
from tidegate.rules.reading import DocumentError
from tidegate.values import replace as with_changes

POLICY = policy_text("""
- name: exploited
  boundaries: [curation]
  reads: {scan: {maxAge: 7d}}
  each: findings
  when: finding.exploited
  verdict: deny
  message: "{finding.id} is exploited"
- name: elsewhere
  boundaries: [execution]
  when: context.cluster == "x"
  verdict: warn
  message: no
""")
FIELDS = {
    "name": "e",
    "rule": "exploited",
    "items": "[CVE-2026-0001]",
    "owner": "ann",
    "approver": "bob",
    "reason": "not reachable",
    "granted": "2026-05-01",
    "expires": "2026-06-30",
}


def exceptions(**changes: str | None) -> str:
    fields = {name: value for name, value in {**FIELDS, **changes}.items() if value is not None}
    body = "".join(f"      {name}: {value}\n" for name, value in fields.items())
    head = "---\napiVersion: tidegate.dev/v1\nkind: Exceptions\nmetadata: {name: team}\n"
    return f"{head}spec:\n  policy: test\n  exceptions:\n    -\n{body}"


def load(**changes: str | None) -> Policy:
    (policy,) = load_policies({"p.yaml": POLICY, "e.yaml": exceptions(**changes)})
    return policy


def judge(policy: Policy, *, at: Any = AT, context: Any = CONTEXT) -> Decision:
    made = {"made_at": at - timedelta(hours=1)}
    return decide(
        Boundary.CURATION, SUBJECT, context, [scan(made, findings=(finding(exploited=EXPLOITED),))], [policy], at
    )


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"items": "[GHSA-0001]"},
        {"items": '["CVE-2026-*"]'},
        {"items": None, "packages": '["pkg:pypi/part1@*"]'},
        {"items": None, "packages": "[part1]"},
        {"items": None, "repositories": '["team/*"]'},
        {"packages": "[part1]", "repositories": "[team/app]"},
    ],
)
def test_it_silences_what_it_covers(changes: dict[str, str | None]) -> None:
    policy = load(**changes)
    decision = judge(policy)
    assert decision.verdict is Verdict.ALLOW
    (reason,) = decision.reasons
    assert (reason.verdict, reason.excepted_by) == (Verdict.DENY, "e")
    assert [ref.name for ref in decision.policies] == ["test", "test/team"]


@pytest.mark.parametrize(
    "changes",
    [
        {"items": "[CVE-2026-0002]"},
        {"items": '["cve-2026-0001"]'},
        {"packages": "[part2]"},
        {"repositories": "[other/app]"},
        {"rule": "elsewhere"},
    ],
)
def test_it_silences_nothing_else(changes: dict[str, str | None]) -> None:
    policy = load(**changes)
    decision = judge(policy)
    assert decision.verdict is Verdict.DENY


def test_it_holds_from_its_first_day_to_the_end_of_its_last() -> None:
    policy = load()
    start, end = AT.replace(month=5, day=1, hour=0), AT.replace(month=7, day=1, hour=0)
    second = timedelta(seconds=1)
    assert judge(policy, at=start).verdict is Verdict.ALLOW
    assert judge(policy, at=end - second).verdict is Verdict.ALLOW
    assert judge(policy, at=end - second).expires_at == end
    for moment in (start - second, end):
        decision = judge(policy, at=moment)
        assert decision.verdict is Verdict.DENY
        assert decision.reasons[0].message.endswith("(exception e holds from 2026-05-01 to 2026-06-30)")
    assert expired_exceptions(policy.exceptions, end - second) == ()
    assert [one.name for one in expired_exceptions(policy.exceptions, end)] == ["e"]


@pytest.mark.parametrize("pusher", ["bob", "BOB", " Bob "])
def test_who_pushed_cannot_have_approved(pusher: str) -> None:
    decision = judge(load(), context=replace(CONTEXT, pushed_by=pusher))
    assert decision.verdict is Verdict.DENY
    assert decision.reasons[0].message.endswith("(exception e was approved by who pushed the image)")


def test_missing_evidence_is_never_excepted() -> None:
    policy = load(items=None, repositories='["*"]')
    assert decide(Boundary.CURATION, SUBJECT, CONTEXT, [], [policy], AT).verdict is Verdict.DENY


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"rule": "exploted"}, "policy 'test' has no rule 'exploted'; did you mean 'exploited'?"),
        ({"approver": "ANN"}, "the owner cannot approve"),
        ({"approver": None}, "the key 'approver' is missing"),
        ({"approver": '" "'}, "the approver is empty"),
        ({"expires": None}, "the key 'expires' is missing"),
        ({"expires": "tomorrow"}, "not a date: 'tomorrow'"),
        ({"expires": "2026-07-31"}, "lasts 91 days; at most 90 days, the policy's maxExceptionDays"),
        ({"expires": "2026-04-30"}, "expires before it is granted"),
        ({"reason": '""'}, "the reason is empty"),
        ({"items": None}, "matches everything"),
        ({"until": "x"}, "unknown key 'until'"),
    ],
)
def test_exceptions_nobody_may_make(changes: dict[str, str | None], expected: str) -> None:
    with pytest.raises(DocumentError) as caught:
        load(**changes)
    assert expected in str(caught.value)
    assert str(caught.value).startswith("e.yaml:")


def test_exceptions_to_nothing() -> None:
    with pytest.raises(DocumentError, match="no policy is called 'test'"):
        load_policies({"e.yaml": exceptions()})


def test_a_decision_is_explained() -> None:
    policy = load()
    first, second = explain_decision([policy], judge(policy))
    assert (first.part, first.why) == (Part.EXCEPTED, "all it objects to is excepted by e")
    assert second.part is Part.ELSEWHERE
    without = load(items="[other]")
    first, _ = explain_decision([without], judge(without))
    assert (first.part, first.why) == (Part.OBJECTED, "GHSA-0001 is exploited")
    clean = decide(Boundary.CURATION, SUBJECT, CONTEXT, [scan()], [policy], AT)
    first, _ = explain_decision([policy], clean)
    assert (first.part, first.why) == (Part.SATISFIED, "true of nothing: finding.exploited")
    (changed,) = load_policies({"p": POLICY + "# changed\n"})
    assert explain_decision([changed], clean)[0].part is Part.UNHEARD


def test_reasons_that_say_the_same_are_grouped() -> None:
    (policy,) = load_policies({"p": POLICY})
    (other,) = load_policies({"q": POLICY.replace("name: test", "name: q").replace("name: exploited", "name: again")})
    decision = decide(Boundary.CURATION, SUBJECT, CONTEXT, [], [policy, other], AT)
    (group,) = group_reasons(decision.reasons)
    assert group.rules == ("exploited", "again")
    assert group.reason.message == "there is no scan of this artifact"


def test_what_packages_of_one_source_share_is_said_once() -> None:
    shared = Reason(
        rule="critical-and-fixable", verdict=Verdict.DENY, message="CVE-1 in tide 1-1 is critical", fix="update"
    )
    told = [with_changes(shared, item=f"CVE-1 pkg:deb/{name}") for name in ("tide", "libtide1", "tide")]
    (group,) = group_reasons(told)
    assert group.items == ("CVE-1 pkg:deb/tide", "CVE-1 pkg:deb/libtide1")
    assert len(group_reasons([*told, with_changes(shared, message="another")])) == 2


PERMISSION = PolicyException(
    name="x",
    rule="secrets",
    items=(),
    packages=(),
    repositories=("team/*",),
    owner="bob",
    approver="eve",
    reason="r",
    granted=date(2026, 1, 1),
    expires=date(2026, 2, 1),
)


def test_anybody_who_pushed_it_cannot_have_approved() -> None:
    many = replace(CONTEXT, pushed_by="ann", pushers=("ann", "Eve"))
    assert PERMISSION.may_serve(replace(CONTEXT, pushed_by="ann"))
    assert not PERMISSION.may_serve(many)


def test_an_exception_for_a_repository_must_be_for_every_one_that_holds_the_image() -> None:
    here = replace(CONTEXT, repository="team/app", repositories=("team/app",))
    both = replace(CONTEXT, repository="team/app", repositories=("team/app", "prod/app"))
    item = Item(shown="CVE-1", names=frozenset({"CVE-1"}))
    assert PERMISSION.covers("secrets", item, here)
    assert not PERMISSION.covers("secrets", item, both)
