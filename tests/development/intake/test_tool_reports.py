# SPDX-License-Identifier: Apache-2.0
"""Reports of other tools become findings with place, severity, weakness and a fingerprint that outlives moved lines."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tidegate.development.intake.reading import read_tool_report
from tidegate.development.intake.tool_finding import ToolFinding, ToolKind
from tidegate.errors import InvalidInputError
from tidegate.evidence import Severity

REPORTS = Path(__file__).parent / "reports"


def _sarif(result: Mapping[str, Any], **run: Any) -> ToolFinding:
    (found,) = _all({"ruleId": "R", "message": {"text": "m"}, **result}, **run)
    return found


def _all(*results: Mapping[str, Any], **run: Any) -> tuple[ToolFinding, ...]:
    one = {"tool": {"driver": {"name": "T"}}, "results": results, **run}
    return read_tool_report(json.dumps({"version": "2.1.0", "runs": [one]}).encode(), where="f").findings


def _at(uri: str, **more: Any) -> dict[str, Any]:
    location = {"physicalLocation": {"artifactLocation": {"uri": uri, **more}, "region": {"startLine": 3}}}
    return {"locations": [location]}


def test_what_semgrep_writes() -> None:
    report = read_tool_report((REPORTS / "semgrep.sarif").read_bytes(), where="semgrep.sarif")
    (found,) = report.findings
    assert (found.rule, found.location, found.line, found.cwes) == ("no-eval", "app.py", 7, ("CWE-95",))
    assert (found.severity, found.kind) == (Severity.HIGH, ToolKind.SAST)
    assert report.results is not None
    assert report.results.counts is not None
    assert report.results.counts.errors == 1


@pytest.mark.parametrize(
    ("uri", "bases", "expected"),
    [
        ("src/a%20b.py", {}, "src/a b.py"),
        ("./src//a.py", {}, "src/a.py"),
        ("../../etc/passwd", {}, "etc/passwd"),
        ("file:///home/runner/work/app/src/a.py", {"S": {"uri": "file:///home/runner/work/app/"}}, "src/a.py"),
        ("a.py", {"B": {"uri": "src/", "uriBaseId": "S"}, "S": {"uri": "file:///x/"}}, "src/a.py"),
        ("a.py", {"B": {"uri": "src", "uriBaseId": "B"}}, None),
        ("https://host/a?b=%20", {}, "https://host/a?b=%20"),
    ],
)
def test_uris_become_paths_of_the_folder(uri: str, bases: Mapping[str, Any], expected: str | None) -> None:
    found = _sarif(_at(uri, uriBaseId="B"), originalUriBaseIds=bases)
    if expected is None:
        assert found.location.endswith("a.py"), "a base that is its own ends"
    else:
        assert (found.location, found.line) == (expected, 3)


def test_artifacts_by_their_index() -> None:
    place = {"locations": [{"physicalLocation": {"artifactLocation": {"index": 1}}}]}
    artifacts = [{"location": {"uri": "no"}}, {"location": {"uri": "yes.py"}}]
    assert _sarif(place, artifacts=artifacts).location == "yes.py"


def test_rules_by_index_guid_component_and_more_special_id() -> None:
    driver = {"name": "T", "rules": [{"id": "A", "name": "first"}, {"id": "B", "name": "second", "guid": "G-1"}]}
    extension = {"name": "E", "rules": [{"id": "A", "name": "of the extension"}]}
    tool = {"driver": driver, "extensions": [extension]}
    told: list[tuple[dict[str, Any], str]] = [
        ({"ruleId": "", "ruleIndex": 1}, "second"),
        ({"ruleId": "", "rule": {"guid": "g-1"}}, "second"),
        ({"ruleId": "A", "rule": {"index": 0, "toolComponent": {"index": 0}}}, "of the extension"),
        ({"ruleId": "A", "rule": {"index": 0, "toolComponent": {"name": "e"}}}, "of the extension"),
        ({"ruleId": "A/special"}, "first"),
    ]
    assert [it.title for it in _all(*(result for result, _ in told), tool=tool)] == [title for _, title in told]


def test_severity_by_score_else_by_level_else_by_the_rules_level() -> None:
    rules = [
        {"id": "S", "properties": {"security-severity": "9.8"}},
        {"id": "L", "defaultConfiguration": {"level": "note"}},
    ]
    tool = {"driver": {"name": "T", "rules": rules}}
    told = [{"ruleId": "S", "level": "note"}, {"ruleId": "L"}, {"ruleId": "L", "level": "error"}, {"ruleId": "X"}]
    expected = [Severity.CRITICAL, Severity.LOW, Severity.HIGH, Severity.MEDIUM]
    assert [it.severity for it in _all(*told, tool=tool)] == expected


def test_weaknesses_by_taxa_relationships_and_tags() -> None:
    rule = {
        "id": "R",
        "relationships": [{"target": {"id": "89", "toolComponent": {"name": "CWE"}}}],
        "properties": {"tags": ["external/cwe/cwe-079"]},
    }
    result = {"taxa": [{"id": "22", "toolComponent": {"index": 0}}]}
    found = _sarif(result, tool={"driver": {"name": "T", "rules": [rule]}}, taxonomies=[{"name": "CWE"}])
    assert found.cwes == ("CWE-22", "CWE-89", "CWE-79")


def test_what_is_suppressed_gone_or_no_failure_does_not_count() -> None:
    told: list[dict[str, Any]] = [
        {"ruleId": "a", "suppressions": [{"kind": "inSource"}]},
        {"ruleId": "b", "suppressions": [{"kind": "external", "status": "rejected"}]},
        {"ruleId": "c", "baselineState": "absent"},
        {"ruleId": "d", "baselineState": "new"},
        {"ruleId": "e", "kind": "pass"},
    ]
    assert [(it.rule, it.baseline) for it in _all(*told)] == [("b", ""), ("d", "new")]


def test_messages_by_id_with_arguments() -> None:
    rule = {"id": "R", "messageStrings": {"m": {"text": "{0} is {1}, {9}"}}}
    found = _sarif({"message": {"id": "m", "arguments": ["a", "b"]}}, tool={"driver": {"name": "T", "rules": [rule]}})
    assert found.message == "a is b, {9}"


def test_a_fingerprint_outlives_moved_lines_and_tells_files_apart() -> None:
    here = {
        "physicalLocation": {"artifactLocation": {"uri": "a"}, "region": {"startLine": 3, "snippet": {"text": "x"}}}
    }
    moved = json.loads(json.dumps(here).replace("3", "30"))
    other = json.loads(json.dumps(here).replace('"a"', '"b"'))
    first, second, third = _all(
        *({"ruleId": "R", "message": {"text": "m"}, "locations": [it]} for it in (here, moved, other))
    )
    assert first.fingerprint == second.fingerprint != third.fingerprint


def test_several_tools_in_one_file() -> None:
    runs = [{"tool": {"driver": {"name": name}}, "results": [{"ruleId": "R"}]} for name in ("one", "ZAP")]
    report = read_tool_report(json.dumps({"version": "2.1.0", "runs": runs}).encode(), where="f")
    assert [(it.tool, it.kind) for it in report.findings] == [("one", ToolKind.SAST), ("ZAP", ToolKind.DAST)]


def test_what_zap_writes() -> None:
    report = read_tool_report((REPORTS / "zap.json").read_bytes(), where="zap.json")
    high, information = report.findings
    assert report.suppressed == 1, "called a false positive"
    assert (high.severity, high.cwes, high.rule) == (Severity.HIGH, ("CWE-79",), "40012")
    assert high.location == "http://localhost:8080/search?q=a%22"
    assert high.message == "GET parameter q and at 1 more places: Cross-site Scripting echoes code & markup."
    assert (high.fix, high.help) == ("Encode all output.", "https://owasp.org/www-community/attacks/xss/")
    assert (information.severity, information.cwes) == (Severity.NONE, ())


_JUNIT = [
    ("junit-pytest-xunit.xml", "t/test_a.py", 7, "t.test_a.test_b: assert 1 == 2"),
    ("junit-pytest.xml", "t/test_a.py", 2, "t.test_a.test_b: assert 0"),
    ("junit-surefire.xml", "ATest.java", 12, "com.x.ATest.adds: expected: 1"),
    ("junit-jest-junit.xml", "src/sum.test.js", 4, "adds. adds: Error: expect(received)"),
    ("junit-gotestsum.xml", "a_test.go", 9, "example.com/a.TestA: Failed"),
    ("junit-nunit.xml", "src/T.cs", 8, "A.T.B: Expected: 1"),
]


@pytest.mark.parametrize(("name", "location", "line", "message"), _JUNIT)
def test_failed_tests_have_their_place(name: str, location: str, line: int, message: str) -> None:
    report = read_tool_report((REPORTS / name).read_bytes(), where=name)
    (found,) = report.findings
    assert (found.location, found.line) == (location, line)
    assert found.message == message
    assert (found.kind, found.rule) == (ToolKind.TEST, "test-failed")
    assert report.results is not None
    assert report.results.counts is not None
    assert report.results.counts.failed == 1


def test_an_unknown_report_says_what_is_known() -> None:
    with pytest.raises(InvalidInputError, match="sarif, zap, junit, bandit"):
        read_tool_report(b'{"a": 1}', where="f")


def test_control_characters_reach_nobody() -> None:
    found = _sarif({"message": {"text": "\x1b[31m"}, **_at("a%1Bb")})
    assert "\x1b" not in found.message + found.location
