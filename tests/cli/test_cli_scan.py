# SPDX-License-Identifier: Apache-2.0
"""`tidegate scan` from the words to the exit status, on a real image and real knowledge."""

import json
import sys
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped] # it ships no types
import pytest
from cli_run import Run
from scan_report_schema import scan_report_schema

from tidegate.cli.scan_page import scan_page
from tidegate.evidence import ScanReport
from tidegate.evidence.scan_report import SCHEMA_VERSION
from tidegate.wire import from_json

REFERENCE = Path(__file__).resolve().parents[2] / "docs/reference"
SCHEMA = REFERENCE / "scan-report.schema.json"


def _validate(document: Any) -> None:
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(document)


def test_the_schema_in_the_reference_is_that_of_the_values() -> None:
    assert json.loads(SCHEMA.read_text()) == json.loads(json.dumps(scan_report_schema()))


def test_json_follows_the_schema_and_says_what_was_promised(run: Run, image: Path, knowledge: Path) -> None:
    ran = run("scan", f"oci:{image}", "--format", "json")
    assert ran.status == 0
    report = ran.json
    _validate(report)
    assert report["schema_version"] == SCHEMA_VERSION
    index = json.loads((image / "index.json").read_text())
    assert report["artifact"]["digest"] == index["manifests"][0]["digest"]
    assert {component["name"] for component in report["components"]} == {"brook", "weir", "lock"}
    layer = report["artifact"]["layers"][1]
    by_id = {finding["id"]: finding for finding in report["findings"]}
    first = by_id["PYSEC-2025-1"]
    assert first["aliases"] == ["CVE-2025-0001"]
    assert first["purl"] == "pkg:pypi/brook@1.2"
    assert (first["fixed_version"], first["severity"], first["score"]) == ("2.0", "critical", 9.8)
    assert first["layer"] == layer
    assert first["why"]["matched_name"] == "brook"
    assert by_id["PYSEC-2025-3"]["exploited"]["cve"] == "CVE-2025-0003"
    assert report["knowledge"]["sequence"] > 0
    assert knowledge.exists()


def test_without_knowledge_nothing_is_claimed(run: Run, image: Path) -> None:
    ran = run("scan", image, "--format", "json")
    assert ran.status == 0
    _validate(ran.json)
    assert ran.json["knowledge"] is None
    assert ran.json["findings"] == []
    assert len(ran.json["components"]) == 3
    assert "no knowledge file" in ran.err
    assert "tidegate db update" in ran.err


@pytest.mark.parametrize("option", [("--fail-on", "high"), ("--db", "other.db")])
def test_a_threshold_or_a_named_file_needs_knowledge(run: Run, image: Path, option: tuple[str, str]) -> None:
    ran = run("scan", image, *option)
    assert (ran.status, ran.out) == (2, "")
    assert "no knowledge file" in ran.err


@pytest.mark.usefixtures("knowledge")
@pytest.mark.parametrize(
    ("options", "status", "shown"),
    [
        ((), 0, {"PYSEC-2025-1", "PYSEC-2025-2", "PYSEC-2025-3"}),
        (("--fail-on", "critical"), 1, {"PYSEC-2025-1", "PYSEC-2025-2", "PYSEC-2025-3"}),
        (("--severity", "low", "--fail-on", "critical"), 1, {"PYSEC-2025-2"}),
        (("--severity", "critical, LOW"), 0, {"PYSEC-2025-1", "PYSEC-2025-2"}),
        (("--only-fixed",), 0, {"PYSEC-2025-1", "PYSEC-2025-3"}),
    ],
)
def test_what_is_shown_and_what_counts(
    run: Run, image: Path, options: tuple[str, ...], status: int, shown: set[str]
) -> None:
    ran = run("scan", f"oci:{image}", "--format", "json", *options)
    assert ran.status == status, ran.err
    assert {finding["id"] for finding in ran.json["findings"]} == shown
    _validate(ran.json)


def test_an_exploited_flaw_counts_whatever_its_severity(run: Run, tmp_path: Path, osv: Path, knowledge: Path) -> None:
    site = tmp_path / "root/usr/lib/python3/site-packages/weir-1.0.dist-info"
    site.mkdir(parents=True)
    (site / "METADATA").write_text("Metadata-Version: 2.1\nName: weir\nVersion: 1.0\n")
    root = tmp_path / "root"
    assert run("scan", f"rootfs:{root}", "--fail-on", "critical").status == 1
    (osv / "kev.json").unlink()
    assert run("db", "build", "--from", osv, "--db", knowledge).status == 0
    assert run("scan", f"rootfs:{root}", "--fail-on", "critical").status == 0


