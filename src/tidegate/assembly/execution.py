# SPDX-License-Identifier: Apache-2.0
"""How strict the execution gate is, from the settings."""

from collections.abc import Sequence
from pathlib import Path

from tidegate.assembly.rule_text import rule_text
from tidegate.execution.gate import GateOptions
from tidegate.execution.pod_rule_file import load_pod_rules
from tidegate.settings import Settings


def gate_options(settings: Settings) -> GateOptions:
    """What the settings ask of workloads.

    Raises:
        TidegateError: a file is missing or wrong; names file, line and column.
    """
    return GateOptions(rules=load_pod_rules(_texts(settings.execution.pod_rules_files)))


def _texts(paths: Sequence[Path]) -> dict[str, str]:
    return {str(path): rule_text(path) for path in paths}
