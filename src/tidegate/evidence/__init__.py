# SPDX-License-Identifier: Apache-2.0
"""Vocabulary: statements, findings, decisions. Values only; nothing here reads or writes."""

from tidegate.evidence.decision import Boundary, Decision, PolicyRef, Reason, Verdict
from tidegate.evidence.finding import Exploitation, Finding, Match, Severity
from tidegate.evidence.scan_report import Configuration, KnowledgeStamp, ScannedArtifact, ScanReport, Support
from tidegate.evidence.statement import (
    PAYLOAD_TYPE,
    SBOM,
    SCAN,
    VSA,
    Evidence,
    PredicateType,
    Statement,
    Subject,
    parse_statement,
)

__all__ = [
    "PAYLOAD_TYPE",
    "SBOM",
    "SCAN",
    "VSA",
    "Boundary",
    "Configuration",
    "Decision",
    "Evidence",
    "Exploitation",
    "Finding",
    "KnowledgeStamp",
    "Match",
    "PolicyRef",
    "PredicateType",
    "Reason",
    "ScanReport",
    "ScannedArtifact",
    "Severity",
    "Statement",
    "Subject",
    "Support",
    "Verdict",
    "parse_statement",
]
