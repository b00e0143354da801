# SPDX-License-Identifier: Apache-2.0
"""Policies of response as people write them."""

from datetime import timedelta

import pytest

from tidegate.errors import InvalidInputError
from tidegate.execution.observation import Act
from tidegate.execution.response_policy import DRASTIC, Severity, Step
from tidegate.execution.response_policy_file import load_response_policy

TEXT = """apiVersion: tidegate.dev/v1
kind: ResponsePolicy
metadata: {name: tests}
spec:
  rules:
    - name: foreign
      acts: [executed, fileless]
      namespaces: ["prod-*"]
      severity: critical
      steps: [label, isolate]
      alone: true
      workloadPercent: 100
  limits: {window: 1h, perNode: 3}
  approval: [isolate]
"""


def test_everything_that_can_be_said() -> None:
    policy = load_response_policy({"a.yaml": TEXT})
    (rule,) = policy.rules
    assert (rule.name, rule.acts, rule.namespaces) == (
        "foreign",
        frozenset({Act.EXECUTED, Act.FILELESS}),
        ("prod-*",),
    )
    assert (rule.severity, rule.steps, rule.alone) == (Severity.CRITICAL, (Step.LABEL, Step.ISOLATE), True)
    assert rule.workload_percent == 100
    assert (policy.limits.window, policy.limits.per_node) == (timedelta(hours=1), 3)
    assert policy.limits.namespace_percent == 25
    assert policy.approval == {Step.ISOLATE}


def test_without_a_file_drastic_steps_need_approval() -> None:
    assert load_response_policy({}).approval == DRASTIC


@pytest.mark.parametrize(
    ("was", "wrong", "told"),
    [
        ("kind: ResponsePolicy", "kind: Policy", "unknown kind 'Policy'"),
        ("[label, isolate]", "[label, isolates]", "unknown step 'isolates'"),
        ("executed, fileless", "executes", "unknown act 'executes'"),
        ("perNode: 3", "perNode: 0", "not a whole number"),
        ("perNode: 3", "perCluster: 0", "not a whole number"),
        ("[label, isolate]", "[label, evict]", "a sensor takes none of these steps by itself"),
        ("alone: true", "alone: perhaps", "neither true nor false"),
        ("workloadPercent: 100", "workloadPercent: 101", "not a whole number from 1 to 100"),
        ("severity: critical", "severe: critical", "unknown key 'severe'"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(was: str, wrong: str, told: str) -> None:
    with pytest.raises(InvalidInputError, match=told) as raised:
        load_response_policy({"a.yaml": TEXT.replace(was, wrong)})
    assert raised.value.where.startswith("a.yaml:")
