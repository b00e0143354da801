# SPDX-License-Identifier: Apache-2.0
"""A pod against the rule that holds for it: the standards, the house's own controls, and exceptions. Pure."""

from datetime import datetime
from typing import Final

from tidegate.evidence import Reason, Verdict
from tidegate.execution.house_controls import house_violations
from tidegate.execution.pod_rules import PodRule, PodRules
from tidegate.execution.standards import Violation, violations
from tidegate.execution.workload import Workload
from tidegate.execution.workload_terms import WORKLOAD, workload_values

_STANDARD: Final = "execution/pod-security"
_HOUSE: Final = "execution/pod-rule"


def judge_pod(
    workload: Workload, rule: PodRule, rules: PodRules, *, asks_api: bool, at: datetime | None
) -> tuple[tuple[Violation, ...], tuple[Reason, ...]]:
    """What a workload is set up with that is not allowed, and the same as reasons.

    Args:
        workload: as it would run.
        rule: that holds for it.
        rules: all of them, for their exceptions.
        asks_api: one of its images was seen to ask the API server.
        at: the moment; with None no exception holds.

    Returns:
        What no exception silences; and all of it as reasons, with the exception's name where there is one.
    """
    may_have_token = asks_api or has_token(workload, rule)
    found = (
        *violations(workload, rule.level, rule.version),
        *house_violations(workload, rule, may_have_token=may_have_token),
    )
    values = workload_values(workload) if found and rules.exceptions else {}
    excepted = [_exception(workload, one, rules, values, at) for one in found]
    reasons = tuple(_reason(one, rule, by) for one, by in zip(found, excepted, strict=True))
    return tuple(one for one, by in zip(found, excepted, strict=True) if not by), reasons


def has_token(workload: Workload, rule: PodRule) -> bool:
    """True when the rule leaves this workload the token of the API server."""
    return rule.token_when is not None and rule.token_when.holds({WORKLOAD.name: workload_values(workload)})


def _exception(
    workload: Workload, found: Violation, rules: PodRules, values: dict[str, object], at: datetime | None
) -> str:
    if at is None:
        return ""
    return next((one.name for one in rules.exceptions if one.covers(workload, found, values, at)), "")


def _reason(found: Violation, rule: PodRule, excepted_by: str) -> Reason:
    place = f"container {found.container}: " if found.container else ""
    source = f"{found.level} standard" if found.level else f"rule {rule.name}"
    return Reason(
        rule=f"{_STANDARD if found.level else _HOUSE}/{found.control}",
        verdict=Verdict.DENY,
        message=f"{place}{found.message} ({source}, {found.control})",
        item=found.path,
        fix=found.fix,
        excepted_by=excepted_by,
    )
