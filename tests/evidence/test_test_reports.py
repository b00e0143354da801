# SPDX-License-Identifier: Apache-2.0
"""Reports of tests and analyses as evidence: a real run of pytest, reports of other runners, hostile ones."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tidegate.artifact import Digest
from tidegate.cli import main
from tidegate.development.test_reports.junit import read_junit
from tidegate.development.test_reports.reading import read_test_report
from tidegate.development.test_reports.sarif import read_sarif
from tidegate.errors import InvalidInputError
from tidegate.evidence.predicates.test_results import TestCounts, TestResult

SUITE = """
import pytest
def test_fine(): pass
def test_wrong(): assert 1 == 2
@pytest.mark.skip
def test_later(): pass
@pytest.fixture
def broken(): raise ValueError
def test_cannot_run(broken): pass
"""


def test_a_real_run_of_pytest_is_counted(tmp_path: Path) -> None:
    (tmp_path / "test_sample.py").write_text(SUITE)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=r.xml", "test_sample.py"]
    subprocess.run(command, cwd=tmp_path, check=False, capture_output=True)
    content = (tmp_path / "r.xml").read_bytes()
    found = read_test_report(content, where="r.xml", tool="pytest")
    assert found.counts == TestCounts(passed=1, failed=1, errors=1, skipped=1)
    assert (found.result, found.form, found.suite) == (TestResult.FAILED, "junit", "pytest tests")
    assert sorted(found.failed_tests) == ["test_sample.test_cannot_run", "test_sample.test_wrong"]
    assert found.report == Digest.of(content)


@pytest.mark.parametrize(
    ("text", "counts", "result"),
    [
        ('<testsuite name="s"><testcase name="a"/></testsuite>', TestCounts(passed=1), "PASSED"),
        (
            "<testsuites><testsuite><testsuite><testcase><failure/><error/></testcase></testsuite></testsuite></testsuites>",
            TestCounts(failed=1),
            "FAILED",
        ),
        ('<testsuite errors="2"></testsuite>', TestCounts(errors=2), "FAILED"),
        (
            '<testsuites><testsuite failures="3"><testcase><failure/></testcase></testsuite></testsuites>',
            TestCounts(failed=1, errors=2),
            "FAILED",
        ),
        ('<testsuite failures="-1"><testcase><skipped/></testcase></testsuite>', TestCounts(skipped=1), "PASSED"),
    ],
)
def test_reports_of_other_runners(text: str, counts: TestCounts, result: str) -> None:
    found = read_junit(text.encode(), where="r")
    assert (found.counts, found.result.value) == (counts, result)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"plain",
        b"<html/>",
        b"<testsuite/>",
        b"<testsuite><testcase></testsuite>",
        b'<!DOCTYPE x [<!ENTITY a "b">]><testsuite><testcase name="&a;"/></testsuite>',
        b"{}",
        b'{"version":"2.0.0","runs":[]}',
        b'{"version":"2.1.0","runs":[]}',
        b'{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}}}]}',
        b'{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}},"results":null}]}',
    ],
)
def test_what_tells_of_no_test_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidInputError):
        read_test_report(content, where="r")


def sarif(*results: dict[str, Any], **run: Any) -> bytes:
    rules = [{"id": "R1", "defaultConfiguration": {"level": "error"}}, {"id": "R2"}]
    driver = {"name": "tool", "rules": rules}
    return json.dumps({"version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results, **run}]}).encode()


def test_levels_of_an_analysis_are_counted_as_the_standard_says() -> None:
    found = read_sarif(
        sarif(
            {"ruleId": "R1"},
            {"ruleIndex": 0},
            {"ruleId": "R1", "level": "note"},
            {"ruleId": "R2"},
            {"ruleId": "R1", "kind": "pass"},
            {"ruleId": "R1", "suppressions": [{"kind": "inSource"}]},
            {"ruleId": "R1", "suppressions": [{"kind": "external", "status": "rejected"}]},
            {"ruleId": "R9", "level": "fatal"},
        ),
        where="r",
    )
    assert found.counts == TestCounts(errors=4, warnings=1, notes=1)
    assert (found.result, found.tool) == (TestResult.FAILED, "tool")
    assert found.failed_tests == ("R1 (3)", "R9 (1)")


def test_an_analysis_without_findings_passes_unless_it_broke_off() -> None:
    assert read_sarif(sarif(), where="r").result is TestResult.PASSED
    assert read_sarif(sarif({"ruleId": "R2"}), where="r").result is TestResult.WARNED
    broken = read_sarif(sarif(invocations=[{"executionSuccessful": False}]), where="r")
    assert (broken.result, broken.failed_tests) == (TestResult.FAILED, ("the analysis did not end well",))


def test_many_failures_are_counted_and_the_first_named() -> None:
    cases = "".join(f'<testcase name="t{n}"><failure/></testcase>' for n in range(1000))
    found = read_junit(f"<testsuite>{cases}</testsuite>".encode(), where="r")
    assert found.counts == TestCounts(failed=1000)
    assert (len(found.failed_tests), found.more_failed) == (200, 800)


def test_the_command_writes_and_shows_predicates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "r.xml"
    report.write_text('<testsuite name="s"><testcase name="a"/></testsuite>')
    assert main(["predicate", "tests", str(report), "--tool", "pytest"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["result"], said["tool"], said["suite"], said["counts"]["passed"]) == ("PASSED", "pytest", "s", 1)
    assert main(["predicate", "review", "--reviewer", "ann", "--decision", "approved", "--author", "bob"]) == 0
    review = json.loads(capsys.readouterr().out)
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "x", "digest": {"sha256": "a" * 64}}],
        "predicateType": "https://tidegate.dev/predicates/review/v1",
        "predicate": review,
    }
    file = tmp_path / "s.jsonl"
    file.write_text(f"{json.dumps(statement)}\n{json.dumps(statement)}\n")
    assert main(["predicate", "show", str(file)]) == 0
    shown = capsys.readouterr().out
    assert shown.count("approved by ann (image)") == 2
    assert main(["predicate", "list"]) == 0
    assert "https://tidegate.dev/predicates/review/v1" in capsys.readouterr().out
    assert main(["predicate", "tests", str(file)]) == 2
