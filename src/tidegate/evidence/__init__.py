# SPDX-License-Identifier: Apache-2.0
"""Vocabulary: statements, findings, decisions. Values only; nothing here reads or writes."""

from tidegate.evidence.decision import Boundary, Decision, PolicyRef, Reason, Verdict
from tidegate.evidence.finding import Exploitation, Finding, FixState, Match, Priority, Severity, Urgency
from tidegate.evidence.misconfiguration import Misconfiguration
from tidegate.evidence.scan_report import (
    Advice,
    BaseImage,
    Configuration,
    KnowledgeStamp,
    Notice,
    ScannedArtifact,
    ScanReport,
    Support,
)
from tidegate.evidence.statement import (
    PAYLOAD_TYPE,
    PROVENANCE,
    SBOM,
    SCAN,
    VSA,
    Evidence,
    PredicateType,
    Statement,
    Subject,
    parse_statement,
)
from tidegate.evidence.suppression import (
    IdleWord,
    InVain,
    SaidIn,
    Suppressed,
    SuppressedMisconfiguration,
    SuppressedSecret,
    Word,
)

__all__ = [
    "PAYLOAD_TYPE",
    "PROVENANCE",
    "SBOM",
    "SCAN",
    "VSA",
    "Advice",
    "BaseImage",
    "Boundary",
    "Configuration",
    "Decision",
    "Evidence",
    "Exploitation",
    "Finding",
    "FixState",
    "IdleWord",
    "InVain",
    "KnowledgeStamp",
    "Match",
    "Misconfiguration",
    "Notice",
    "PolicyRef",
    "PredicateType",
    "Priority",
    "Reason",
    "SaidIn",
    "ScanReport",
    "ScannedArtifact",
    "Severity",
    "Statement",
    "Subject",
    "Support",
    "Suppressed",
    "SuppressedMisconfiguration",
    "SuppressedSecret",
    "Urgency",
    "Verdict",
    "Word",
    "parse_statement",
]