@pytest.mark.usefixtures("knowledge")
def test_the_page_is_worst_first_and_steers_no_terminal(run: Run, image: Path) -> None:
    ran = run("scan", f"oci:{image}")
    assert ran.status == 0
    assert "\x1b" not in ran.out
    assert "Debian \\x1b]0;owned\\x07GNU/Linux 12" in ran.out
    lines = ran.out.splitlines()
    assert any("FINDINGS  3" in line and "1 critical" in line and "1 exploited" in line for line in lines)
    assert any("2 fixable" in line for line in lines)
    names = ("CVE-2025-0003", "CVE-2025-0001", "CVE-2025-0002")
    order = [name for line in lines if " fix" in line for name in names if name in line]
    assert order == ["CVE-2025-0003", "CVE-2025-0001", "CVE-2025-0002"]
    assert any("KEV" in line and "CVE-2025-0003" in line and "fixed in 1.5" in line for line in lines)
    assert "  upgrade to 2.0, which mends 1 of these 2" in lines
    assert any("no fix yet" in line and "CVE-2025-0002" in line for line in lines)


@pytest.mark.usefixtures("knowledge")
@pytest.mark.parametrize("columns", [60, 80, 100, 160])
def test_no_line_is_wider_than_the_page(run: Run, image: Path, columns: int) -> None:
    raw = run("scan", f"oci:{image}", "--format", "json").out.encode()
    report = from_json(raw, ScanReport, what="report", max_bytes=1 << 20)
    for line in scan_page(report, columns=columns):
        text = "".join(piece for piece, _ in line)
        assert len(text) <= max(columns, 71), text  # 71: a whole digest is never cut
        assert text.isprintable()


@pytest.mark.usefixtures("knowledge")
def test_colour_comes_when_asked_for_and_not_with_no_color(
    run: Run, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("TIDEGATE_COLOUR", "always")
    assert "\x1b[" in run("scan", f"oci:{image}").out
    monkeypatch.delenv("TIDEGATE_COLOUR")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in run("scan", f"oci:{image}").out


def test_an_output_file_is_whole_and_standard_output_empty(run: Run, image: Path, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    ran = run("scan", image, "--format", "json", "-o", file)
    assert (ran.status, ran.out) == (0, "")
    _validate(json.loads(file.read_text()))
    assert [path.name for path in tmp_path.glob(".report*")] == []


def test_a_guess_is_told_unless_quiet(run: Run, image: Path) -> None:
    assert f"taken as oci:{image}" in run("scan", image).err
    quiet = run("scan", image, "-q")
    assert "taken as" not in quiet.err
    assert "no knowledge file" in quiet.err  # that one changes what the result means


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("scan",), "missing argument 'TARGET'; see tidegate scan --help"),
        (("scan", "oci:/nowhere"), "no such file or folder"),
        (("scan", "x", "--severity", "bad"), "'bad' is no severity"),
        (("scan", "x", "--fail-on", "unknown"), "--fail-on"),
        (("scan", "x", "--workers", "many"), "--workers"),
        (("scan", "rootfs:.", "--platform", "a/b/c/d"), "not a platform"),
        (("sbom", "podman:x"), "unknown scheme 'podman'"),
    ],
)
def test_wrong_words_are_one_line_and_exit_2(run: Run, words: tuple[str, ...], error: str) -> None:
    ran = run(*words)
    assert (ran.status, ran.out) == (2, "")
    assert error in ran.err
    assert ran.err.count("\n") == 1


def test_a_bill_of_materials_is_written(run: Run, image: Path) -> None:
    ran = run("sbom", f"oci:{image}")
    assert ran.status == 0
    assert (ran.json["bomFormat"], ran.json["specVersion"]) == ("CycloneDX", "1.6")
    assert {"brook", "weir", "lock"} <= {component["name"] for component in ran.json["components"]}


