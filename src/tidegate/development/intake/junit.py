# SPDX-License-Identifier: Apache-2.0
"""Failed tests of a JUnit report as findings, with the file and line where the report or its traceback tells.

Dialects differ in who tells what: pytest (`file` and `line` in its older family), jest-junit (`file`), gotestsum and
surefire (in the text of the failure), NUnit through its transform (`filepath` of the suite).
"""

import re
from typing import TYPE_CHECKING, Final

from tidegate.development.intake.sarif import relative_path
from tidegate.development.intake.tool_finding import ToolFinding, ToolKind, ToolReport, clean, fingerprint_of
from tidegate.development.test_reports.junit import read_junit
from tidegate.evidence import Severity
from tidegate.manifests.xml_document import read_xml, tag

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_FINDINGS: Final = 5_000
"""Failures that are told one by one; counts are whole."""
_MAX_TRACE_CHARS: Final = 20_000
_TRACE: Final = re.compile(
    r"(?:File \"([^\"\n]{1,300})\", line (\d{1,7})|"
    r"((?:[\w.@-]{1,100}[/\\]){0,30}[\w.-]{1,100}\.(?:py|go|js|jsx|ts|tsx|java|kt|cs|rb|rs)):(?:line )?(\d{1,7}))"
)
_NOT_OURS: Final = re.compile(
    r"(?:^|[/\\])(?:site-packages|node_modules|dist-packages|lib[/\\]python)|^(?:Assert|Method)\w*\.java$"
)


def read_junit_findings(content: bytes, *, where: str) -> ToolReport:
    """Reads a report: failures as findings, counts as results.

    Raises:
        BoundExceededError: over a bound of `read_junit`.
        InvalidInputError: it is no JUnit report, or one without a single case.
    """
    results = read_junit(content, where=where)
    root = read_xml(content, where=where)
    findings: list[ToolFinding] = []
    for suite in root.iter():
        if tag(suite) != "testsuite":
            continue
        for case in suite:
            if (
                tag(case) == "testcase"
                and (broken := next((it for it in case if tag(it) in {"failure", "error"}), None)) is not None
            ):
                findings.append(_finding(suite, case, broken))
                if len(findings) == MAX_FINDINGS:
                    return ToolReport(tools=(), findings=tuple(findings), results=results)
    return ToolReport(tools=(), findings=tuple(findings), results=results)


def _finding(suite: "Element", case: "Element", broken: "Element") -> ToolFinding:
    name = ".".join(filter(None, (case.get("classname", ""), case.get("name", "")))) or "a test without a name"
    text = "".join(broken.itertext())[-_MAX_TRACE_CHARS:]
    message = clean(broken.get("message", "") or next((it for it in text.split("\n") if it.strip()), ""), 500)
    location, line = _place(suite, case, f"{broken.get('message', '')[:2000]}\n{text}")
    kind = tag(broken)
    return ToolFinding(
        kind=ToolKind.TEST,
        tool="",
        rule="test-failed" if kind == "failure" else "test-broken",
        title="Test failed" if kind == "failure" else "Test could not be run",
        severity=Severity.MEDIUM,
        message=clean(f"{name}: {message}" if message else name),
        location=location,
        line=line,
        fingerprint=fingerprint_of("test", name),
        fix="mend what it found, or the test",
    )


def _place(suite: "Element", case: "Element", text: str) -> tuple[str, int]:
    told = case.get("file", "") or suite.get("file", "") or suite.get("filepath", "")
    number = case.get("line", "")
    line = int(number) if number.isascii() and number.isdecimal() and len(number) < 8 else 0  # noqa: PLR2004 - digits
    if told and not told.endswith(".dll"):
        # pytest counts from 0 there; the traceback has the line that failed.
        found = [it for it in _traces(text) if it[0].endswith(told.rpartition("/")[2])]
        return relative_path(told), found[-1][1] if found else line
    traces = _traces(text)
    return (relative_path(traces[-1][0]), traces[-1][1]) if traces else ("", 0)


def _traces(text: str) -> list[tuple[str, int]]:
    found = [(it[1] or it[3], int(it[2] or it[4])) for it in _TRACE.finditer(text)]
    return [(path, line) for path, line in found if not _NOT_OURS.search(path)]
