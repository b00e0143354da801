# SPDX-License-Identifier: Apache-2.0
"""How strict the execution gate is, from the settings."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from tidegate.assembly.gate import policy_texts
from tidegate.assembly.rule_text import rule_text
from tidegate.execution.admit import ExecutionGate
from tidegate.execution.gate import GateOptions
from tidegate.execution.placing.strategy_file import load_strategies
from tidegate.execution.pod_rule_file import load_pod_rules
from tidegate.execution.verdicts.issuing import VerdictIssue
from tidegate.settings import Settings


def gate_options(settings: Settings) -> GateOptions:
    """What the settings ask of workloads.

    Raises:
        TidegateError: a file is missing or wrong; names file, line and column.
    """
    said = settings.execution
    return GateOptions(
        rules=load_pod_rules(_texts(said.pod_rules_files)), strategies=load_strategies(_texts(said.placement_files))
    )


def build_verdicts(settings: Settings, gate: ExecutionGate) -> VerdictIssue:
    """Makes verdicts for webhooks elsewhere.

    Raises:
        TidegateError: a policy is missing.
    """
    lasting = timedelta(hours=settings.webhook.verdict_hours)
    return VerdictIssue(gate=gate, files=policy_texts(settings), lasting=lasting)


def _texts(paths: Sequence[Path]) -> dict[str, str]:
    return {str(path): rule_text(path) for path in paths}
