# SPDX-License-Identifier: Apache-2.0
"""`tidegate diff`: images, bills of materials and saved reports against each other."""

import json
from pathlib import Path
from typing import Any

import pytest
from cli_run import Run

from tidegate.oci.layer_builder import LayerBuilder
from tidegate.oci.write import write_image


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """The image of the other fixture with one package upgraded, one downgraded, one new, and another file."""
    system = LayerBuilder().file(
        "etc/os-release", 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian \x1b]0;owned\x07GNU/Linux 12"\n'
    )
    site = "usr/lib/python3/dist-packages"
    packages = LayerBuilder()
    for name, version in (("brook", "2.0"), ("lock", "0.9"), ("quay", "1.0"), ("weir", "1.0")):
        packages.file(
            f"{site}/{name}-{version}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
    packages.file("etc/os-release.d/more", "x")
    layout = tmp_path / "newer"
    write_image(layout, "latest", [system.build(), packages.build()], {"User": "1000"})
    return layout


def _turns(document: Any) -> dict[str, tuple[str, str, str]]:
    return {one["name"]: (one["turn"], one["before"], one["after"]) for one in document["components"]}


@pytest.mark.usefixtures("knowledge")
def test_two_images(run: Run, image: Path, newer: Path) -> None:
    ran = run("diff", f"oci:{image}", f"oci:{newer}", "--format", "json")
    assert ran.status == 0, ran.err
    told = ran.json
    assert _turns(told) == {
        "brook": ("upgraded", "1.2", "2.0"),
        "lock": ("downgraded", "1.0", "0.9"),
        "quay": ("added", "", "1.0"),
    }
    assert [one["id"] for one in told["fixed"]] == ["PYSEC-2025-1"]
    assert told["introduced"] == []
    assert told["unchanged"] == 2
    site = "usr/lib/python3/dist-packages"
    assert told["files"]["added"] == [
        "etc/os-release.d/more",
        f"{site}/brook-2.0.dist-info/METADATA",
        f"{site}/lock-0.9.dist-info/METADATA",
        f"{site}/quay-1.0.dist-info/METADATA",
    ]
    assert told["files"]["removed_count"] == 2
    assert told["files"]["changed"] == []


@pytest.mark.usefixtures("knowledge")
def test_what_came_counts_for_the_exit_status(run: Run, image: Path, newer: Path) -> None:
    assert run("diff", image, newer, "--fail-on", "critical").status == 0
    back = run("diff", newer, image, "--fail-on", "critical")
    assert back.status == 1
    assert "1 of the findings that came are critical or worse" in back.err
    assert run("diff", newer, newer, "--fail-on", "low").status == 0


@pytest.mark.usefixtures("knowledge")
def test_images_bills_and_saved_reports_tell_the_same(run: Run, image: Path, newer: Path, tmp_path: Path) -> None:
    bill, report = tmp_path / "a.cdx.json", tmp_path / "b.json"
    assert run("sbom", image, "-o", bill).status == 0
    assert run("scan", newer, "--format", "json", "-o", report).status == 0
    images = run("diff", f"oci:{image}", f"oci:{newer}", "--format", "json").json
    others = run("diff", bill, report, "--format", "json").json
    assert others["files"] is None
    assert {**images, "files": None, "size": None, "before": None, "after": None} == {
        **others,
        "size": None,
        "before": None,
        "after": None,
    }


def test_without_knowledge_components_are_compared_all_the_same(run: Run, image: Path, newer: Path) -> None:
    ran = run("diff", image, newer, "--format", "json")
    assert ran.status == 0
    assert len(_turns(ran.json)) == 3
    assert "findings are not compared" in ran.err
    assert run("diff", image, newer, "--fail-on", "high").status == 2


@pytest.mark.usefixtures("knowledge")
@pytest.mark.parametrize("form", ["table", "markdown"])
def test_people_see_all_of_it(run: Run, image: Path, newer: Path, form: str) -> None:
    ran = run("diff", image, newer, "--format", form)
    assert ran.status == 0
    assert "\x1b" not in ran.out
    for words in ("brook", "1.2", "2.0", "quay", "CVE-2025-0001", "fixed in 2.0", "METADATA", "+0  -1  =2"):
        assert words in ran.out, words


@pytest.mark.usefixtures("knowledge")
def test_different_knowledge_is_told(run: Run, image: Path, tmp_path: Path) -> None:
    report = tmp_path / "b.json"
    assert run("scan", image, "--format", "json", "-o", report).status == 0
    document = json.loads(report.read_text())
    document["knowledge"]["digest"] = "sha256:another"
    report.write_text(json.dumps(document))
    assert "different knowledge" in run("diff", report, image).err


def test_a_broken_report_is_one_line(run: Run, image: Path, tmp_path: Path) -> None:
    report = tmp_path / "b.json"
    report.write_text('{"artifact": 1, "schema_version": "1.1.0"}')
    ran = run("diff", report, image)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.count("\n") == 1
