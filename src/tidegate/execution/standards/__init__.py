# SPDX-License-Identifier: Apache-2.0
"""Kubernetes' Pod Security Standards, every level and version, as checks that say what, where and what instead."""

from tidegate.execution.standards.judging import violations
from tidegate.execution.standards.version import LATEST, StandardVersion
from tidegate.execution.standards.violation import Level, Violation

__all__ = ["LATEST", "Level", "StandardVersion", "Violation", "violations"]
