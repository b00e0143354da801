# SPDX-License-Identifier: Apache-2.0
"""Rules of the execution gate in two parts: what they ask of the image is judged ahead, what of the workload is not.

A rule that needs evidence and asks of the workload too can be judged nowhere: evidence lies with the server, the
workload with the cluster. It denies, and says that it is to be parted in two.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from tidegate.artifact import Digest
from tidegate.evidence import Boundary, Decision, PolicyRef, Reason, Verdict
from tidegate.policy.context import Context
from tidegate.policy.decide import decide
from tidegate.policy.document import load_policies
from tidegate.policy.rule import Policy, Rule
from tidegate.values import Struct
from tidegate.values import replace as changed

_OF_THE_WORKLOAD: Final = re.compile(r"\b(?:context|containers?)\b")
_CONTAINERS: Final = "containers"


class WorkloadRules(Struct, frozen=True, kw_only=True):
    """What policies ask of workloads at the execution gate.

    Attributes:
        policies: with those rules alone.
        refs: of all policies in force.
    """

    policies: tuple[Policy, ...]
    refs: tuple[PolicyRef, ...]

    def reasons(self, subject: Digest, context: Context, at: datetime) -> tuple[Reason, ...]:
        """What they say of one image in one workload."""
        if not self.policies:
            return ()
        return decide(Boundary.EXECUTION, subject, context, (), self.policies, at).reasons


def workload_rules(files: Mapping[str, str]) -> WorkloadRules:
    """The rules that ask of workloads and need no evidence.

    Args:
        files: text of policies and exceptions by name.

    Raises:
        DocumentError: something in them is wrong.
    """
    policies = load_policies(files)
    parted = [
        replace(policy, rules=rules)
        for policy in policies
        if (rules := tuple(rule for rule in _standing(policy) if asks_of_workload(rule) and not rule.reads))
    ]
    return WorkloadRules(policies=tuple(parted), refs=tuple(ref for policy in policies for ref in policy.refs))


def asks_of_workload(rule: Rule) -> bool:
    """True for a rule whose answer depends on what runs the image."""
    return (rule.each is not None and rule.each.name == _CONTAINERS) or bool(_OF_THE_WORKLOAD.search(rule.when))


def image_part(decision: Decision, policies: Sequence[Policy]) -> Decision:
    """What of a decision holds wherever the image runs: without the word of rules that ask of workloads."""
    standing = [rule for policy in policies for rule in _standing(policy)]
    of_images = {rule.name for rule in standing if not asks_of_workload(rule)}
    # A name that two policies use for either is not told apart: then its word counts.
    apart = {rule.name for rule in standing if asks_of_workload(rule)} - of_images
    both = sorted({rule.name for rule in standing if asks_of_workload(rule) and rule.reads})
    kept = (
        *(reason for reason in decision.reasons if reason.rule not in apart),
        *(_cannot_be_judged(name) for name in both),
    )
    counting = [reason.verdict for reason in kept if not reason.excepted_by]
    verdict = max(counting, key=lambda one: one.rank, default=Verdict.ALLOW)
    return changed(decision, reasons=kept, verdict=verdict)


def _standing(policy: Policy) -> list[Rule]:
    return [rule for rule in policy.rules if Boundary.EXECUTION in rule.boundaries]


def _cannot_be_judged(name: str) -> Reason:
    return Reason(
        rule=name,
        verdict=Verdict.DENY,
        message=f"the rule {name} asks of evidence and of the workload at once, which nobody can judge ahead",
        fix="part it in two rules, one of which reads evidence",
    )
