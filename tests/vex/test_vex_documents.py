# SPDX-License-Identifier: Apache-2.0
"""OpenVEX, CSAF and CycloneDX statements: real documents in, ours out and in again, and hostile ones."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped] # it ships no types
import pytest
from csaf_rules import CSAF
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import given
from hypothesis import strategies as st
from vex_samples import CRYPTO, DAY, H11, IMAGE, SSL, finding, scene

from tidegate.errors import InvalidInputError, TidegateError
from tidegate.evidence import InVain, SaidIn
from tidegate.vex.claim import STATUSES, Claim
from tidegate.vex.csaf import read_csaf, write_csaf
from tidegate.vex.cyclonedx import read_cyclonedx_vex, write_cyclonedx_vex
from tidegate.vex.openvex import JUSTIFICATIONS, Assertion, read_openvex, write_openvex
from tidegate.vex.reading import assertions_of, read_statements
from tidegate.vex.silence import Found, silence

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
IMAGE_PURL = f"pkg:oci/app@{IMAGE}"
READERS = {"openvex": read_openvex, "csaf": read_csaf, "cyclonedx": read_cyclonedx_vex}


def written(form: str, *assertions: Assertion) -> bytes:
    if form == "openvex":
        return write_openvex(assertions, author="team", at=NOON)
    if form == "csaf":
        return write_csaf(assertions, author="team", namespace="https://team.example", at=NOON)
    return write_cyclonedx_vex(assertions, author="team", at=NOON)


def read(form: str, raw: bytes) -> list[Claim]:
    return READERS[form](raw, where="said.json")


@pytest.mark.parametrize("form", READERS)
@pytest.mark.parametrize("status", STATUSES)
def test_what_is_written_is_read_again_and_silences_what_it_should(form: str, status: str) -> None:
    claims = read(
        form,
        written(
            form,
            Assertion(
                id="CVE-2023-1255",
                aliases=("GHSA-aaaa-bbbb-cccc",),
                status=status,
                products=(SSL,),
                justification="vulnerable_code_not_present" if status == "not_affected" else "",
                action="update" if status == "affected" else "",
            ),
        ),
    )
    assert {claim.word.status for claim in claims} == {status}
    found = Found(
        findings=(
            finding("ALPINE-CVE-2023-1255", SSL, "CVE-2023-1255"),
            finding("GHSA-aaaa-bbbb-cccc", SSL),
            finding("CVE-2023-1255", CRYPTO),
            finding("CVE-2023-9999", SSL),
        )
    )
    result = silence(found, claims, scene(), at=DAY)
    expected = found.findings[:2] if status in {"fixed", "not_affected"} else ()
    assert tuple(it.finding for it in result.findings) == expected
    assert {it.by.said_in for it in result.findings} <= {SaidIn(form)}
    assert set(result.counting.findings) == set(found.findings) - set(expected)
    assert not result.idle


@pytest.mark.parametrize("form", ["openvex", "csaf"])
def test_a_package_in_an_image_is_not_the_package_elsewhere(form: str) -> None:
    assertion = Assertion(
        id="CVE-1-1",
        status="not_affected",
        products=(IMAGE_PURL,),
        packages=("pkg:apk/alpine/libssl3",),
        justification=JUSTIFICATIONS[0],
        impact="it is not there",
    )
    claims = read(form, written(form, assertion))
    found = Found(findings=(finding("CVE-1-1", SSL), finding("CVE-1-1", CRYPTO)))
    assert [it.finding.purl for it in silence(found, claims, scene(), at=DAY).findings] == [SSL]
    elsewhere = scene()
    elsewhere.digests = frozenset()
    elsewhere.names = ("registry.example/other:1",)
    result = silence(found, claims, elsewhere, at=DAY)
    assert not result.findings
    assert [idle.why for idle in result.idle] == [InVain.UNMATCHED]


@pytest.mark.parametrize("form", READERS)
def test_the_same_words_are_the_same_bytes(form: str) -> None:
    assertion = Assertion(id="CVE-1-1", status="fixed", products=(H11, SSL))
    assert written(form, assertion) == written(form, assertion)


def test_cyclonedx_out_is_valid() -> None:
    raw = written(
        "cyclonedx",
        *(
            Assertion(
                id=f"CVE-2024-{number}",
                aliases=("GHSA-x",),
                status="not_affected",
                products=(H11, IMAGE_PURL),
                justification=justification,
            )
            for number, justification in enumerate(JUSTIFICATIONS)
        ),
        Assertion(id="CVE-2024-99", status="affected", products=(SSL,), action="update it"),
    )
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(raw.decode()) is None


def test_csaf_out_says_all_that_the_vex_profile_asks_for() -> None:
    # CSAF 2.0 section 4.5: product_tree, vulnerabilities with product_status, and for every known_not_affected an
    # impact statement in flags or threats; for known_affected a remediation; every vulnerability an id and notes.
    document = json.loads(
        written(
            "csaf",
            Assertion(id="CVE-2026-0001", status="not_affected", products=(H11,), justification=JUSTIFICATIONS[1]),
            Assertion(id="GHSA-x", status="affected", products=(SSL,), action="update"),
        )
    )
    ids = {name["product_id"] for name in document["product_tree"]["full_product_names"]}
    first, second = document["vulnerabilities"]
    assert first["cve"] == "CVE-2026-0001"
    assert second["ids"] == [{"system_name": "GHSA", "text": "GHSA-x"}]
    assert first["flags"][0]["label"] == JUSTIFICATIONS[1]
    assert second["remediations"][0]["details"] == "update"
    assert all(it["notes"] and set(*it["product_status"].values()) <= ids for it in (first, second))
    assert document["document"]["tracking"]["revision_history"]


_NAMES = st.sampled_from(["CVE-2026-0001", "CVE-1", "GHSA-x", "-", "x y"])
_PRODUCTS = st.sampled_from([H11, SSL, IMAGE_PURL, "pkg:x", "cpe:2.3:a:b", "cpe:/o:a:b:1", "plain", "ä b"])


@pytest.mark.property
@given(
    id_=_NAMES,
    aliases=st.lists(_NAMES, max_size=3),
    status=st.sampled_from(STATUSES),
    products=st.lists(_PRODUCTS, min_size=1, max_size=3),
    packages=st.lists(_PRODUCTS, max_size=2),
    author=st.text(min_size=1, max_size=20).filter(str.strip),
)
def test_csaf_out_is_what_the_standard_asks_for(
    id_: str, aliases: list[str], status: str, products: list[str], packages: list[str], author: str
) -> None:
    said = Assertion(
        id=id_,
        aliases=tuple(aliases),
        status=status,
        products=tuple(products),
        packages=tuple(packages),
        justification=JUSTIFICATIONS[0] if status == "not_affected" else "",
        action="update" if status == "affected" else "",
    )
    document = json.loads(write_csaf([said], author=author, namespace="https://team.example", at=NOON))
    jsonschema.Draft202012Validator(CSAF, format_checker=jsonschema.FormatChecker()).validate(document)


@pytest.mark.parametrize(
    ("assertion", "complaint"),
    [
        (Assertion(id="CVE-1", status="harmless", products=(H11,)), "unknown status"),
        (Assertion(id="CVE-1", status="not_affected", products=(H11,)), "without a reason"),
        (Assertion(id="CVE-1", status="affected", products=(H11,)), "without an action"),
        (Assertion(id="CVE-1", status="fixed", products=()), "no product"),
        (Assertion(id="CVE-1", status="not_affected", products=(H11,), justification="because"), "justification"),
    ],
)
def test_what_the_specification_asks_for_must_be_said(assertion: Assertion, complaint: str) -> None:
    for form in READERS:
        with pytest.raises(InvalidInputError, match=complaint):
            written(form, assertion)


def test_the_later_word_counts() -> None:
    def said(status: str, day: int) -> dict[str, Any]:
        return {
            "vulnerability": {"name": "CVE-1-1"},
            "products": [{"@id": H11}],
            "status": status,
            "timestamp": f"2026-01-{day:02}T00:00:00Z",
        }

    def result(*statements: dict[str, Any]) -> int:
        raw = json.dumps({"@context": "https://openvex.dev/ns/v0.2.0", "statements": statements}).encode()
        claims = read_openvex(raw, where="said.json")
        return len(silence(Found(findings=(finding("CVE-1-1", H11),)), claims, scene(), at=DAY).findings)

    assert result(said("under_investigation", 1), said("not_affected", 2)) == 1
    assert result(said("not_affected", 2), said("under_investigation", 1)) == 1
    assert result(said("not_affected", 1), said("affected", 2)) == 0
    assert result(said("affected", 1), said("fixed", 1)) == 1


def test_the_first_openvex_is_read_as_well() -> None:
    raw = json.dumps(
        {
            "@context": "https://openvex.dev/ns",
            "statements": [
                {
                    "vulnerability": "CVE-1-1",
                    "products": [IMAGE_PURL],
                    "subcomponents": [H11],
                    "status": "not_affected",
                    "justification": "component_not_present",
                }
            ],
        }
    ).encode()
    claims = read_openvex(raw, where="old.json")
    found = Found(findings=(finding("CVE-1-1", H11), finding("CVE-1-1", SSL)))
    assert [it.finding.purl for it in silence(found, claims, scene(), at=DAY).findings] == [H11]


def test_a_statement_without_products_speaks_of_nothing() -> None:
    raw = b'{"@context":"https://openvex.dev/ns/v0.2.0","statements":[{"vulnerability":{"name":"CVE-1-1"},"status":"fixed"}]}'
    result = silence(Found(findings=(finding("CVE-1-1", H11),)), read_openvex(raw, where="empty.json"), scene(), at=DAY)
    assert not result.findings
    assert [(idle.why, idle.word.source) for idle in result.idle] == [(InVain.UNMATCHED, "empty.json#1")]


def test_an_analysis_of_the_documents_own_subject_speaks_of_all_in_it() -> None:
    raw = json.dumps(
        {
            "bomFormat": "CycloneDX",
            "specVersion": "1.5",
            "metadata": {"component": {"bom-ref": "app", "name": "app", "type": "container"}},
            "vulnerabilities": [
                {"id": "CVE-1-1", "analysis": {"state": "false_positive"}, "affects": [{"ref": "app"}]},
                {
                    "id": "CVE-2-2",
                    "analysis": {"state": "resolved"},
                    "affects": [{"ref": "urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#pkg%3Apypi%2Fh11%400.14.0"}],
                },
                {"id": "CVE-3-3", "affects": [{"ref": "app"}]},
            ],
        }
    ).encode()
    found = Found(findings=tuple(finding(name, H11) for name in ("CVE-1-1", "CVE-2-2", "CVE-3-3")))
    result = silence(found, read_cyclonedx_vex(raw, where="bom.json"), scene(), at=DAY)
    assert [it.finding.id for it in result.findings] == ["CVE-1-1", "CVE-2-2"]


@pytest.mark.shared_data
def test_real_documents_are_read_whole(shared_data: Path) -> None:
    folder = shared_data / "vex"
    counted = {
        name: len(reader((folder / name).read_bytes(), where=name))
        for name, reader in (
            ("node.openvex.json", read_openvex),
            ("ubuntu-CVE-2023-38545.openvex.json", read_openvex),
            ("grype-demo1.csaf.json", read_csaf),
            ("redhat-CVE-2024-24786.csaf-vex.json", read_csaf),
        )
    }
    node = json.loads((folder / "node.openvex.json").read_bytes())
    assert counted["node.openvex.json"] == len(node["statements"])
    assert counted["grype-demo1.csaf.json"] == counted["redhat-CVE-2024-24786.csaf-vex.json"] == 1
    assert counted["ubuntu-CVE-2023-38545.openvex.json"] >= 1


@pytest.mark.shared_data
def test_real_documents_silence_what_their_makers_meant(shared_data: Path) -> None:
    found = Found(findings=(finding("CVE-2023-1255", SSL), finding("CVE-2023-1255", CRYPTO)))
    raw = (shared_data / "vex" / "grype-demo1.csaf.json").read_bytes()
    assert [it.finding.purl for it in silence(found, read_csaf(raw, where="c"), scene(), at=DAY).findings] == [CRYPTO]
    raw = (shared_data / "vex" / "grype-demo1.openvex.json").read_bytes()
    here = scene()
    claims = read_openvex(raw, where="o")
    assert not silence(found, claims, here, at=DAY).findings
    here.digests = frozenset({"sha256:124c7d2707904eea7431fffe91522a01e5a861a624ee31d03372cc1d138a3126"})  # type: ignore[arg-type] # as a digest is written
    assert len(silence(found, claims, here, at=DAY).findings) == len(found.findings)


def _mutated(document: Any, path: list[int], value: Any) -> Any:
    """Puts a value somewhere into a copy of a document."""
    if not path or not isinstance(document, dict | list) or not document:
        return value
    if isinstance(document, dict):
        key = sorted(document)[path[0] % len(document)]
        return document | {key: _mutated(document[key], path[1:], value)}
    at = path[0] % len(document)
    return [*document[:at], _mutated(document[at], path[1:], value), *document[at + 1 :]]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.property
@pytest.mark.parametrize("form", READERS)
@given(path=st.lists(st.integers(0, 20), max_size=8), value=ANYTHING, cut=st.integers(0, 2000))
def test_nothing_but_named_errors_comes_out(form: str, path: list[int], value: Any, cut: int) -> None:
    raw = written(
        form, Assertion(id="CVE-1-1", aliases=("GHSA-x",), status="fixed", products=(IMAGE_PURL,), packages=(SSL,))
    )
    attempts: list[Callable[[], bytes]] = [
        lambda: json.dumps(_mutated(json.loads(raw), path, value)).encode(),
        lambda: raw[: cut % len(raw)],
    ]
    for attempt in attempts:
        try:
            claims = read(form, attempt())
        except TidegateError:
            continue
        silence(Found(findings=(finding("CVE-1-1", SSL),)), claims, scene(), at=DAY)


@pytest.mark.parametrize("target", READERS)
@pytest.mark.parametrize("form", READERS)
def test_one_form_turns_into_another_and_says_the_same(form: str, target: str) -> None:
    said = (
        Assertion(id="CVE-1-1", aliases=("GHSA-X",), status="not_affected", products=(H11, SSL), impact="not called"),
        Assertion(id="CVE-2-2", status="affected", products=(SSL,), action="update"),
        Assertion(id="CVE-3-3", status="fixed", products=(H11,)),
    )
    told, claims = read_statements(written(form, *said), where="said.json")
    assert told == SaidIn(form)
    _, again = read_statements(written(target, *assertions_of(claims)), where="again.json")
    found = Found(
        findings=tuple(finding(name, purl) for name in ("CVE-1-1", "CVE-2-2", "CVE-3-3") for purl in (H11, SSL, CRYPTO))
    )
    first, second = (silence(found, one, scene(), at=DAY) for one in (claims, again))
    assert [it.finding for it in first.findings] == [it.finding for it in second.findings]
    assert len(first.findings) == 3
    assert {it.by.reason for it in second.findings if it.by.id == "CVE-1-1"} == {"not called"}


@pytest.mark.parametrize("raw", [b"{}", b"[]", b"x", b'{"@context": 3}', b'{"bomFormat": "SPDX"}', b'{"document": {}}'])
def test_what_is_no_such_document_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidInputError):
        read_statements(raw, where="x.json")
