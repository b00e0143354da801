# SPDX-License-Identifier: Apache-2.0
"""What a node's sensor works with, from the settings. Each of its processes imports what it needs itself."""

from typing import TYPE_CHECKING

from tidegate.assembly.rule_text import rule_text
from tidegate.execution.drift_rule_file import load_drift_rules
from tidegate.execution.drift_rules import DriftRules, Mode
from tidegate.execution.expectation import Expectations
from tidegate.execution.expectation_file import load_expectations
from tidegate.settings import Settings

if TYPE_CHECKING:
    from tidegate.execution.confinement import ConfinementClass, ConfinementRules
    from tidegate.execution.response_policy import ResponsePolicy
    from tidegate.signing.keys import TrustedKeys


def response_policy(settings: Settings) -> "ResponsePolicy":
    """The policy of response that the settings name. Raises as `drift_rules`."""
    from tidegate.execution.response_policy_file import load_response_policy

    return load_response_policy({str(path): rule_text(path) for path in settings.execution.response_files})


def expectations(settings: Settings) -> Expectations:
    """The profiles of behaviour that the settings name. Raises as `drift_rules`."""
    return load_expectations({str(path): rule_text(path) for path in settings.sensor.profile_files})


def order_keys(settings: Settings) -> "TrustedKeys":
    """The keys whose signed orders are carried out.

    Raises:
        TidegateError: a file is missing, or no public key.
    """
    from tidegate.signing.keys import TrustedKeys

    return TrustedKeys.load(settings.sensor.server_keys)


def drift_rules(settings: Settings) -> DriftRules:
    """The rules of drift that the settings name.

    Raises:
        TidegateError: a file is missing or wrong; names file, line and column.
    """
    files = {str(path): rule_text(path) for path in settings.sensor.rules_files}
    return load_drift_rules(files, otherwise=Mode(settings.sensor.mode))


def confinement_rules(settings: Settings, *, otherwise: "ConfinementClass | None" = None) -> "ConfinementRules":
    """The rules of confinement that the settings name. Raises as `drift_rules`.

    Args:
        settings: name them.
        otherwise: of workloads that no rule speaks of, when no file says; None for the widest.
    """
    from tidegate.execution.confinement import PRIVILEGED
    from tidegate.execution.confinement_file import load_confinement_rules

    files = {str(path): rule_text(path) for path in settings.execution.confinement_files}
    return load_confinement_rules(files, otherwise=otherwise or PRIVILEGED)
