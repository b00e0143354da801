# SPDX-License-Identifier: Apache-2.0
"""Statements and ignore files: what they silence, who said so, and what was said in vain."""

from pathlib import Path
from typing import Any

import pytest
from cli_run import Run

from tidegate.cli.judging_options import SECTORS
from tidegate.examination.priority_profiles import PROFILES

pytestmark = pytest.mark.usefixtures("knowledge")
BROOK = "pkg:pypi/brook"


def written(run: Run, file: Path, form: str, *words: str) -> Path:
    ran = run("vex", "write", "--author", "us", "--format", form, "-o", file, *words)
    assert ran.status == 0, ran.err
    return file


def silenced(told: Any) -> dict[str, str]:
    return {one["finding"]["id"]: one["by"]["said_in"] for one in told["suppressed"]}


@pytest.mark.parametrize("form", ["openvex", "csaf", "cyclonedx"])
def test_a_statement_takes_a_finding_out_of_the_count(run: Run, image: Path, tmp_path: Path, form: str) -> None:
    assert run("scan", image, "--fail-on", "critical", "--only-fixed").status == 1
    said = written(
        run,
        tmp_path / "said.json",
        form,
        *("--id", "CVE-2025-0001", "--status", "not_affected", "--product", BROOK),
        *("--justification", "vulnerable_code_not_present"),
    )
    told = run("scan", image, "--vex", said, "--format", "json").json
    assert silenced(told) == {"PYSEC-2025-1": form}
    assert {one["id"] for one in told["findings"]} == {"PYSEC-2025-2", "PYSEC-2025-3"}
    assert told["idle"] == []
    weir = ("--id", "CVE-2025-0003", "--status", "fixed", "--product", "pkg:pypi/weir")
    exploited = written(run, tmp_path / "more.json", form, *weir)
    assert run("scan", image, "--vex", said, "--vex", exploited, "--fail-on", "critical").status == 0


def test_what_was_said_in_vain_is_told(run: Run, image: Path, tmp_path: Path) -> None:
    elsewhere = written(
        run, tmp_path / "a.json", "openvex", "--id", "CVE-2025-0001", "--status", "fixed", "--product", "pkg:npm/brook"
    )
    nothing = written(
        run, tmp_path / "b.json", "openvex", "--id", "CVE-1999-1", "--status", "fixed", "--product", BROOK
    )
    told = run("scan", image, "--vex", elsewhere, "--vex", nothing, "--format", "json").json
    assert [(one["word"]["id"], one["why"]) for one in told["idle"]] == [
        ("CVE-2025-0001", "unmatched"),
        ("CVE-1999-1", "unused"),
    ]
    assert told["suppressed"] == []
    page = run("scan", image, "--vex", elsewhere)
    assert "SAID IN VAIN  1" in page.out
    assert "CVE-2025-0001  unmatched" in page.out


def test_trivys_ignore_file_is_read_where_the_command_runs(run: Run, image: Path) -> None:
    Path(".trivyignore").write_text("# nobody calls it\nCVE-2025-0001\nCVE-2025-0003 exp:2026-01-01\nTG-IMG-003\n")
    ran = run("scan", image, "--format", "json")
    assert "heeding .trivyignore" in ran.err
    told = ran.json
    assert silenced(told) == {"PYSEC-2025-1": "trivyignore"}
    assert told["suppressed"][0]["by"]["reason"] == "nobody calls it"
    assert [it["misconfiguration"]["id"] for it in told["suppressed_misconfigurations"]] == ["TG-IMG-003"]
    assert [(one["word"]["source"], one["why"]) for one in told["idle"]] == [(".trivyignore:3", "expired")]
    # The knowledge is of the second of January; on the day before it all three held.
    before = run("scan", image, "--format", "json", "--at", "2026-01-01").json
    assert silenced(before) == {"PYSEC-2025-1": "trivyignore", "PYSEC-2025-3": "trivyignore"}


def test_the_day_is_the_knowledges_unless_another_is_asked_for(run: Run, image: Path) -> None:
    told = run("scan", image, "--format", "json")
    assert told.json["at"] == "2026-01-02"
    assert run("scan", image, "--format", "json").out == told.out
    assert run("scan", image, "--format", "json", "--at", "2027-01-02").json["at"] == "2027-01-02"
    assert run("scan", image, "--at", "soon").status == 2


def test_a_sector_weighs_and_says_so(run: Run, image: Path) -> None:
    assert set(SECTORS) == {"none", *PROFILES}
    plain, sector = (run("scan", image, "--format", "json", *words).json for words in ((), ("--sector", "finance")))
    scores = [{one["id"]: one["priority"]["score"] for one in told["findings"]} for told in (plain, sector)]
    assert scores[0] != scores[1]
    assert all(scores[1][name] >= score for name, score in scores[0].items())
    assert {one["priority"]["profile"] for one in sector["findings"]} == {"finance"}


@pytest.mark.parametrize("words", [("--vex", "missing.json"), ("--ignorefile", "missing")])
def test_a_file_that_is_missing_or_broken_is_told(run: Run, image: Path, words: tuple[str, str]) -> None:
    ran = run("scan", image, *words)
    assert (ran.status, "missing" in ran.err) == (2, True)
    Path("broken.json").write_text("{")
    assert run("scan", image, "--vex", "broken.json").status == 2


