# SPDX-License-Identifier: Apache-2.0
"""What is wrong in a policy is said with file, line and column."""
# ruff: noqa: E501 - a case a line reads best

import pytest
from policy_facts import policy_text

from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.policy.document import load_policies, load_policy
from tidegate.rules.marked_yaml import MAX_DOCUMENT_BYTES
from tidegate.rules.reading import DocumentError

GOOD = """
- name: one
  boundaries: [curation]
  reads: {scan: {maxAge: 7d}}
  each: findings
  when: finding.exploited
  verdict: deny
  message: "{finding.id}"
"""


def complaint(old: str, new: str) -> str:
    assert old in GOOD
    with pytest.raises(DocumentError) as caught:
        load_policy(policy_text(GOOD.replace(old, new)), file="p.yaml")
    return str(caught.value)


def test_the_good_one_is_good() -> None:
    policy = load_policy(policy_text(GOOD), file="p.yaml")
    assert [rule.name for rule in policy.rules] == ["one"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("finding.exploited", "finding.explioted", "p.yaml:10:20: undeclared reference to 'finding.explioted'; did you mean 'exploited'?"),
        ("finding.exploited", "finding.severity > 3", "p.yaml:10:30: found no matching overload for '_>_' applied to '(string, int)'"),
        ("finding.exploited", "finding.id", "p.yaml:10:13: is string, not true or false"),
        ("finding.exploited", "finding.exploited &&", "p.yaml:10:33: Syntax error"),
        ("finding.exploited", "finding", "p.yaml:10:13: undeclared reference to 'finding'; name one of its fields, like finding.id"),
        ("finding.exploited", "sbom.components > 0", "p.yaml:10:17: undeclared reference to 'sbom.components'; add sbom to what the rule reads"),
        ("finding.exploited", "findings.exists(f, true)", "undeclared reference to 'findings'; did you mean 'finding'?"),
        ("finding.exploited", "true) || (false", "p.yaml:10:17: Syntax error"),
        ("finding.exploited", "items == items", "undeclared reference to 'items'"),
        ("finding.exploited", '"finding.explioted"', "p.yaml:10:21: undeclared"),
        ("finding.exploited", "|\n    true &&\n      finding.explioted", "p.yaml:12:18: undeclared"),
        ("finding.exploited", ">\n    true &&\n    finding.explioted", "p.yaml:10:13: undeclared"),
        ("{finding.id}", "x {finding.id} {finding.idd}", "p.yaml:12:40: undeclared reference to 'finding.idd'; did you mean 'id'?"),
        ("{finding.id}", "{finding.aliases}", "p.yaml:12:16: {finding.aliases} is list<string> and cannot be shown"),
        ("{finding.id}", "{finding.id", "a { without its }; write {{ for a brace"),
        ("{finding.id}", "finding.id}", "a } without its {; write }} for a brace"),
        ("each: findings", "each: findngs", "p.yaml:9:13: unknown collection 'findngs'; did you mean 'findings'?"),
        ("reads: {scan", "reads: {scna", "p.yaml:8:15: unknown key 'scna'; did you mean 'scan'?"),
        ("{scan: {maxAge: 7d}}", "{sbom: {maxAge: 7d}}", "p.yaml:9:13: findings come from a scan it does not read; add scan to reads"),
        ("maxAge: 7d", "maxAge: 7", "p.yaml:8:30: not a duration: '7'"),
        ("maxAge: 7d", "", "the key 'maxAge' is missing"),
        ("[curation]", "[curaton]", "p.yaml:7:20: unknown boundary 'curaton'; did you mean 'curation'?"),
        ("[curation]", "[]", "p.yaml:6:7: the key 'boundaries' is missing"),
        ("verdict: deny", "verdict: allow", "p.yaml:11:16: an objection cannot allow; write warn or deny"),
        ("verdict: deny", "verdict: refuse", "p.yaml:11:16: unknown verdict 'refuse'"),
        ("verdict: deny", "verdct: deny", "p.yaml:11:7: unknown key 'verdct'; did you mean 'verdict'?"),
        ("verdict: deny", "name: two", "p.yaml:11:7: the key 'name' stands here a second time; it is on line 6 already"),
        ("name: one", "name: One!", "p.yaml:6:13: not a name: 'One!'"),
        ("  when: finding.exploited\n", "", "p.yaml:6:7: the key 'when' is missing"),
        ('  message: "{finding.id}"\n', "", "the key 'message' is missing"),
        ("each: findings", "each: &a findings", "p.yaml:9:13: an anchor or a tag"),
        ("each: findings", "each: !!str findings", "p.yaml:9:13: an anchor or a tag"),
        ("each: findings", "each: *a", "p.yaml:9:13: an alias"),
        ("each: findings", "each: [findings]", "p.yaml:9:13: expected text"),
        ("each: findings", "each: {", "not YAML"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(old: str, new: str, expected: str) -> None:
    try:
        text = complaint(old, new)
    except InvalidInputError as error:  # not YAML at all
        text = str(error)
    assert expected in text


def test_every_defect_is_collected() -> None:
    rules = GOOD.replace("finding.exploited", "finding.nope").replace("{finding.id}", "{finding.nor}") + GOOD.replace(
        "name: one", "name: two"
    ).replace("deny", "block")
    with pytest.raises(DocumentError, match=r"\(and 2 more\)") as caught:
        load_policy(policy_text(rules), file="p.yaml")
    assert [defect.where.rsplit(":", 1)[0] for defect in caught.value.defects] == [
        "p.yaml:10",
        "p.yaml:12",
        "p.yaml:19",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "holds 0 policies"),
        ("just text", "expected keys and values"),
        ("a: 1", "the key 'apiVersion' is missing"),
        ("apiVersion: tidegate.dev/v2\nkind: Policy", "a.yaml:1:13: unknown apiVersion"),
        ("apiVersion: tidegate.dev/v1\nkind: Polcy", "a.yaml:2:7: unknown kind 'Polcy'"),
        (policy_text(GOOD).replace("rules:", "ruls:"), "unknown key 'ruls'; did you mean 'rules'?"),
        (policy_text("[]").replace("    []", "    []"), "a policy without rules"),
        (policy_text(GOOD + GOOD), "two rules are called 'one'"),
        (policy_text(GOOD) + "---\n" + policy_text(GOOD), "a second policy is called 'test'"),
        (policy_text(GOOD) + "extra: 1\n", "unknown key 'extra'"),
    ],
)
def test_documents_that_are_none(text: str, expected: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        load_policy(text, file="a.yaml")
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    "text", ["[" * 200_000, "- " * 100_000, "a: " * 30 + "{", "{a: " * 30 + "1" + "}" * 30, "\x00", "a: \x1b", "\ud800"]
)
def test_hostile_documents_are_refused_quickly(text: str) -> None:
    with pytest.raises(InvalidInputError):
        load_policies({"h.yaml": text})


def test_documents_have_bounds() -> None:
    with pytest.raises(BoundExceededError, match="MAX_DOCUMENT_BYTES"):
        load_policies({"h.yaml": "#" * (MAX_DOCUMENT_BYTES + 1)})
    with pytest.raises(BoundExceededError, match="MAX_NODES"):
        load_policies({"h.yaml": "[" + "a," * 50_001 + "]"})
    with pytest.raises(BoundExceededError, match="MAX_RULES"):
        load_policies({"h.yaml": policy_text("\n".join(["- {name: a}"] * 501))})


def test_a_condition_may_end_in_a_comment_and_braces_are_written_twice() -> None:
    text = GOOD.replace("finding.exploited", "|\n    finding.exploited // really").replace(
        "{finding.id}", "{{{finding.id}}}"
    )
    policy = load_policy(policy_text(text), file="p.yaml")
    assert policy.rules[0].when == "finding.exploited // really"
