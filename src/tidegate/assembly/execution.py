# SPDX-License-Identifier: Apache-2.0
"""How strict the execution gate is, from the settings."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.admission.gate import Gate
from tidegate.assembly.gate import policy_texts
from tidegate.assembly.names import resolve_reference
from tidegate.assembly.rule_text import rule_text
from tidegate.clock import Clock
from tidegate.execution.admit import ExecutionGate
from tidegate.execution.configuration.rule_file import load_configuration_rules
from tidegate.execution.gate import GateOptions
from tidegate.execution.placing.strategy_file import load_strategies
from tidegate.execution.pod_rule_file import load_pod_rules
from tidegate.execution.verdicts.issuing import VerdictIssue
from tidegate.settings import Settings
from tidegate.storage.database import Database

if TYPE_CHECKING:
    from tidegate.scan.secrets.detector import SecretDetector


def gate_options(settings: Settings) -> GateOptions:
    """What the settings ask of workloads.

    Raises:
        TidegateError: a file is missing or wrong; names file, line and column.
    """
    said = settings.execution
    return GateOptions(
        rules=load_pod_rules(_texts(said.pod_rules_files)),
        strategies=load_strategies(_texts(said.placement_files)),
        configuration=load_configuration_rules(_texts(said.configuration_files)),
    )


def build_execution(settings: Settings, database: Database, gate: Gate, clock: Clock) -> ExecutionGate:
    """The execution gate over what is on record.

    Raises:
        TidegateError: a file of rules is missing or wrong.
    """
    return ExecutionGate(
        database=database,
        gate=gate,
        resolve=resolve_reference,
        clock=clock,
        options=gate_options(settings),
        find_secrets=ConfigurationSecrets(),
    )


class ConfigurationSecrets:
    """The secret scanner over content of ConfigMaps; nothing of it is loaded before the first."""

    def __call__(self, entries: Mapping[str, bytes]) -> Mapping[str, tuple[str, ...]]:
        """Kinds of secrets by key."""
        found: dict[str, tuple[str, ...]] = {}
        for fact in self._detector.scan_batch(list(entries.items())):
            if not fact.allowed:
                found[fact.path] = (*found.get(fact.path, ()), fact.rule)
        return found

    @cached_property
    def _detector(self) -> "SecretDetector":
        from tidegate.scan.secrets.detector import SecretDetector

        return SecretDetector()


def build_verdicts(settings: Settings, gate: ExecutionGate) -> VerdictIssue:
    """Makes verdicts for webhooks elsewhere.

    Raises:
        TidegateError: a policy is missing.
    """
    lasting = timedelta(hours=settings.webhook.verdict_hours)
    return VerdictIssue(gate=gate, files=policy_texts(settings), lasting=lasting)


def _texts(paths: Sequence[Path]) -> dict[str, str]:
    return {str(path): rule_text(path) for path in paths}
