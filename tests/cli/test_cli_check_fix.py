# SPDX-License-Identifier: Apache-2.0
"""`tidegate check DIR`: guardrails and other tools' findings in its report, and `--fix`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cli_run import Run

from docker_registry import DockerRegistry
from tidegate.oci.write import LayerBuilder, write_image

DOCKERFILE = "FROM node:20\nCOPY . .\n# starts it\nCMD node server.js\n"
ZAP = {
    "@programName": "ZAP",
    "site": [{"@name": "http://a", "alerts": [{"name": "x", "alertRef": "1", "riskcode": "3"}]}],
}
JUNIT = '<testsuite name="s"><testcase classname="a" name="b" file="t.py"><failure message="m"/></testcase></testsuite>'
_CODE = "import subprocess\nsubprocess.call('a' + b, shell=True)\n"


def _git(folder: Path, *words: str) -> None:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(folder), *words]
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def folder(home: Path) -> Path:
    made = home.parent / "sources"
    made.mkdir()
    (made / "Dockerfile").write_text(DOCKERFILE)
    (made / "server.js").write_text("app.listen(3000)\n")
    _git(made, "init", "-q", "-b", "main")
    _git(made, "add", ".")
    _git(made, "commit", "-qm", "a")
    return made


def test_guardrails_speak_in_the_report_of_a_folder_and_a_comment_silences_them(run: Run, folder: Path) -> None:
    found = run("check", folder, "--format", "json").json["misconfigurations"]
    assert [(it["id"], it["location"], it["line"]) for it in found if it["subject"] == "twelve-factor"] == [
        ("TG-12F-702", "server.js", 1)
    ]
    (folder / "server.js").write_text("// tidegate:ignore=TG-12F-702 mapped outside\napp.listen(3000)\n")
    report = run("check", folder, "--format", "json").json
    assert [it for it in report["misconfigurations"] if it["subject"] == "twelve-factor"] == []
    assert [it["by"]["reason"] for it in report["suppressed_misconfigurations"]] == ["mapped outside"]


def test_reports_of_other_tools_are_in_it_and_count(run: Run, folder: Path, tmp_path: Path) -> None:
    zap, junit = tmp_path / "zap.json", tmp_path / "junit.xml"
    zap.write_text(json.dumps(ZAP))
    junit.write_text(JUNIT)
    ran = run("check", folder, "--report", zap, "--report", junit, "--format", "json", "--fail-on", "high")
    found = {(it["subject"], it["id"], it["severity"]) for it in ran.json["misconfigurations"]}
    assert {("dast", "ZAP:1", "high"), ("test", "test-failed", "medium")} <= found
    assert ran.status == 1
    sarif = run("check", folder, "--report", zap, "--format", "sarif").json
    assert "ZAP:1" in {it["ruleId"] for it in sarif["runs"][0]["results"]}


def test_bandit_is_run(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    (folder / "a.py").write_text(_CODE)
    found = run("check", folder, "--sast", "--format", "json").json["misconfigurations"]
    assert ("bandit:B602", "a.py", 2) in {(it["id"], it["location"], it["line"]) for it in found}


def test_a_dry_run_shows_a_diff_and_writes_nothing(run: Run, folder: Path) -> None:
    ran = run("check", folder, "--fix", "--dry-run", "--no-pin")
    assert ran.status == 0
    assert (folder / "Dockerfile").read_text() == DOCKERFILE
    subprocess.run(["git", "apply", "-"], cwd=folder, input=ran.out.encode(), check=True)
    assert (
        folder / "Dockerfile"
    ).read_text() == 'FROM node:20\nCOPY . .\nUSER node\n# starts it\nCMD ["node", "server.js"]\n'


def test_a_fix_is_told_and_the_report_is_of_what_remains(run: Run, folder: Path) -> None:
    ran = run("check", folder, "--fix", "--no-pin", "--format", "json")
    assert "Dockerfile:1: runs as node (TG-DF-001)" in ran.err
    assert {it["id"] for it in ran.json["misconfigurations"]} & {"TG-DF-001", "TG-DF-025"} == set()
    again = run("check", folder, "--fix", "--no-pin", "--format", "json")
    assert "TG-DF" not in again.err
    assert again.json["misconfigurations"] == ran.json["misconfigurations"]


def test_images_are_pinned_to_what_their_registry_says_now(run: Run, folder: Path, tmp_path: Path) -> None:
    write_image(tmp_path / "image", "latest", [LayerBuilder().file("etc/motd", "a").build()])
    with DockerRegistry(tmp_path / "registry") as registry:
        digest = registry.push(tmp_path / "image", "latest", "team/base:1")
        base = f"{registry.host}/team/base"
        (folder / "Dockerfile").write_text(f"FROM {base}:1 AS a\nFROM {base}:2\nUSER a\n")
        ran = run("check", folder, "--fix", "--force")
    assert (folder / "Dockerfile").read_text() == f"FROM {base}:1@{digest} AS a\nFROM {base}:2\nUSER a\n"
    assert f"{base}:2 is not pinned" in ran.err


def test_uncommitted_work_is_left_alone_unless_told(run: Run, folder: Path) -> None:
    (folder / "Dockerfile").write_text(DOCKERFILE + "# mine\n")
    ran = run("check", folder, "--fix", "--no-pin")
    assert "left as it is: Dockerfile: has changes that are not committed" in ran.err
    assert (folder / "Dockerfile").read_text() == DOCKERFILE + "# mine\n"
    run("check", folder, "--fix", "--no-pin", "--force")
    assert "USER node" in (folder / "Dockerfile").read_text()


@pytest.mark.parametrize("words", [("--dry-run",), ("--force",), ("--no-pin",)], ids=lambda it: it[0])
def test_words_of_fix_need_it(run: Run, folder: Path, words: tuple[str, ...]) -> None:
    ran = run("check", folder, *words)
    assert ran.status == 2
    assert "add --fix" in ran.err


def test_a_file_is_no_folder_to_mend(run: Run, folder: Path) -> None:
    assert run("check", folder / "Dockerfile", "--fix").status == 2