def test_documents_are_converted(run: Run, tmp_path: Path) -> None:
    said = written(run, tmp_path / "a.json", "csaf", "--id", "CVE-1-1", "--status", "fixed", "--product", BROOK)
    for form in ("openvex", "cyclonedx", "csaf"):
        ran = run("vex", "convert", said, "--author", "them", "--format", form)
        assert ran.status == 0, ran.err
        assert "CVE-1-1" in ran.out
        assert ran.err.endswith("1 statement\n")
    Path("x.json").write_text("{}")
    assert run("vex", "convert", "x.json", "--author", "them").status == 2


def test_a_scan_looks_for_what_is_asked(run: Run, image: Path) -> None:
    only = run("scan", image, "--scanners", "vuln", "--format", "json")
    assert "looking for packages alone" in only.err
    assert only.json["findings"]
    assert only.json["custody"] is None
    secrets = run("scan", image, "--scanners", "secrets,custody", "--format", "json").json
    assert secrets["custody"] is not None
    for words in ("packages,noise", ",", "licence"):
        assert run("scan", image, "--scanners", words).status == 2


def test_a_secret_fails_when_asked_until_somebody_allows_it(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "app"
    folder.mkdir()
    line = "key = AKIA" + "QYLPMN5HHHFPZAM2"
    (folder / "settings.ini").write_text(line + "\n")
    assert run("scan", f"dir:{folder}", "--fail-on", "low").status == 0
    ran = run("scan", f"dir:{folder}", "--fail-on-secrets")
    assert ran.status == 1
    assert "1 secret is allowed by nobody: --fail-on-secrets says no" in ran.err
    (folder / "settings.ini").write_text(f"{line}  # gitleaks:allow\n")
    assert run("scan", f"dir:{folder}", "--fail-on-secrets").status == 0


def test_what_a_threshold_says_is_what_the_page_counts(run: Run, image: Path) -> None:
    ran = run("scan", image, "--fail-on", "critical", "--severity", "low")
    assert ran.status == 1
    assert "finding is critical" in ran.err or "findings are critical" in ran.err
    assert "of other severities" in ran.err


def test_ignore_files_of_a_source_folder_are_heeded_told_and_can_be_left_out(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "src"
    folder.mkdir()
    token = "ghp_" + "1nF4kPq8" * 4 + "Zx7Q"
    (folder / "one.py").write_text(f"token = '{token}'\n")
    (folder / "two.py").write_text(f"token = '{token[::-1][:36]}'\nother = '{token}'\n")
    (folder / "requirements.txt").write_text("brook==1.2\n")
    words = ("scan", f"dir:{folder}", "--format", "json")
    before = run(*words).json
    assert {one["secret"]["path"] for one in before["secrets"]} == {"one.py", "two.py"}
    assert before["heeded"] == []
    (folder / ".gitleaksignore").write_text("one.py:github-pat:1\n")
    (folder / ".gitleaks.toml").write_text("[allowlist]\npaths = ['''^two''']\n")
    (folder / ".trivyignore").write_text("CVE-2025-0001\n")
    heard = run(*words)
    assert heard.json["secrets"] == []
    said = {one["secret"]["secret"]["path"]: one["by"]["said_in"] for one in heard.json["suppressed_secrets"]}
    assert said == {"one.py": "gitleaksignore", "two.py": "inline"}
    assert "PYSEC-2025-1" in silenced(heard.json)
    places = {str(folder / name) for name in (".gitleaksignore", ".gitleaks.toml", ".trivyignore")}
    assert set(heard.json["heeded"]) == places
    assert all(f"heeding {place}" in heard.err for place in places)
    assert "heeded, though not named" in run("scan", f"dir:{folder}").out
    left_out = run(*words, "--no-ignore-files")
    assert left_out.json["heeded"] == []
    assert len(left_out.json["secrets"]) == len(before["secrets"])
    assert left_out.json["suppressed"] == []
    # A root file system is no folder of sources: its files are whoever's.
    assert run("scan", f"rootfs:{folder}", "--format", "json").json["heeded"] == []
    named = run(
        *words, "--gitleaks-config", str(folder / ".gitleaks.toml"), "--ignorefile", str(folder / ".trivyignore")
    )
    assert named.json["heeded"] == [str(folder / ".gitleaksignore")]


def test_a_link_in_the_sources_shows_nothing_of_the_machine(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "src"
    folder.mkdir()
    (tmp_path / "private").write_text("root:x:0\n")
    (folder / ".gitleaksignore").symlink_to(tmp_path / "private")
    (folder / ".trivyignore").symlink_to(tmp_path / "private")
    ran = run("scan", f"dir:{folder}", "--format", "json")
    assert ran.status == 0
    assert (ran.json["heeded"], ran.json["idle"]) == ([], [])
    assert ran.err.count("is a link, so it is not heeded") == 2
    (folder / ".gitleaks.toml").write_text("[[[")
    broken = run("scan", f"dir:{folder}")
    assert broken.status == 2
    assert ".gitleaks.toml" in broken.err
