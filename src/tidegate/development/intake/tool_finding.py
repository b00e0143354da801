# SPDX-License-Identifier: Apache-2.0
"""One thing another tool found: where, how bad, which weakness, and what it is known by when lines move."""

import hashlib
from enum import StrEnum
from typing import Final

from tidegate.bounds import printable
from tidegate.evidence import Misconfiguration, Severity
from tidegate.evidence.predicates.test_results import TestResults
from tidegate.values import Struct

MAX_TEXT_CHARS: Final = 1000
MAX_PATH_CHARS: Final = 1000


class ToolKind(StrEnum):
    """How a tool looks; the subject of what it finds."""

    SAST = "sast"
    DAST = "dast"
    TEST = "test"


class ToolFinding(Struct, frozen=True, kw_only=True):
    """One finding.

    Attributes:
        rule: the tool's own id of it.
        location: path relative to the folder, or a URL for a tool that looks at what runs; "" when it does not tell.
        line: counted from 1; 0 for none.
        cwes: `CWE-79`, in order.
        fingerprint: 32 hexadecimal digits; equal in two reports when it is the same thing, on whichever line.
        baseline: SARIF's `baselineState`; "" when it does not tell.
        help: where to read more; "" for nowhere.
    """

    kind: ToolKind
    tool: str
    rule: str
    title: str
    severity: Severity
    message: str
    location: str = ""
    line: int = 0
    cwes: tuple[str, ...] = ()
    fingerprint: str = ""
    baseline: str = ""
    fix: str = ""
    help: str = ""

    def misconfiguration(self) -> Misconfiguration:
        """In the form in which every check tells, so that reports, ignores and baselines need know no other."""
        return Misconfiguration(
            id=f"{self.tool}:{self.rule}" if self.tool else self.rule,
            title=self.title,
            severity=self.severity,
            reason=self.message,
            fix=self.fix
            or (f"see {self.help}" if self.help else f"see what {self.tool or 'the tool'} says of {self.rule}"),
            references=tuple(it for it in (*self.cwes, self.help) if it),
            subject=self.kind.value,
            location=self.location,
            line=self.line,
            part=f"fingerprint {self.fingerprint}",
        )


class ToolReport(Struct, frozen=True, kw_only=True):
    """What one report holds.

    Attributes:
        tools: names of who found it.
        suppressed: findings that the report itself calls suppressed, and those that are gone since its baseline.
        results: how the run went, as evidence; None for a report that does not say.
        incomplete: the tool says that its run did not end well: what it did not find means nothing.
    """

    tools: tuple[str, ...]
    findings: tuple[ToolFinding, ...]
    suppressed: int = 0
    results: TestResults | None = None
    incomplete: str = ""


def fingerprint_of(*parts: str) -> str:
    """A short digest of what stays when lines move: tool, rule, path and the text that was found."""
    return hashlib.sha256("\0".join(" ".join(part.split()) for part in parts).encode("utf-8", "replace")).hexdigest()[
        :32
    ]


def clean(text: str, limit: int = MAX_TEXT_CHARS) -> str:
    """Text of another tool in one line, without control characters."""
    told = " ".join(printable(text[: 4 * limit]).split())
    return told if len(told) <= limit else told[: limit - 1] + "…"
