# SPDX-License-Identifier: Apache-2.0
"""Cases that teams write: they say what was not as expected, and refuse what they do not know."""

import pytest
from policy_facts import policy_text

from tidegate.evidence import Verdict
from tidegate.policy.document import load_policies
from tidegate.policy.profile import load_profile
from tidegate.policy.testing import load_tests, run_tests
from tidegate.rules.reading import DocumentError


def cases(text: str, policy: str = "default") -> str:
    head = (
        f"apiVersion: tidegate.dev/v1\nkind: PolicyTest\nmetadata: {{name: t}}\nspec:\n  policy: {policy}\n  tests:\n"
    )
    return head + "\n".join(f"    {line}" for line in text.strip("\n").split("\n")) + "\n"


PASSING = """
- name: clean
  boundary: curation
  given: {scan: {}, sbom: {components: 3}}
  expect: {verdict: allow, rules: []}
- name: secret, root and an end
  boundary: curation
  at: 2026-06-01T00:00:00Z
  given:
    scan:
      age: 3d
      report:
        secrets: [{deleted: true, secret: {rule: token, path: a/b}}]
        configuration: {runs_as_root: true}
        support: [{product: debian, cycle: "10", ends: 2024-06-30}]
        unmatched: [CRAN]
    sbom: {}
  expect: {verdict: deny, rules: [secrets, root-user, end-of-life, unknown-ecosystem]}
- name: exploited, in short
  boundary: curation
  given:
    scan: {report: {findings: [{exploited: true}, {exploited: false}, {exploited: {ransomware: true}}]}}
    sbom: {}
  expect: {verdict: deny, rules: [known-exploited]}
- name: no SBOM
  boundary: curation
  given: {scan: {}}
  expect: {verdict: deny, rules: [evidence]}
- name: nothing known
  boundary: curation
  given: {scan: {report: {knowledge: null}}, sbom: {}}
  expect: {verdict: deny, rules: [knowledge]}
- name: running
  boundary: execution
  context: {repository: a/b, labels: {tier: web}, containers: [{name: web, runs_as_root: true}]}
  given: {vsa: {verdict: warn}}
  expect: {verdict: deny, rules: [root-container]}
"""


def test_cases_that_hold() -> None:
    tests = load_tests({"t.yaml": cases(PASSING)})
    results = run_tests([load_profile()], tests)
    assert [(result.test.name, result.problems) for result in results if not result.passed] == []
    assert len(results) == 6
    assert tests[5].context.labels == {"tier": "web"}


def test_cases_that_do_not_hold_say_why() -> None:
    text = """
- name: wrong
  boundary: curation
  given: {scan: {report: {findings: [{exploited: true}]}}, sbom: {}}
  expect: {verdict: allow, rules: [malicious, nonsense]}
"""
    (result,) = run_tests([load_profile()], load_tests({"t.yaml": cases(text)}))
    assert not result.passed
    assert result.decision is not None
    assert result.decision.verdict is Verdict.DENY
    assert result.problems == (
        "expected allow, got deny",
        "the policy has no rule 'nonsense'",
        "malicious should have objected",
        "known-exploited should not have objected",
    )
    (result,) = run_tests([load_profile()], load_tests({"t.yaml": cases(text, policy="defualt")}))
    assert result.problems == ("no policy is called 'defualt'; did you mean 'default'?",)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("{scan: {report: {findings: [{explioted: true}]}}}", "unknown key 'explioted'; did you mean 'exploited'?"),
        ("{scan: {report: {findings: [{severity: awful}]}}}", "severity"),
        ("{scan: {report: {findings: {}}}}", "expected a list"),
        ("{scan: {report: {findins: []}}}", "unknown key 'findins'; did you mean 'findings'?"),
        ("{scan: {signed: perhaps}}", "not true or false"),
        ("{scan: {age: long}}", "not a duration"),
        ("{sbom: {components: none}}", "not a whole number"),
        ("{vsa: {verdict: PASSED}}", "unknown verdict 'PASSED'"),
        ("{approval: {}}", "unknown key 'approval'"),
        ("{provenance: {builder: x}}", "unknown key 'builder'"),
    ],
)
def test_what_cannot_be_given(given: str, expected: str) -> None:
    text = f"- name: a\n  boundary: curation\n  given: {given}\n  expect: {{verdict: deny}}"
    with pytest.raises(DocumentError) as caught:
        load_tests({"t.yaml": cases(text)})
    assert expected in str(caught.value)
    assert str(caught.value).startswith("t.yaml:9:")


def test_documents_of_other_kinds_are_passed_over() -> None:
    policy = policy_text("- {name: a, boundaries: [curation], reads: {sbom: {maxAge: 1d}}}")
    both = policy + "---\n" + cases("- {name: c, boundary: curation, expect: {verdict: deny}}", policy="test")
    (result,) = run_tests(load_policies({"b": both}), load_tests({"b": both}))
    assert result.passed
    with pytest.raises(DocumentError, match="holds no tests"):
        load_tests({"t": cases("[]")})
