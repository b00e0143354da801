# SPDX-License-Identifier: Apache-2.0
"""Trivy's ignore files, as they are, and what is told of lines that silence nothing."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vex_samples import CRYPTO, DAY, H11, LAYER, SSL, finding, scene

from tidegate.errors import InvalidInputError, TidegateError
from tidegate.evidence import InVain, Misconfiguration, Severity
from tidegate.inventory import LocatedSecret, SecretFact
from tidegate.vex.silence import Found, silence
from tidegate.vex.trivyignore import read_trivyignore, read_trivyignore_yaml

PLAIN = b"""\
# Accept the risk: nobody calls it
CVE-2023-1255

CVE-2023-2650 exp:2026-01-01
CVE-2023-2975 exp:2027-01-01 # until the next release
CVE-2099-1111
CVE-2023-3446 until:later
generic-secret
"""
YAML = b"""\
vulnerabilities:
  - id: CVE-2023-1255
    purls: ["pkg:apk/alpine/libssl3"]
    statement: not called
  - id: CVE-2023-2650
    paths: ["usr/**/METADATA"]
  - id: CVE-2023-2975
    expired_at: 2026-01-01
misconfigurations:
  - id: TG-DF-001
    paths: ["docker/Dockerfile"]
secrets:
  - id: generic-secret
    paths: ["etc/*"]
licenses:
  - id: GPL-3.0
"""


def secret(path: str) -> LocatedSecret:
    fact = SecretFact(rule="generic-secret", path=path, line=1, redacted="x", fingerprint=path)
    return LocatedSecret(secret=fact, layer=LAYER)


def misconfiguration(path: str) -> Misconfiguration:
    return Misconfiguration(
        id="TG-DF-001",
        title="t",
        severity=Severity.LOW,
        reason="r",
        fix="f",
        references=(),
        subject="dockerfile",
        location=path,
    )


def test_the_plain_form() -> None:
    ignores = read_trivyignore(PLAIN, where=".trivyignore")
    found = Found(
        findings=tuple(
            finding(f"ALPINE-{cve}", SSL, cve) for cve in ("CVE-2023-1255", "CVE-2023-2650", "CVE-2023-2975")
        ),
        secrets=(secret("etc/x"),),
    )
    result = silence(found, ignores.claims, scene(), at=DAY)
    assert [(it.finding.aliases[0], it.by.reason) for it in result.findings] == [
        ("CVE-2023-1255", "Accept the risk: nobody calls it"),
        ("CVE-2023-2975", "until the next release"),
    ]
    assert len(result.secrets) == 1
    told = {idle.word.source: (idle.why, idle.word.id) for idle in (*ignores.idle, *result.idle)}
    assert told == {
        ".trivyignore:4": (InVain.EXPIRED, "CVE-2023-2650"),
        ".trivyignore:6": (InVain.UNUSED, "CVE-2099-1111"),
        ".trivyignore:7": (InVain.MALFORMED, "CVE-2023-3446"),
    }


def test_an_entry_holds_to_the_end_of_its_day() -> None:
    claims = read_trivyignore(b"CVE-1 exp:2026-06-01", where="x").claims
    found = Found(findings=(finding("CVE-1", H11),))
    assert silence(found, claims, scene(), at=date(2026, 6, 1)).findings
    assert not silence(found, claims, scene(), at=date(2026, 6, 2)).findings


def test_the_yaml_form() -> None:
    ignores = read_trivyignore_yaml(YAML, where=".trivyignore.yaml")
    found = Found(
        findings=(
            finding("CVE-2023-1255", SSL),
            finding("CVE-2023-1255", CRYPTO),
            finding("CVE-2023-2650", H11, location="usr/lib/python3/h11.dist-info/METADATA"),
            finding("CVE-2023-2650", H11, location="opt/METADATA"),
            finding("CVE-2023-2975", SSL),
        ),
        secrets=(secret("etc/app"), secret("etc/deeper/app")),
        misconfigurations=(misconfiguration("docker/Dockerfile"), misconfiguration("Dockerfile")),
    )
    result = silence(found, ignores.claims, scene(), at=DAY)
    assert [(it.finding.id, it.finding.location) for it in result.findings] == [
        ("CVE-2023-1255", "some/file"),
        ("CVE-2023-2650", "usr/lib/python3/h11.dist-info/METADATA"),
    ]
    assert result.findings[0].finding.purl == SSL
    assert [it.secret.secret.path for it in result.secrets] == ["etc/app"]
    assert [it.misconfiguration.location for it in result.misconfigurations] == ["docker/Dockerfile"]
    assert {(idle.word.id, idle.why) for idle in (*ignores.idle, *result.idle)} == {
        ("CVE-2023-2975", InVain.EXPIRED),
        ("GPL-3.0", InVain.UNMATCHED),
    }


@pytest.mark.parametrize("raw", [b"- a", b"vulnerabilities: 3", b"vulnerabilities: [{}]", b"a: &x [*x]", b"\t:", b"{"])
def test_no_such_document(raw: bytes) -> None:
    with pytest.raises(InvalidInputError):
        read_trivyignore_yaml(raw, where="x")


@pytest.mark.property
@given(raw=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_nothing_but_named_errors_comes_out_of_ignore_files(raw: bytes) -> None:
    read_trivyignore(raw, where="x")
    try:
        read_trivyignore_yaml(raw, where="x")
    except TidegateError:
        return
