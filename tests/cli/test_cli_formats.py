# SPDX-License-Identifier: Apache-2.0
"""`tidegate scan --format`: every form through the command, several at once, judged by its own reader."""

import json
from pathlib import Path

import pytest
from cli_run import Run
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from cyclonedx.validation.xml import XmlValidator

from tidegate.cli.report_output import FORMS


@pytest.mark.usefixtures("knowledge")
@pytest.mark.parametrize("form", FORMS)
def test_every_form_comes_out_the_same_twice(run: Run, image: Path, form: str) -> None:
    once = run("scan", f"oci:{image}", "--format", form)
    assert once.status == 0, once.err
    assert once.out
    assert "\x1b" not in once.out
    assert once.out == run("scan", f"oci:{image}", "--format", form).out


@pytest.mark.usefixtures("knowledge")
def test_several_forms_of_one_scan(run: Run, image: Path) -> None:
    words = [f"--format={form}={form}.out" for form in FORMS if form != "table"]
    ran = run("scan", f"oci:{image}", "--format", "table", *words, "--fail-on", "critical")
    assert ran.status == 1
    assert "FINDINGS  3" in ran.out
    for form in FORMS:
        if form != "table":
            assert Path(f"{form}.out").read_bytes().decode() == run("scan", f"oci:{image}", "--format", form).out


@pytest.mark.usefixtures("knowledge")
def test_cyclonedx_tells_what_is_wrong(run: Run, image: Path) -> None:
    text = run("scan", f"oci:{image}", "--format", "cyclonedx-json").out
    assert (error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)) is None, error
    document = json.loads(text)
    by_id = {one["id"]: one for one in document["vulnerabilities"]}
    assert set(by_id) == {"PYSEC-2025-1", "PYSEC-2025-2", "PYSEC-2025-3"}
    worst = by_id["PYSEC-2025-1"]
    assert worst["affects"][0]["ref"] == "pkg:pypi/brook@1.2"
    assert (worst["ratings"][0]["severity"], worst["ratings"][0]["method"]) == ("critical", "CVSSv31")
    assert worst["recommendation"] == "Upgrade to brook 2.0"
    xml = run("scan", f"oci:{image}", "--format", "cyclonedx-xml").out
    assert (wrong := XmlValidator(SchemaVersion.V1_6).validate_str(xml)) is None, wrong


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--format", "pdf"), "'pdf' is not one of table, json, sarif"),
        (("--format", "json="), "names no file"),
        (("--format", "json", "--format", "sarif"), "two results cannot go to one place"),
        (("--format", "json=a", "--format", "sarif=a"), "two results cannot go to one place"),
    ],
)
def test_wrong_forms_exit_2(run: Run, image: Path, words: tuple[str, ...], error: str) -> None:
    ran = run("scan", image, *words)
    assert (ran.status, ran.out) == (2, "")
    assert error in ran.err


def test_short_names_of_options_are_those_people_know(run: Run, image: Path) -> None:
    assert (
        run("scan", image, "-f", "json", "-s", "LOW").json
        == run("scan", image, "--format", "json", "--severity", "low").json
    )
    assert run("sbom", image, "-f", "spdx-json").json["spdxVersion"] == "SPDX-2.3"
