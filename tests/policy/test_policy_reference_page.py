# SPDX-License-Identifier: Apache-2.0
"""docs/reference/policy.md: its example works, and its tables are what the code knows."""

import re
from datetime import UTC, datetime
from pathlib import Path

from tidegate.evidence import Boundary
from tidegate.policy.document import load_policies
from tidegate.policy.explain import explain_policy
from tidegate.policy.fields import COLLECTIONS, EVIDENCE_KINDS, VARIABLES
from tidegate.policy.testing import load_tests, run_tests
from tidegate.rules.field import Variable

PAGE = Path(__file__).resolve().parents[2].joinpath("docs", "reference", "policy.md").read_text(encoding="utf-8")
EXAMPLE = PAGE.partition("```yaml\n")[2].partition("```")[0]


def test_the_example_loads_and_its_tests_pass() -> None:
    policies = load_policies({"policy.md": EXAMPLE})
    tests = load_tests({"policy.md": EXAMPLE})
    assert [policy.name for policy in policies] == ["team"]
    assert len(tests) == 5
    assert [(result.test.name, result.problems) for result in run_tests(policies, tests) if not result.passed] == []
    assert policies[0].exceptions[0].exceptions[0].ends_at == datetime(2026, 7, 1, tzinfo=UTC)


def test_the_example_is_explained() -> None:
    (policy,) = load_policies({"policy.md": EXAMPLE})
    exploited, _, bill, production = explain_policy(policy)
    assert exploited.reads == ("scan, at most 2 days old",)
    assert exploited.asked_of == "each of findings"
    assert exploited.objects_when.startswith("finding.exploited ||")
    assert (bill.objects_when, bill.verdict) == ("", "deny")
    assert production.boundaries == (Boundary.EXECUTION,)


def rows(first: str) -> list[str]:
    return re.findall(rf"^\| `{first}` \|.*$", PAGE, re.MULTILINE)


def fields(variable: Variable) -> str:
    return ", ".join(f"`{name}` {kind.value}" for name, kind in variable.fields.items())


def test_every_word_is_in_the_page() -> None:
    for variable in VARIABLES.values():
        assert f"| `{variable.name}` | {variable.evidence or 'nothing'} | {fields(variable)} |" in rows(variable.name)
    for name, collection in COLLECTIONS.items():
        item = collection.item
        assert f"| `{name}` | `{item.name}` | {item.evidence or 'nothing'} | {fields(item)} |" in rows(name)
    for kind in EVIDENCE_KINDS.values():
        assert any(line.endswith(f"| `{kind.made_by}` |") for line in rows(kind.name))
