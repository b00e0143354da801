# SPDX-License-Identifier: Apache-2.0
"""Statements of others before the real judgement: what rules see of them, and that hiding one never helps."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample
from policy_facts import AT, CONTEXT, SIGNER, SUBJECT, evidence, policy_text

from tidegate.admission.gathered import gathered_of
from tidegate.artifact import Digest
from tidegate.evidence import (
    BEHAVIOUR,
    COMMITS,
    OPENVEX,
    PROVENANCE,
    REVIEW,
    SOURCE,
    TEST_RESULTS,
    VSA,
    Boundary,
    Decision,
    Evidence,
    PredicateType,
    Verdict,
)
from tidegate.evidence.predicates.kinds import kind_of
from tidegate.policy.context import Context
from tidegate.policy.decide import decide
from tidegate.policy.document import load_policies, load_policy
from tidegate.policy.fields import COLLECTIONS, EVIDENCE_KINDS, VARIABLES
from tidegate.policy.item import View
from tidegate.policy.several_views import view_several
from tidegate.policy.testing import load_tests, run_tests
from tidegate.policy.view import view_evidence
from tidegate.rules.field import FieldType

OTHER_SIGNER = "b" * 64
COMMIT = "c" * 40
TRUSTING = replace(CONTEXT, trusted=frozenset({SIGNER, OTHER_SIGNER}))
PAGE = Path(__file__).resolve().parents[2].joinpath("docs", "reference", "predicates.md").read_text(encoding="utf-8")
RULES = PAGE.partition("```yaml\n")[2].partition("```")[0]
(CARE,) = load_policies({"predicates.md": RULES})
TYPES: dict[FieldType, type] = {
    FieldType.STRING: str,
    FieldType.INT: int,
    FieldType.DOUBLE: float,
    FieldType.BOOL: bool,
    FieldType.STRINGS: list,
    FieldType.LABELS: dict,
}


def run_of(result: str = "PASSED", suite: str = "unit", **made: Any) -> Evidence:
    failed = 0 if result == "PASSED" else 1
    counts = {"passed": 3, "failed": failed, "skipped": 1}
    return evidence(TEST_RESULTS, {"result": result, "tool": "pytest", "suite": suite, "counts": counts}, **made)


def review(reviewer: str, decision: str = "approved", **made: Any) -> Evidence:
    said = {"reviewer": reviewer, "decision": decision, "authors": ["carl@example.com"], "scope": "image"}
    return evidence(REVIEW, said, **made)


def provenance(builder: str = "https://ci.example.com/builder", **made: Any) -> Evidence:
    material = {"uri": "git+https://host/a@main", "digest": {"gitCommit": COMMIT}}
    said = {
        "buildDefinition": {"buildType": "t", "resolvedDependencies": [material]},
        "runDetails": {"builder": {"id": builder}},
    }
    return evidence(PROVENANCE, said, **made)


def trail(*, passed: bool = True, **made: Any) -> Evidence:
    commit: dict[str, Any] = {
        "id": COMMIT,
        "author": "carl",
        "committer": "carl",
        "signature": "good",
        "signer": "carl",
    }
    commit |= {"reviewers": ["ann"], "problems": [] if passed else ["unsigned"]}
    said = {"repository": "r", "base": "", "tip": COMMIT, "count": 1, "signed": 1, "reviewed": 1, "passed": passed}
    return evidence(COMMITS, said | {"commits": [commit]}, **made)


def source(reviews: int = 1, **made: Any) -> Evidence:
    said: dict[str, Any] = {"repository": "https://host/a", "commit": COMMIT, "ref": "main"}
    said |= {"signature": {"form": "ssh", "verified": True, "signer": "carl"}}
    said |= {"protection": {"ref": "main", "requiredReviews": reviews, "forcePushBlocked": True}}
    return evidence(SOURCE, said, **made)


def behaviour(*deviations: str, **made: Any) -> Evidence:
    said = {"monitor": "m", "expectedBy": "p", "deviations": [{"kind": "exec", "what": it} for it in deviations]}
    return evidence(BEHAVIOUR, said, **made)


def summary(result: str = "PASSED", verifier: str = "https://v", **made: Any) -> Evidence:
    said = {"verifier": {"id": verifier}, "resourceUri": "r", "policy": {"uri": "p"}, "verificationResult": result}
    levels = ["SLSA_BUILD_LEVEL_3"] if result == "PASSED" else ["FAILED"]
    return evidence(VSA, said | {"verifiedLevels": levels, "timeVerified": "2026-01-01T00:00:00Z"}, **made)


def vex(status: str = "not_affected", **made: Any) -> Evidence:
    statement: dict[str, Any] = {
        "vulnerability": {"name": "CVE-2026-1"},
        "status": status,
        "products": [{"@id": "pkg:oci/a"}],
    }
    statement |= {"justification": "component_not_present"} if status == "not_affected" else {"action_statement": "x"}
    document = {"@context": OPENVEX[0], "@id": "https://doc", "author": "us", "statements": [statement]}
    return evidence(OPENVEX[0], document, **made)


ALL = (
    run_of(),
    review("ann@example.com"),
    review("bob@example.com", signers=(OTHER_SIGNER,)),
    provenance(),
    trail(),
    source(),
    behaviour(),
    summary(),
)


def judge(*given: Evidence, context: Context = TRUSTING, policy: Any = CARE) -> Decision:
    return decide(Boundary.CURATION, SUBJECT, context, given, [policy], AT)


def test_the_page_s_rules_let_a_careful_image_pass_and_its_tests_hold() -> None:
    assert judge(*ALL).verdict is Verdict.ALLOW
    assert [(it.test.name, it.problems) for it in run_tests([CARE], load_tests({"p": RULES})) if it.problems] == []


@pytest.mark.parametrize(
    ("left_out", "instead", "rule"),
    [
        (0, (run_of("FAILED"),), "tests-passed"),
        (0, (run_of(suite="e2e"),), "tests-passed"),
        (0, (run_of(), run_of("FAILED", suite="e2e")), "tests-passed"),
        (1, (), "two-others-approved"),
        (1, (review("carl@example.com"),), "two-others-approved"),
        (1, (review("CARL@example.com "),), "two-others-approved"),
        (1, (review("Bob@example.com"),), "two-others-approved"),
        (1, (review("ann@example.com", signers=(OTHER_SIGNER,)),), "two-others-approved"),
        (1, (review("ann@example.com", "commented"),), "two-others-approved"),
        (1, (review("ann@example.com"), review("dora@example.com", "rejected")), "two-others-approved"),
        (3, (provenance("https://elsewhere"),), "our-builder"),
        (4, (trail(passed=False),), "commits-were-checked"),
        (5, (source(0),), "branch-is-guarded"),
        (6, (behaviour("/bin/sh"),), "nothing-unexpected-ran"),
        (7, (summary("FAILED"),), "another-verifier-agrees"),
    ],
)
def test_each_rule_objects_to_what_it_is_for(left_out: int, instead: Sequence[Evidence], rule: str) -> None:
    kept = [item for at, item in enumerate(ALL) if at != left_out]
    decision = judge(*kept, *instead)
    assert decision.verdict is Verdict.DENY
    assert {reason.rule for reason in decision.reasons} == {rule}


def test_who_pushed_it_approves_nothing() -> None:
    for context in (replace(TRUSTING, pushed_by="ANN@example.com"), replace(TRUSTING, pushers=("ann@example.com",))):
        assert {reason.rule for reason in judge(*ALL, context=context).reasons} == {"two-others-approved"}


def test_a_newer_word_of_the_same_signer_takes_the_place_of_an_older() -> None:
    old: dict[str, Any] = {"made_at": AT - timedelta(hours=9)}
    new: dict[str, Any] = {"made_at": AT - timedelta(hours=1)}
    assert judge(*ALL, run_of("FAILED", **old)).verdict is Verdict.ALLOW
    assert judge(*ALL[1:], run_of(**old), run_of("FAILED", **new)).verdict is Verdict.DENY
    by_another = run_of("FAILED", signers=(OTHER_SIGNER,), **old)
    assert judge(*ALL, by_another).verdict is Verdict.DENY
    withdrawn = (review("ann@example.com", "rejected", **new), *ALL[2:], ALL[0])
    assert judge(review("ann@example.com", **old), *withdrawn).verdict is Verdict.DENY


def test_a_word_in_favour_fades_and_one_against_does_not() -> None:
    long_ago: dict[str, Any] = {"made_at": AT - timedelta(days=200)}
    faded = judge(*ALL[:1], review("ann@example.com", **long_ago), *ALL[2:])
    assert [reason.message for reason in faded.reasons] == ["1 people approved who neither wrote nor pushed it"]
    assert judge(*ALL, review("dora@example.com", "rejected", **long_ago)).verdict is Verdict.DENY
    assert judge(*ALL, run_of("FAILED", suite="e2e", **long_ago)).verdict is Verdict.DENY
    all_faded = judge(run_of(**long_ago), *ALL[1:])
    assert all_faded.reasons[0].message == "the tests is 200 days old, at most 30 days is accepted"


def test_it_expires_with_the_first_word_in_favour_that_fades() -> None:
    older = review("bob@example.com", signers=(OTHER_SIGNER,), made_at=AT - timedelta(days=89))
    decision = judge(*ALL[:2], older, *ALL[3:])
    assert (decision.verdict, decision.expires_at) == (Verdict.ALLOW, AT + timedelta(days=1))


def test_rules_with_different_ages_each_see_their_own() -> None:
    policy = load_policy(
        policy_text("""
