# SPDX-License-Identifier: Apache-2.0
"""What a node's sensor works with, from the settings."""

from tidegate.assembly.rule_text import rule_text
from tidegate.execution.drift_rule_file import load_drift_rules
from tidegate.execution.drift_rules import DriftRules, Mode
from tidegate.settings import Settings


def drift_rules(settings: Settings) -> DriftRules:
    """The rules of drift that the settings name.

    Raises:
        TidegateError: a file is missing or wrong; names file, line and column.
    """
    files = {str(path): rule_text(path) for path in settings.sensor.rules_files}
    return load_drift_rules(files, otherwise=Mode(settings.sensor.mode))
