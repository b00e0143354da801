# SPDX-License-Identifier: Apache-2.0
"""`tidegate convert`, and scans of bills of materials: the same findings as with the image, in every form."""

import base64
import json
from pathlib import Path

import pytest
from cli_run import Run

from tidegate.sbom import SBOM_FORMS

FORMS = [(form.name, version) for form in SBOM_FORMS for version in form.versions]


@pytest.mark.usefixtures("knowledge")
@pytest.mark.parametrize(("form", "version"), FORMS)
def test_a_bill_is_matched_like_the_image(run: Run, image: Path, tmp_path: Path, form: str, version: str) -> None:
    bill = tmp_path / "bill"
    assert run("sbom", image, "--format", form, "--spec-version", version, "-o", bill).status == 0
    whole = run("scan", f"oci:{image}", "--format", "json").json
    ran = run("scan", f"sbom:{bill}", "--format", "json")
    assert ran.status == 0, ran.err
    for part in ("findings", "components", "artifact", "support", "unmatched", "configuration", "notices"):
        told = {**ran.json["artifact"], "name": ""} if part == "artifact" else ran.json[part]
        assert told == ({**whole["artifact"], "name": ""} if part == "artifact" else whole[part]), part


@pytest.mark.parametrize(("form", "version"), FORMS)
def test_from_any_form_to_any_other_nothing_is_lost(
    run: Run, image: Path, tmp_path: Path, form: str, version: str
) -> None:
    first, there, back = tmp_path / "a.json", tmp_path / "there", tmp_path / "back"
    assert run("sbom", image, "-o", first).status == 0
    assert run("convert", first, "--format", form, "--spec-version", version, "-o", there).status == 0
    assert run("convert", there, "-o", back).status == 0
    assert back.read_bytes() == first.read_bytes()


def test_an_attestation_around_it_is_taken_off(run: Run, image: Path, tmp_path: Path) -> None:
    plain = run("sbom", image).out
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "predicateType": "https://cyclonedx.org/bom",
        "subject": [],
        "predicate": json.loads(plain),
    }
    payload = base64.b64encode(json.dumps(statement).encode()).decode()
    envelope = {"payloadType": "application/vnd.in-toto+json", "payload": payload, "signatures": []}
    for wrapped in (statement, envelope, {"mediaType": "bundle", "dsseEnvelope": envelope}):
        file = tmp_path / "wrapped.json"
        file.write_text(json.dumps(wrapped))
        ran = run("convert", file)
        assert ran.status == 0, ran.err
        assert ran.out == plain


def test_no_clock_unless_it_is_asked_for(run: Run, image: Path) -> None:
    once = run("sbom", image)
    assert once.out == run("sbom", image).out
    assert once.json["metadata"]["timestamp"] == "1970-01-01T00:00:00Z", "as the image says of itself"
    asked = run("sbom", image, "--timestamp", "2026-01-31T12:00:00Z").json
    assert asked["metadata"]["timestamp"] == "2026-01-31T12:00:00Z"
    assert asked["serialNumber"] == once.json["serialNumber"]
    assert run("sbom", image, "--timestamp", "now").json["metadata"]["timestamp"] > "2026"


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("convert", "nothing"), "does not exist"),
        (("convert", "plain.txt"), "is no bill of materials"),
        (("convert", "{image}", "--format", "spdx-json"), "is a directory"),
        (("scan", "sbom:nowhere"), "no such file"),
        (("sbom", "{image}", "--format", "spdx-json", "--spec-version", "1.6"), "no version '1.6' of spdx-json"),
        (("sbom", "{image}", "--timestamp", "yesterday"), "write `now`, or a moment"),
        (("admit", "sbom:plain.txt", "--to", "curation"), ""),
    ],
)
def test_wrong_words_exit_2(run: Run, image: Path, words: tuple[str, ...], error: str) -> None:
    Path("plain.txt").write_text("hello")
    ran = run(*(word.replace("{image}", str(image)) for word in words))
    assert ran.status == 2, ran.err
    assert error in ran.err


@pytest.mark.parametrize(
    "content",
    [
        "{" * 100_000,
        '{"bomFormat":"CycloneDX","specVersion":"9"}',
        '{"bomFormat":"CycloneDX","specVersion":"1.6","components":'
        + '[{"components":' * 400
        + "[]"
        + "}]" * 400
        + "}",
        '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><bom xmlns="http://cyclonedx.org/schema/bom/1.6">&a;</bom>',
        "<bom/>",
        "SPDXVersion: SPDX-2.3\nPackageName: <text>never ends",
        "SPDXVersion: SPDX-9",
        '{"payloadType":"x","payload":"%%%"}',
        '{"predicate":{"predicate":{"predicate":{"predicate":{"predicate":{}}}}}}',
    ],
)
def test_a_hostile_bill_is_one_line_and_exit_2(run: Run, tmp_path: Path, content: str) -> None:
    bill = tmp_path / "bill"
    bill.write_text(content)
    ran = run("scan", f"sbom:{bill}")
    assert (ran.status, ran.out) == (2, ""), ran.err
    assert ran.err.count("\n") == 1
