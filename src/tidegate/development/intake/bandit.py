# SPDX-License-Identifier: Apache-2.0
"""Bandit's JSON report as findings."""

from typing import Annotated, Final

from tidegate.bounds import MIB
from tidegate.development.intake.sarif import relative_path
from tidegate.development.intake.tool_finding import ToolFinding, ToolKind, ToolReport, clean, fingerprint_of
from tidegate.evidence import Severity
from tidegate.values import Struct, field, msgspec
from tidegate.wire import from_json

MAX_REPORT_BYTES: Final = 64 * MIB
MAX_FINDINGS: Final = 100_000
_SEVERITIES: Final = {"HIGH": Severity.HIGH, "MEDIUM": Severity.MEDIUM, "LOW": Severity.LOW}


class _Cwe(Struct, frozen=True, kw_only=True):
    id: int = 0


class _Result(Struct, frozen=True, kw_only=True):
    test_id: str
    test_name: str = ""
    issue_text: str = ""
    issue_severity: str = ""
    issue_confidence: str = ""
    issue_cwe: _Cwe = _Cwe()
    filename: str = ""
    line_number: int = 0
    code: str = ""
    more_info: str = ""


class _Error(Struct, frozen=True, kw_only=True):
    filename: str = ""
    reason: str = ""


class _Report(Struct, frozen=True, kw_only=True):
    results: Annotated[list[_Result], msgspec.Meta(max_length=MAX_FINDINGS)]
    generated_at: str
    errors: list[_Error] = field(default_factory=list)


def read_bandit(content: bytes, *, where: str) -> ToolReport:
    """Reads a report.

    Raises:
        BoundExceededError: over `MAX_REPORT_BYTES`.
        InvalidInputError: it is no report of Bandit, or has more than `MAX_FINDINGS`.
    """
    report = from_json(content, _Report, what=where, max_bytes=MAX_REPORT_BYTES)
    unread = len(report.errors)
    first = f"{report.errors[0].filename}: {report.errors[0].reason}" if unread else ""
    return ToolReport(
        tools=("bandit",),
        findings=tuple(map(_finding, report.results)),
        incomplete=clean(f"{unread} files were not read, {first}", 300) if unread else "",
    )


def _finding(told: _Result) -> ToolFinding:
    location = relative_path(told.filename)
    # Its code has line numbers in front: they are no part of what is known again.
    code = "\n".join(line.lstrip("0123456789") for line in told.code.split("\n"))
    confidence = f" (confidence {told.issue_confidence.lower()})" if told.issue_confidence else ""
    return ToolFinding(
        kind=ToolKind.SAST,
        tool="bandit",
        rule=clean(told.test_id, 40),
        title=clean(told.test_name.replace("_", " "), 200),
        severity=_SEVERITIES.get(told.issue_severity.upper(), Severity.UNKNOWN),
        message=clean(told.issue_text + confidence),
        location=location,
        line=max(told.line_number, 0),
        cwes=(f"CWE-{told.issue_cwe.id}",) if told.issue_cwe.id > 0 else (),
        fingerprint=fingerprint_of("bandit", told.test_id, location, code),
        help=clean(told.more_info, 500),
    )