- {name: young, boundaries: [curation], reads: {reviews: {maxAge: 2d}}, when: reviews.approvals != 1,
   verdict: deny, message: "{reviews.approvals}"}
- {name: old, boundaries: [curation], reads: {reviews: {maxAge: 20d}}, when: reviews.approvals != 2,
   verdict: deny, message: "{reviews.approvals}"}
- {name: each-young, boundaries: [curation], reads: {reviews: {maxAge: 2d}}, each: review_list,
   when: review.reviewer != "ann", verdict: deny, message: "{review.reviewer}"}
- {name: each-old, boundaries: [curation], reads: {reviews: {maxAge: 20d}}, each: review_list,
   when: review.reviewer == "bob", verdict: deny, message: "{review.reviewer}"}
"""),
        file="ages",
    )
    decision = judge(review("ann"), review("bob", made_at=AT - timedelta(days=9)), policy=policy)
    assert [(reason.rule, reason.message) for reason in decision.reasons] == [("each-old", "bob")]


def test_what_cannot_be_read_denies() -> None:
    for bad in (
        evidence(TEST_RESULTS, {"result": "PASSED", "counts": {"failed": 3}}),
        evidence(REVIEW, {"decision": "approved"}),
        evidence(VSA, {"verifier": {}}),
    ):
        decision = judge(*ALL, bad)
        assert decision.verdict is Verdict.DENY
        assert "cannot be read" in decision.reasons[0].message


def members(view: View, name: str) -> Sequence[Any]:
    found = view.collections[name]()
    return found.values(COLLECTIONS[name].item.fields)


@pytest.mark.parametrize("item", [*ALL, vex()], ids=lambda it: kind_of(it.predicate_type, it.predicate))
def test_every_field_has_a_value_of_its_type(item: Evidence) -> None:
    kind = kind_of(item.predicate_type, item.predicate)
    several = EVIDENCE_KINDS[kind].several
    view = view_several(kind, [item], TRUSTING, AT) if several else view_evidence(kind, item, AT)
    values = view.variables[kind]
    assert {name: type(value) for name, value in values.items()} == {
        name: TYPES[type_] for name, type_ in VARIABLES[kind].fields.items()
    }
    for name, collection in COLLECTIONS.items():
        if collection.item.evidence == kind:
            for member in members(view, name):
                assert {key: type(value) for key, value in member.items() if key != "index"} == {
                    key: TYPES[type_] for key, type_ in collection.item.fields.items()
                }


def test_vex_of_others_is_counted() -> None:
    view = view_several("vex", [vex(), vex("affected", signers=(OTHER_SIGNER,))], TRUSTING, AT)
    assert (view.variables["vex"]["affected"], view.variables["vex"]["not_affected"]) == (1, 1)
    assert [(it["id"], it["status"]) for it in members(view, "vex_statements")] == [
        ("CVE-2026-1", "not_affected"),
        ("CVE-2026-1", "affected"),
    ]


MADE = st.fixed_dictionaries(
    {
        "made_at": st.sampled_from([0.01, 0.02, 2, 40, 400]).map(lambda days: AT - timedelta(days=days)),
        "signers": st.sampled_from([(SIGNER,), (OTHER_SIGNER,), ("f" * 64,), ()]),
        "subject": st.sampled_from([SUBJECT, SUBJECT, SUBJECT, Digest.of(b"another")]),
    }
)
PEOPLE = st.sampled_from(["ann@example.com", "bob@example.com", "carl@example.com", "Bob@example.com"])
STATEMENTS = st.one_of(
    st.builds(
        lambda made, r, s: run_of(r, s, **made),
        MADE,
        st.sampled_from(["PASSED", "FAILED"]),
        st.sampled_from(["unit", "e2e"]),
    ),
    st.builds(
        lambda made, w, d: review(w, d, **made), MADE, PEOPLE, st.sampled_from(["approved", "approved", "rejected"])
    ),
    st.builds(lambda made, b: provenance(b, **made), MADE, st.sampled_from(["https://ci.example.com/builder", "x"])),
    st.builds(lambda made, p: trail(passed=p, **made), MADE, st.booleans()),
    st.builds(lambda made, n: source(n, **made), MADE, st.integers(0, 1)),
    st.builds(lambda made, d: behaviour(*d, **made), MADE, st.sampled_from([(), ("/bin/sh",)])),
    st.builds(
        lambda made, r, v: summary(r, v, **made),
        MADE,
        st.sampled_from(["PASSED", "FAILED"]),
        st.sampled_from(["v", "w"]),
    ),
    st.builds(lambda made, s: vex(s, **made), MADE, st.sampled_from(["not_affected", "affected"])),
    st.builds(
        lambda made, t: evidence(t, {"result": 5}, **made),
        MADE,
        st.sampled_from([TEST_RESULTS, REVIEW, PredicateType("x")]),
    ),
)
SETS = st.one_of(
    st.lists(STATEMENTS, max_size=6),
    st.lists(STATEMENTS, min_size=1, max_size=3).map(lambda more: [*more, *ALL]),
)
"""Anything, and a few things beside all that a careful image has."""
POLICIES = st.lists(
    st.sampled_from([CARE, *(replace(CARE, rules=(rule,)) for rule in CARE.rules)]), min_size=1, max_size=2
)


def knowing(given: Sequence[Evidence]) -> Context:
    """A gate whose record holds all of this, as `tidegate.admission` tells `decide`."""
    counting = [it for it in given if it.subject == SUBJECT and not TRUSTING.trusted.isdisjoint(it.signers)]
    found = gathered_of(sorted(counting, key=lambda it: (it.made_at, it.digest)))
    return replace(TRUSTING, latest=found.newest, known=found.known)


def helped(given: Sequence[Evidence], kept: Sequence[Evidence], policies: Any, context: Context) -> bool:
    before = decide(Boundary.CURATION, SUBJECT, context, given, policies, AT)
    after = decide(Boundary.CURATION, SUBJECT, context, kept, policies, AT)
    return before.verdict is Verdict.DENY and after.verdict is not Verdict.DENY


@st.composite
def hidings(draw: st.DrawFn) -> tuple[list[Evidence], list[Evidence], Any]:
    given = draw(SETS)
    hidden = draw(st.sets(st.integers(0, max(0, len(given) - 1)), max_size=2) | st.just({0}))
    return given, [it for at, it in enumerate(given) if at not in hidden], draw(POLICIES)


@pytest.mark.property
@settings(max_examples=400, deadline=None)
@given(hidings())
def test_hiding_statements_never_turns_a_deny_into_an_allow(hiding: tuple[list[Evidence], list[Evidence], Any]) -> None:
    given, kept, policies = hiding
    assert not helped(given, kept, policies, knowing(given))
    # Nor does trusting fewer keys, whatever is at hand.
    nobody = replace(knowing(given), trusted=frozenset())
    assert decide(Boundary.CURATION, SUBJECT, nobody, given, policies, AT).verdict is Verdict.DENY


@pytest.mark.property
@pytest.mark.parametrize("forgotten", ["known", "latest"])
def test_a_gate_that_forgot_what_it_knows_would_be_helped(forgotten: str) -> None:
    """The property above can fail: without what the record tells, hiding a word against the image lets it through."""

    def is_helped(hiding: tuple[list[Evidence], list[Evidence], Any]) -> bool:
        given, kept, policies = hiding
        nothing: dict[str, Any] = {forgotten: {}}
        return helped(given, kept, policies, replace(knowing(given), **nothing))

    try:
        find(hidings(), is_helped, settings=settings(max_examples=3000, deadline=None, derandomize=True))
    except NoSuchExample:
        pytest.fail("hiding never helped even so: the test above cannot fail")


def test_every_rule_of_the_page_names_a_kind_that_is_told_here() -> None:
    read = {kind for rule in CARE.rules for kind in rule.reads}
    assert read == {"tests", "reviews", "provenance", "commits", "source", "behaviour", "summaries"}
    assert re.findall(r"^\| `.*` \| `(\w+)` \| anybody", PAGE, re.MULTILINE).count("tests") == 2
