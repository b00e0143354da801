# SPDX-License-Identifier: Apache-2.0
"""Packages of one source share their flaws: they are counted once, and one version is recommended for all of them."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tidegate.cli.diff_page import diff_markdown, diff_page
from tidegate.cli.scan_page import scan_page
from tidegate.evidence import Finding, ScanReport
from tidegate.evidence.flaw import flaw_count, flaws_of
from tidegate.evidence.recommended import recommended_versions
from tidegate.examination.difference import difference
from tidegate.examination.report import full_report
from tidegate.inventory import Basis
from tidegate.knowledge.build import build
from tidegate.knowledge.database import Knowledge
from tidegate.oci.image import Folder
from tidegate.reports import render as render_report
from tidegate.reports.gitlab import render
from tidegate.sbom.cyclonedx_findings import report_document
from tidegate.scan.image import scan_image
from tidegate.scan.parts import ScanParts
from tidegate.scan.roster import CATALOGERS
from tidegate.scan.secrets.detector import SecretDetector
from tidegate.values import replace
from tidegate.wire import to_json

_PACKAGE = "Package: {name}\nStatus: install ok installed\nSource: tide\nArchitecture: amd64\nVersion: {version}\n\n"


def advisory(identity: str, fixed: str, introduced: str = "0") -> bytes:
    events = [{"introduced": introduced}, {"fixed": fixed}]
    affected = {
        "package": {"ecosystem": "Debian:12", "name": "tide"},
        "ranges": [{"type": "ECOSYSTEM", "events": events}],
    }
    return to_json({"id": identity, "modified": "2026-01-01T00:00:00Z", "affected": [affected]})


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("flaws")
    folder = root / "osv/Debian:12"
    folder.mkdir(parents=True)
    for identity, fixed, introduced in (
        ("DEBIAN-CVE-2026-0001", "2-1", "0"),
        ("DEBIAN-CVE-2026-0002", "2-2", "0"),
        ("DEBIAN-CVE-2026-0003", "3-1", "2-1"),
    ):
        (folder / f"{identity}.json").write_bytes(advisory(identity, fixed, introduced))
    build(root / "osv", root / "k.db", made_at=datetime(2026, 1, 2, tzinfo=UTC))
    return root / "k.db"


def report_of(root: Path, knowledge: Path, *names: str, version: str = "1-1") -> ScanReport:
    (root / "etc").mkdir(parents=True, exist_ok=True)
    (root / "etc/os-release").write_text("ID=debian\nVERSION_ID=12\n")
    (root / "var/lib/dpkg").mkdir(parents=True, exist_ok=True)
    (root / "var/lib/dpkg/status").write_text("".join(_PACKAGE.format(name=it, version=version) for it in names))
    folder, parts = Folder(name="x", root=root), ScanParts(secrets=False)
    inventory = scan_image(folder, store=None, roster=CATALOGERS, secrets=SecretDetector(), parts=parts)
    with Knowledge.open(knowledge) as opened:
        return full_report(inventory, opened)


def text_of(report: ScanReport) -> str:
    return "\n".join("".join(words for words, _ in line) for line in scan_page(report, columns=120))


def test_one_version_is_recommended_in_every_form(tmp_path: Path, knowledge: Path) -> None:
    report = report_of(tmp_path, knowledge, "libtide1", "tide", "tide-dev")
    # 2-2 mends both, and brings a flaw that only 3-1 has not.
    assert set(recommended_versions(report).values()) == {"3-1"}
    assert len(recommended_versions(report)) == 3
    page = text_of(report)
    assert "upgrade to 3-1, which mends all of these" in page
    assert "upgrade to 2-2" not in page
    assert page.count("3-1") == 2  # the block and the advice
    solutions = {one["solution"] for one in json.loads(render(report))["vulnerabilities"]}
    assert {words.rpartition(" to ")[2] for words in solutions} == {"3-1"}
    inventory = scan_image(Folder(name="x", root=tmp_path), store=None, roster=CATALOGERS, secrets=SecretDetector())
    recommended = {one["recommendation"] for one in report_document(report, inventory)["vulnerabilities"]}
    assert recommended == {"Upgrade to libtide1 3-1, tide 3-1, tide-dev 3-1"}


def test_what_packages_of_a_source_share_is_counted_once(tmp_path: Path, knowledge: Path) -> None:
    one = report_of(tmp_path / "a", knowledge, "tide")
    more = report_of(tmp_path / "b", knowledge, "libtide1", "tide", "tide-dev")
    assert (len(one.findings), len(more.findings)) == (2, 6)
    assert flaw_count(one.findings) == flaw_count(more.findings) == len(flaws_of(more.findings)) == 2
    assert "FINDINGS  2" in text_of(more)
    told = difference(one, more)
    assert (told.introduced, told.fixed, told.unchanged) == ((), (), 2)
    mended = report_of(tmp_path / "c", knowledge, "libtide1", "tide", "tide-dev", version="2-1")
    told = difference(more, mended)
    assert told.unchanged == 1
    page = "\n".join("".join(words for words, _ in line) for line in diff_page(told, columns=100))
    assert "FINDINGS  +1  -1  =1" in page
    assert page.count("CVE-2026-0001") == diff_markdown(told).count("CVE-2026-0001") == 1


def test_copies_of_a_package_in_several_places_are_one_block(tmp_path: Path, knowledge: Path) -> None:
    report = report_of(tmp_path, knowledge, "tide")
    first = report.findings[0]
    copies: list[Finding] = [replace(first, location=f"app/{place}/x", basis=Basis.INSTALLED) for place in "abc"]
    page = text_of(replace(report, findings=tuple(copies)))
    assert "FINDINGS  1" in page
    assert "app/a/x and 2 places more" in page


def test_pages_for_people_tell_a_flaw_once_with_all_its_places(tmp_path: Path, knowledge: Path) -> None:
    report = report_of(tmp_path, knowledge, "libtide1", "tide", "tide-dev")
    one = report.findings[0]
    copies = tuple(replace(it, location=f"{place}/status") for place in "ab" for it in report.findings)
    markdown = render_report(replace(report, findings=copies), "markdown").decode()
    assert f"<b>Findings ({flaw_count(report.findings)})</b>" in markdown
    assert "a/status and 1 place more" in markdown
    html = render_report(replace(report, findings=copies), "html").decode()
    assert html.count('<details class="finding"') == flaw_count(report.findings)
    assert "a/status<br>b/status" in html
    purls = {str(it.purl).partition("?")[0] for it in report.findings if it.id == one.id}
    assert len(purls) == 3
    assert all(purl in html for purl in purls)
    rows = render_report(replace(report, findings=copies), "csv").decode().splitlines()
    assert sum(row.startswith("findings,") for row in rows) == len(copies)  # for programs: each of them


def test_a_program_of_a_distributions_package_turns_with_its_package(tmp_path: Path, knowledge: Path) -> None:
    def told(root: Path, version: str, curl: bytes) -> ScanReport:
        program = root / "usr/bin/curl"
        program.parent.mkdir(parents=True)
        program.write_bytes(b"\x7fELF\x02\x01\x01" + b"\0" * 57 + b"curl " + curl + b"\0CLIENT libcurl " + curl + b"\0")
        (root / "var/lib/dpkg/info").mkdir(parents=True)
        (root / "var/lib/dpkg/info/tide.list").write_text("/.\n/usr/bin/curl\n")
        return report_of(root, knowledge, "tide", version=version)

    old, new = told(tmp_path / "a", "1-1", b"8.1.0"), told(tmp_path / "b", "2-2", b"8.2.0")
    owned = [it for it in old.components if it.owner is not None]
    if not owned:
        pytest.fail("the program is to be recognised, or this shows nothing")
    assert [turn.name for turn in difference(old, new).components] == ["tide"]
