# SPDX-License-Identifier: Apache-2.0
"""Bandit and Semgrep as they are, run over a folder: what they find, and that they are held to bounds."""

import shutil
import sys
from pathlib import Path

import pytest

from tidegate.development.intake.running import RunLimits, run_bandit, run_semgrep
from tidegate.errors import BoundExceededError, InvalidInputError, NotFoundError, OutsideError
from tidegate.evidence import Severity

_CODE = "import subprocess\n\n\ndef run(name):\n    subprocess.call('ls ' + name, shell=True)\n"
_BANDIT = str(Path(sys.executable).with_name("bandit"))
_RULES = """
rules:
  - {id: no-eval, languages: [python], message: eval of $X, severity: ERROR, pattern: eval($X)}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "a.py").write_text(_CODE)
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "b.py").write_text(_CODE)
    (tmp_path / ".bandit").write_text("[bandit]\nskips = B602\n")
    return tmp_path


def _program(folder: Path, body: str) -> str:
    """A program that says or does what a test wants of a tool that misbehaves."""
    program = folder / "bandit"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    return str(program)


def test_bandit_finds_what_is_there_and_its_fingerprint_outlives_moved_lines(folder: Path) -> None:
    report = run_bandit(folder, program=_BANDIT)
    assert report is not None
    (found,) = (it for it in report.findings if it.rule == "B602")
    assert (found.location, found.line, found.severity, found.cwes) == ("app/a.py", 5, Severity.HIGH, ("CWE-78",))
    assert {it.location for it in report.findings} == {"app/a.py"}
    (folder / "app" / "a.py").write_text("\n\n" + _CODE)
    moved = run_bandit(folder, program=_BANDIT)
    assert moved is not None
    assert [it.fingerprint for it in moved.findings if it.rule == "B602"] == [found.fingerprint]
    assert found.misconfiguration().references[0] == "CWE-78"


def test_semgrep_finds_what_local_rules_ask_for(folder: Path) -> None:
    if shutil.which("semgrep") is None:
        pytest.skip("needs semgrep: pipx install semgrep")
    rules = folder / "rules.yaml"
    rules.write_text(_RULES)
    (folder / "app" / "a.py").write_text("x = 1\ny = eval(x)\n")
    report = run_semgrep(folder, [rules])
    assert report is not None
    assert [(it.rule, it.location, it.line) for it in report.findings] == [("no-eval", "app/a.py", 2)]


def test_rules_are_never_fetched(folder: Path) -> None:
    program = _program(folder, "exit 0")
    with pytest.raises(NotFoundError, match="p/default"):
        run_semgrep(folder, [Path("p/default")], program=program)
    with pytest.raises(InvalidInputError, match="none are fetched"):
        run_semgrep(folder, [], program=program)


def test_a_tool_that_is_not_there_is_no_finding(folder: Path) -> None:
    assert run_bandit(folder, program=str(folder / "nowhere")) is None


@pytest.mark.parametrize(
    ("body", "limits", "what"),
    [
        ("exec sleep 600", RunLimits(seconds=0.2), "seconds"),
        ("sleep 600 & sleep 600", RunLimits(seconds=0.2), "seconds"),
        ("exec cat /dev/zero", RunLimits(max_bytes=1 << 20), "max_bytes"),
    ],
)
def test_a_tool_that_does_not_end_is_ended_with_its_children(
    folder: Path, body: str, limits: RunLimits, what: str
) -> None:
    with pytest.raises(BoundExceededError, match=what):
        run_bandit(folder, program=_program(folder, body), limits=limits)


def test_a_tool_that_fails_says_why(folder: Path) -> None:
    with pytest.raises(OutsideError, match="ended with 3: no such thing"):
        run_bandit(folder, program=_program(folder, "echo no such thing >&2; exit 3"))
