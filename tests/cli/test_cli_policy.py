# SPDX-License-Identifier: Apache-2.0
"""`tidegate policy`: what is wrong is placed, what fails is 1, what proves nothing is 2."""

from pathlib import Path

import pytest
from cli_run import Run

POLICY = """\
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {name: team}
spec:
  rules:
    - name: no-root
      description: nothing runs as root
      boundaries: [curation]
      reads: {scan: {maxAge: 7d}}
      when: image.runs_as_root
      verdict: deny
      message: the image runs as root
      fix: name a user
"""
TEST = """\
apiVersion: tidegate.dev/v1
kind: PolicyTest
metadata: {name: team}
spec:
  policy: team
  tests:
    - name: nothing is a no
      boundary: curation
      expect: {verdict: %s}
"""


@pytest.fixture
def policy(home: Path) -> Path:
    del home
    Path("policy").mkdir()
    file = Path("policy/team.yaml")
    file.write_text(POLICY)
    return file


def test_a_good_policy_is_told_by_name(run: Run, policy: Path) -> None:
    ran = run("policy", "check", policy.parent, "--format", "json")
    assert ran.status == 0, ran.err
    (told,) = ran.json["policies"]
    assert (told["name"], told["rules"]) == ("team", ["no-root"])
    assert "ok  team  1 rules" in run("policy", "check", policy).out


def test_every_defect_has_its_line_and_column(run: Run, policy: Path) -> None:
    policy.write_text(POLICY.replace("when:", "wehn:").replace("verdict: deny", "verdict: dney"))
    ran = run("policy", "check", policy)
    assert (ran.status, ran.out) == (2, "")
    assert "policy/team.yaml:10:" in ran.err
    assert "did you mean 'when'" in ran.err


def test_the_shipped_profile_and_the_settings_are_what_is_in_force(
    run: Run, policy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "default" in run("policy", "check").out
    monkeypatch.setenv("TIDEGATE_POLICY_FILES", str(policy))
    ran = run("policy", "check", "--format", "json")
    assert [told["name"] for told in ran.json["policies"]] == ["team"]


@pytest.mark.parametrize(("verdict", "status", "word"), [("deny", 0, "passed"), ("allow", 1, "FAILED")])
def test_tests_are_run(run: Run, policy: Path, verdict: str, status: int, word: str) -> None:
    Path("policy/test.yaml").write_text(TEST % verdict)
    ran = run("policy", "test", policy.parent)
    assert ran.status == status
    assert f"{word}  team: nothing is a no" in ran.out
    told = run("policy", "test", policy.parent, "--format", "json")
    assert (told.status, told.json["failed"]) == (status, status)


def test_no_tests_prove_nothing(run: Run, policy: Path) -> None:
    ran = run("policy", "test", policy)
    assert ran.status == 2
    assert "there are no tests" in ran.err


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("none.yaml",), "none.yaml: no such file"),
        (("--profile", "none"), "no profile 'none'"),
        (("empty",), "no policies in this folder"),
        (("binary.yaml",), "not UTF-8"),
        (("nothing.yaml",), "there is no policy"),
    ],
)
def test_files_that_are_no_policies(run: Run, words: tuple[str, ...], error: str) -> None:
    Path("empty").mkdir()
    Path("binary.yaml").write_bytes(b"\xff\xfe")
    Path("nothing.yaml").write_text("# nothing\n")
    ran = run("policy", "check", *words)
    assert ran.status == 2
    assert error in ran.err


def test_explain_tells_each_rule_in_words(run: Run, policy: Path) -> None:
    ran = run("policy", "explain", policy)
    assert ran.status == 0
    assert "team/no-root  deny" in ran.out
    assert "objects when image.runs_as_root" in ran.out


def test_explain_judges_a_report(run: Run, policy: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    (tmp_path / "root").mkdir()
    assert run("scan", f"dir:{tmp_path / 'root'}", "--format", "json", "-o", report).status == 0
    ran = run("policy", "explain", policy, "--report", report, "--format", "json")
    assert ran.status == 0, ran.err
    assert ran.json["decision"]["boundary"] == "curation"
    assert [rule["rule"] for rule in ran.json["rules"]] == ["no-root"]
    assert "curation would say" in run("policy", "explain", policy, "--report", report).out
    report.write_text("{}")
    assert "not a report of tidegate scan" in run("policy", "explain", policy, "--report", report).err
