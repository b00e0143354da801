# SPDX-License-Identifier: Apache-2.0
"""What every form has in common: worst first, the name people know, text that stays on its line."""

from collections.abc import Sequence
from typing import Final

from tidegate.bounds import printable
from tidegate.evidence import Finding

MAX_TEXT_CHARS: Final = 2000
"""Longer texts end in an ellipsis: whoever wrote them was not writing for people."""


def worst_first(findings: Sequence[Finding]) -> list[Finding]:
    """Findings by priority where it was weighed, then exploited and malicious ones, then by severity and score."""
    return sorted(findings, key=_badness)


def one_line(text: object, limit: int = MAX_TEXT_CHARS) -> str:
    """A text on one line, what could steer a terminal or a page made visible, and no longer than `limit`."""
    words = " ".join(str(text)[: 2 * limit].split())
    shown = printable(words)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def fix_of(finding: Finding) -> str:
    """What mends it, in words."""
    if finding.fixed_version is not None:
        return f"fixed in {finding.fixed_version}"
    return {"will-not-fix": "will not be fixed", "not-fixed": "no fix yet"}.get(finding.fix_state, "no fix known")


def marks_of(finding: Finding) -> tuple[str, ...]:
    """Why it matters beyond its severity, each in a few words."""
    told: list[str] = []
    if finding.malicious:
        told.append("malicious package")
    if finding.exploited is not None:
        used = ", by ransomware too" if finding.exploited.ransomware else ""
        told.append(f"exploited{used}; due {finding.exploited.due}")
    if finding.epss is not None:
        told.append(f"EPSS {finding.epss:.1%}")
    if finding.part:
        told.append("from the base image" if finding.part == "base" else "yours")
    if finding.scope != "runtime":
        told.append(f"{finding.scope} only")
    if finding.basis not in {"installed", "locked"}:
        told.append(finding.basis.value)
    return tuple(told)


def _badness(finding: Finding) -> tuple[float, bool, int, float, str, str, str, str]:
    is_attacked = finding.exploited is not None or finding.malicious
    return (
        -(finding.priority.score if finding.priority else 0.0),
        not is_attacked,
        -finding.severity.rank,
        -(finding.score or 0.0),
        finding.id,
        finding.purl,
        finding.location,
        finding.layer,
    )
