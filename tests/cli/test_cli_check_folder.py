# SPDX-License-Identifier: Apache-2.0
"""`tidegate check DIR`: one report of a folder, held against a branch of a real git repository."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import jsonschema  # type: ignore[import-untyped] # it has no types of its own
import pytest
from cli_run import Ran, Run

SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "reference" / "scan-report.schema.json"
LOCK = "weir==1.0\n"
BROOK = "brook==1.2\n"
DOCKERFILE = "FROM debian:12@sha256:" + "0" * 64 + "\nUSER 65532\nHEALTHCHECK NONE\n"
SECRET = 'token = "' + "ghp_" + 'R2d8Kq0vXz5Lw3Tn7Bm1Yc9Hs4Jf6Pa8Ge2U"\n'

Git = Callable[..., str]


@pytest.fixture
def git(home: Path) -> Git:
    del home
    if shutil.which("git") is None:
        pytest.skip("install git")

    def call(*words: str) -> str:
        names = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
        people = {f"GIT_{who}_{what}": "a@example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        done = subprocess.run(
            ["git", *words], check=True, capture_output=True, text=True, env={**os.environ, **names, **people}
        )
        return done.stdout.strip()

    return call


@pytest.fixture
def folder(git: Git, knowledge: Path) -> Path:
    """A repository whose main has one finding, and whose branch has the same tree."""
    del knowledge
    made = Path.cwd()
    git("init", "-q", "-b", "main")
    (made / "requirements.txt").write_text(LOCK)
    (made / "Dockerfile").write_text(DOCKERFILE)
    git("add", "-A")
    git("commit", "-q", "-m", "first")
    git("switch", "-q", "-c", "work")
    return made


def new_ids(ran: Ran) -> list[str]:
    results = ran.json["runs"][0]["results"]
    return sorted(one["ruleId"] for one in results if one.get("baselineState") == "new")


def test_one_report_of_everything_worst_first(run: Run, folder: Path) -> None:
    (folder / "settings.py").write_text(SECRET)
    (folder / "requirements.txt").write_text("# pinned\n" + LOCK + BROOK)
    (folder / "Dockerfile").write_text("FROM debian\nUSER root\n")
    ran = run("check", ".")
    assert ran.status == 0, ran.err
    new, known = ran.out.split("KNOWN in main")
    told = [line for line in new.splitlines() if line.startswith(("critical", "high", "medium", "low"))]
    assert "CVE-2025-0001" in new
    assert "requirements.txt:3" in new
    assert "fix: upgrade to 2.0" in new
    assert "settings.py:1" in new
    assert "Dockerfile:2" in new
    assert told[0].startswith(("critical", "high"))
    assert told[-1].startswith("medium")
    assert "CVE-2025-0003" in known
    assert "requirements.txt:2" in known
    assert "CVE-2025-0003" not in new
    assert ran.out.count("accept: ") == len(told) + known.count("accept: ")
    assert "R2d8Kq0vXz5Lw3Tn7Bm1" not in ran.out
    report = run("check", ".", "--format", "json").json
    jsonschema.validate(report, json.loads(SCHEMA.read_text()))
    assert report["baseline"]["against"] == "main"


def test_only_what_is_new_counts_for_a_threshold(run: Run, folder: Path) -> None:
    (folder / "requirements.txt").write_text("# a line that moves the others\n\n" + LOCK)
    ran = run("check", ".", "--fail-on", "low")
    assert ran.status == 0, ran.out
    assert "held against main" in ran.err
    (folder / "settings.py").write_text(SECRET)
    ran = run("check", ".", "--fail-on", "high")
    assert ran.status == 1
    assert "1 of 1 are new and high or worse" in ran.err
    assert run("check", ".", "--fail-on", "critical").status == 0
    assert run("check", ".", "--fail-on", "critical", "--all").status == 1  # KEV: exploited ones count


def test_on_the_branch_itself_everything_counts(run: Run, folder: Path, git: Git) -> None:
    git("switch", "-q", "main")
    ran = run("check", folder, "--fail-on", "critical")
    assert ran.status == 1
    assert "nothing is new since main" in ran.err


def test_sarif_tells_what_is_new_and_keeps_its_fingerprints(run: Run, folder: Path) -> None:
    (folder / "requirements.txt").write_text("\n\n" + LOCK + BROOK)
    before = run("check", ".", "--format", "sarif")
    assert new_ids(before) == ["CVE-2025-0001", "CVE-2025-0002"]
    (folder / "requirements.txt").write_text("\n\n\n\n" + BROOK + LOCK)
    after = run("check", ".", "--format", "sarif")

    def prints(ran: Ran) -> set[str]:
        return {one["partialFingerprints"]["tidegate/v1"] for one in ran.json["runs"][0]["results"]}

    assert prints(before) == prints(after)


def test_what_is_staged_is_read_from_the_index(run: Run, folder: Path, git: Git) -> None:
    (folder / "settings.py").write_text(SECRET)
    assert run("check", "--staged", "--fail-on", "high").status == 0
    git("add", "settings.py")
    (folder / "settings.py").write_text("token = 1\n")
    ran = run("check", "--staged", "--fail-on", "high")
    assert ran.status == 1
    assert "settings.py:1" in ran.out
    assert "held against HEAD" in ran.err


def test_what_git_ignores_is_no_part_of_it(run: Run, folder: Path) -> None:
    (folder / ".gitignore").write_text("local/\n*.env\n")
    (folder / "local").mkdir()
    (folder / "local" / "settings.py").write_text(SECRET)
    (folder / "my.env").write_text(SECRET)
    assert run("check", ".", "--fail-on", "high").status == 0
    (folder / ".gitignore").write_text("")
    assert run("check", ".", "--fail-on", "high").status == 1


def test_a_detached_head_of_a_clone_finds_the_default_branch(run: Run, folder: Path, git: Git) -> None:
    (folder / "settings.py").write_text(SECRET)
    git("add", "-A")
    git("commit", "-q", "-m", "second")
    git("clone", "-q", "--bare", ".", "../origin.git")
    git("--git-dir", "../origin.git", "symbolic-ref", "HEAD", "refs/heads/main")
    git("clone", "-q", "../origin.git", "../clone")
    clone = folder.parent / "clone"
    git("-C", str(clone), "checkout", "-q", "origin/work")
    ran = run("check", clone, "--fail-on", "high")
    assert ran.status == 1
    assert "held against origin/main" in ran.err
    assert "1 of 1 are new" in ran.err


def test_a_shallow_clone_says_what_it_cannot_know(run: Run, folder: Path, git: Git) -> None:
    (folder / "settings.py").write_text(SECRET)
    git("add", "-A")
    git("commit", "-q", "-m", "second")
    git("switch", "-q", "main")
    (folder / "b").write_text("b")
    git("add", "-A")
    git("commit", "-q", "-m", "third")
    git("clone", "-q", "--depth=1", "--no-single-branch", f"file://{folder}", "../shallow")
    shallow = folder.parent / "shallow"
    git("-C", str(shallow), "checkout", "-q", "origin/work")
    ran = run("check", shallow, "--fail-on", "high")
    assert ran.status == 1
    assert "as far as this shallow clone tells" in ran.err
    assert "git fetch --unshallow" in ran.err
    asked = run("check", shallow, "--against", "main")
    assert (asked.status, asked.out) == (2, "")
    assert "git fetch --unshallow" in asked.err
    unknown = run("check", shallow, "--against", "nowhere")
    assert unknown.status == 2
    assert "no branch is called 'nowhere'" in unknown.err


@pytest.mark.parametrize("words", [("--against", "main"), ("--staged",), ("--all",), ("--history",)])
def test_what_only_a_folder_can_be_asked(run: Run, folder: Path, words: tuple[str, ...]) -> None:
    ran = run("check", folder / "Dockerfile", *words)
    assert (ran.status, ran.out) == (2, "")
    assert "name a folder alone" in ran.err


def test_staged_where_there_is_no_repository(run: Run, home: Path) -> None:
    del home
    ran = run("check", "--staged")
    assert (ran.status, ran.out) == (2, "")
    assert "nothing can be staged" in ran.err


def test_a_repository_that_git_cannot_read_is_checked_all_the_same(run: Run, folder: Path) -> None:
    (folder / ".git" / "HEAD").write_text("rubbish\n")
    ran = run("check", ".", "--fail-on", "low")
    assert ran.status == 1
    assert "CVE-2025-0003" in ran.out


def test_links_lead_nowhere(run: Run, folder: Path) -> None:
    outside = folder.parent / "outside"
    outside.mkdir()
    (outside / "settings.py").write_text(SECRET)
    (outside / "Dockerfile").write_text("FROM debian\nUSER root\n")
    (folder / "linked").symlink_to(outside)
    (folder / "linked.py").symlink_to(outside / "settings.py")
    (folder / "circle").symlink_to(folder)
    assert run("check", ".", "--fail-on", "high").status == 0


def test_history_tells_of_what_was_taken_out(run: Run, folder: Path, git: Git) -> None:
    (folder / "settings.py").write_text(SECRET)
    git("add", "-A")
    git("commit", "-q", "-m", "second")
    git("rm", "-q", "settings.py")
    git("commit", "-q", "-m", "third")
    assert "settings.py" not in run("check", ".").out
    ran = run("check", ".", "--history")
    assert "settings.py:1" in ran.out
    assert "in commit" in ran.out