def test_the_reference_names_every_field() -> None:
    page = (REFERENCE / "scan-report.md").read_text()
    schema = json.loads(SCHEMA.read_text())
    for name, part in {"report": schema, **schema["$defs"]}.items():
        for field in part.get("properties", {}):
            assert f"`{field}`" in page, f"{name}.{field} is not in docs/reference/scan-report.md"


def test_python_is_run_as_a_module_too() -> None:
    import subprocess

    done = subprocess.run([sys.executable, "-m", "tidegate", "version"], capture_output=True, check=True)
    assert done.stdout.startswith(b"tidegate ")


@pytest.mark.usefixtures("knowledge")
def test_a_terminal_of_80_columns_gets_colour_that_fits(image: Path) -> None:
    import fcntl
    import os
    import pty
    import re
    import struct
    import subprocess
    import termios

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    words = [sys.executable, "-m", "tidegate", "scan", f"oci:{image}"]
    process = subprocess.Popen(
        words, stdout=slave, stderr=slave, env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "80"}
    )
    os.close(slave)
    shown = b""
    while True:
        try:
            chunk = os.read(master, 1 << 16)
        except OSError:  # the terminal's other end is gone
            break
        if not chunk:
            break
        shown += chunk
    os.close(master)
    assert process.wait() == 0
    text = shown.decode()
    assert "reading layers: 2 of 2" in text
    assert "\x1b[1;" in text
    page = re.sub(r"\x1b\[[0-9;]*[mK]", "", text.replace("\r\n", "\n")).rpartition("\r")[2]
    assert max(len(line) for line in page.splitlines()) <= 80
    assert "\x1b" not in page
    assert "1 critical" in page


def test_what_is_passed_over_is_said_in_every_form(run: Run, tmp_path: Path, knowledge: Path) -> None:
    (tmp_path / "src/docs").mkdir(parents=True)
    (tmp_path / "src/docs/requirements.txt").write_text("brook==1.2\n")
    target = ("dir:" + str(tmp_path / "src"), "--db", str(knowledge))
    assert run("scan", *target, "--fail-on", "low").status == 1
    for words in (("--skip-dirs", "docs"), ("--skip-files", "**/req*.txt"), ("--exclude", "./docs/**")):
        ran = run("scan", *target, *words, "--fail-on", "low", "--format", "json")
        assert (ran.status, ran.json["findings"], ran.json["passed_over"]) == (0, [], [words[1]])
        page = run("scan", *target, *words)
        assert f"passed over as was wished: {words[1]}" in page.out
        assert words[1] in run("scan", *target, *words, "--format", "html").out
    for form in ("cyclonedx-json", "spdx-json"):
        bill = tmp_path / f"{form}.json"
        assert run("sbom", target[0], "--skip-dirs", "docs", "--format", form, "-o", str(bill)).status == 0
        assert run("scan", f"sbom:{bill}", "--format", "json").json["passed_over"] == ["docs"]


def test_what_nobody_rated_is_told_and_counts_when_asked(run: Run, tmp_path: Path, osv: Path, home: Path) -> None:
    affected = {
        "package": {"ecosystem": "PyPI", "name": "unrated"},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}],
    }
    record = {"id": "PYSEC-2025-9", "modified": "2025-01-01T00:00:00Z", "affected": [affected]}
    (osv / "PyPI/PYSEC-2025-9.json").write_text(json.dumps(record))
    (osv / "PyPI/all.zip").unlink()
    assert run("db", "build", "--from", osv, "--db", home / "knowledge.db").status == 0
    folder = tmp_path / "src"
    folder.mkdir()
    empty = run("scan", f"dir:{folder}", "--format", "json", "-o", str(tmp_path / "empty.json"))
    assert empty.status == 0
    (folder / "requirements.txt").write_text("unrated==1.0\n")
    for words in (("scan", f"dir:{folder}"), ("diff", tmp_path / "empty.json", f"dir:{folder}")):
        ran = run(*words, "--fail-on", "low")
        assert ran.status == 0
        assert "1 finding is of unknown severity and does not count for --fail-on; --fail-on-unknown counts" in ran.err
        counted = run(*words, "--fail-on", "critical", "--fail-on-unknown")
        assert counted.status == 1
        assert "does not count" not in counted.err
    assert (
        "critical or of unknown severity"
        in run("scan", f"dir:{folder}", "--fail-on", "critical", "--fail-on-unknown").err
    )
