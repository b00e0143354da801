# SPDX-License-Identifier: Apache-2.0
"""Which advisories a component meets, under which name, and what a finding says."""

from pathlib import Path

import pytest
from knowledge_samples import LAYER, Builder, component, record

from tidegate.evidence import Finding, Severity
from tidegate.inventory import Component, PackageUrl
from tidegate.knowledge.database import Knowledge
from tidegate.knowledge.match import match, match_target
from tidegate.knowledge.versions import order_of

RANGE = ({"introduced": "0"}, {"fixed": "2.0"})


def found(db: Path, *components: Component) -> list[Finding]:
    with Knowledge.open(db) as knowledge:
        return match(knowledge, components)


def ids(db: Path, *components: Component) -> list[str]:
    return [one.id for one in found(db, *components)]


def test_a_finding_says_all_there_is(seed_db: Path) -> None:
    wanted = component("Alpine:v3.18", "libcrypto3", "3.1.7-r0", source_name="openssl")
    first, second = found(seed_db, wanted)
    assert [first.id, second.id] == ["ALPINE-CVE-2024-13176", "ALPINE-CVE-2024-9143"]
    assert first.aliases == ("CVE-2024-13176",)
    assert (first.purl, first.name, first.version) == (wanted.purl, "libcrypto3", "3.1.7-r0")
    assert (first.location, first.layer) == (wanted.location, LAYER)
    assert (first.fixed_version, second.fixed_version) == ("3.1.8-r0", "3.1.7-r1")
    assert (first.severity, first.score) == (Severity.MEDIUM, 4.1)
    assert first.vector.startswith("CVSS:3.1/")
    assert first.epss is not None
    assert 0 < first.epss < 1
    assert (first.why.ecosystem, first.why.matched_name, first.why.matched_version) == (
        "Alpine:v3.18",
        "openssl",
        "3.1.7-r0",
    )
    assert first.why.affected == ">= 0, < 3.1.8-r0"
    assert first.why.source == "Alpine Linux"
    assert first.references == ("https://security.alpinelinux.org/vuln/CVE-2024-13176",)


def test_exploited(seed_db: Path) -> None:
    exploited = {one.id: one.exploited for one in found(seed_db, component("PyPI", "Apache_Airflow", "1.10.10"))}
    assert {name for name, entry in exploited.items() if entry} == {"PYSEC-2020-14", "PYSEC-2020-18"}
    entry = exploited["PYSEC-2020-14"]
    assert entry is not None
    assert (entry.cve, entry.added.isoformat(), entry.ransomware) == ("CVE-2020-11978", "2022-01-18", False)


@pytest.mark.parametrize("ecosystem", ["Debian:12", "Ubuntu:22.04:LTS", "Alpine:v3.20", "Wolfi"])
def test_distributions_by_source_are_asked_by_source_name_and_version(built: Builder, db: Path, ecosystem: str) -> None:
    built({ecosystem: [record("A", ecosystem, "src", *RANGE), record("B", ecosystem, "bin", *RANGE)]})
    assert ids(db, component(ecosystem, "bin", "3.0", source_name="src", source_version="1.0")) == ["A"]
    assert ids(db, component(ecosystem, "bin", "1.0", source_name="src", source_version="2.0")) == []
    assert ids(db, component(ecosystem, "bin", "1.0")) == ["B"]


def test_rpm_is_asked_by_binary_name(built: Builder, db: Path) -> None:
    built({"AlmaLinux:9": [record("A", "AlmaLinux:9", "src", *RANGE), record("B", "AlmaLinux:9", "bin", *RANGE)]})
    assert ids(db, component("AlmaLinux:9", "bin", "1.0-1", source_name="src", source_version="1.0")) == ["B"]


def test_releases_do_not_mix(built: Builder, db: Path) -> None:
    built({"Debian": [record("A", "Debian:12", "a", *RANGE)]})
    for ecosystem, expected in {"Debian:12": ["A"], "Debian:11": [], "Debian": [], "Debian:sid": [], "": []}.items():
        assert ids(db, component(ecosystem, "a", "1.0")) == expected


def test_ubuntu_pro_stands_with_its_release(built: Builder, db: Path) -> None:
    built(
        {
            "Ubuntu": [
                record("A", "Ubuntu:14.04:LTS", "a", *RANGE),
                record("B", "Ubuntu:Pro:14.04:LTS", "a", *RANGE),
                record("C", "Ubuntu:Pro:FIPS:14.04:LTS", "a", *RANGE),
            ]
        }
    )
    for ecosystem in ("Ubuntu:14.04:LTS", "Ubuntu:Pro:14.04:LTS"):
        assert ids(db, component(ecosystem, "a", "1.0")) == ["A", "B"]
    labels = [str(one.why.ecosystem) for one in found(db, component("Ubuntu:14.04:LTS", "a", "1.0"))]
    assert labels == ["Ubuntu:14.04:LTS", "Ubuntu:Pro:14.04:LTS"]


def test_what_a_distribution_s_package_owns_is_judged_by_the_distribution(built: Builder, db: Path) -> None:
    built({"PyPI": [record("A", "PyPI", "a", *RANGE)]})
    assert ids(db, component("PyPI", "a", "1.0")) == ["A"]
    assert ids(db, component("PyPI", "a", "1.0", owner=PackageUrl("pkg:deb/debian/python3-a@1.0"))) == []


def test_what_cannot_be_ordered_meets_nothing(built: Builder, db: Path) -> None:
    built({"npm": [record("A", "npm", "a", {"introduced": "0"})]})
    assert ids(db, component("npm", "a", "main"), component("Linux", "a", "1")) == []


MODULAR = "1.18-1.module_el8.5.0+81+7d"


@pytest.mark.parametrize(
    ("version", "modularity", "expected"),
    [
        ("1.10-1.el8", "", ["PLAIN"]),
        ("1.10-1.module_el8.4.0+1+a", "", ["M-12", "M-14", "M-ANY"]),
        ("1.10-1.module_el8.4.0+1+a", "nodejs:12", ["M-12", "M-ANY"]),
        ("1.10-1.module_el8.4.0+1+a", "nodejs:14:8040020210:abc:x86_64", ["M-14", "M-ANY"]),
        ("1.10-1.module_el8.4.0+1+a", "nodejs:18", ["M-ANY"]),
    ],
)
def test_modules(built: Builder, db: Path, version: str, modularity: str, expected: list[str]) -> None:
    fixed = ({"introduced": "0"}, {"fixed": MODULAR})
    built(
        {
            "AlmaLinux": [
                record("M-12", "AlmaLinux:8", "nodejs", *fixed, summary="Important: nodejs:12 security update"),
                record("M-14", "AlmaLinux:8", "nodejs", *fixed, summary="Important: nodejs:14 security update"),
                record("M-ANY", "AlmaLinux:8", "nodejs", *fixed, summary="nodejs update"),
                record("PLAIN", "AlmaLinux:8", "nodejs", {"introduced": "0"}, {"fixed": "1.18-1.el8"}),
            ]
        }
    )
    assert ids(db, component("AlmaLinux:8", "nodejs", version, modularity=modularity)) == expected


def test_the_lowest_fix_above_the_own_version(built: Builder, db: Path) -> None:
    document = record(
        "A", "npm", "a", {"introduced": "0"}, {"fixed": "1.5.0"}, {"introduced": "2.0.0"}, {"fixed": "2.5.0"}
    )
    other = record("", "npm", "a", {"introduced": "1.0.0"}, {"fixed": "1.8.0"})
    document["affected"] += other["affected"]
    built({"npm": [document]})
    for version, fix in {"1.2.0": "1.5.0", "1.6.0": "1.8.0", "2.1.0": "2.5.0"}.items():
        (one,) = found(db, component("npm", "a", version))
        assert one.fixed_version == fix
    assert ids(db, component("npm", "a", "2.5.0"), component("npm", "a", "1.8.0")) == []


def test_a_listed_version_takes_its_fix_from_the_ranges_above(built: Builder, db: Path) -> None:
    document = record("A", "PyPI", "a", {"introduced": "2.0"}, {"fixed": "2.5"})
    document["affected"][0]["versions"] = ["1.0"]
    built({"PyPI": [document]})
    (one,) = found(db, component("PyPI", "a", "1.0.0"))
    assert (one.fixed_version, one.why.affected) == ("2.5", "= 1.0")
    assert ids(db, component("PyPI", "a", "1.0.1")) == []


def test_no_fix_is_none(built: Builder, db: Path) -> None:
    built({"npm": [record("A", "npm", "a", {"introduced": "1.0.0"}, {"last_affected": "1.5.0"})]})
    (one,) = found(db, component("npm", "a", "1.5.0"))
    assert (one.fixed_version, one.why.affected) == (None, ">= 1.0.0, <= 1.5.0")


def test_malicious(built: Builder, db: Path) -> None:
    built({"npm": [record("MAL-2024-1", "npm", "a", {"introduced": "0"})]})
    (one,) = found(db, component("npm", "a", "1.5.0"))
    assert one.malicious


def test_two_databases_one_flaw(built: Builder, db: Path) -> None:
    vector = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]
    built(
        {
            "PyPI": [
                record("PYSEC-2024-1", "PyPI", "a", {"introduced": "0"}, aliases=["CVE-2024-1000"]),
                record("GHSA-aaaa", "PyPI", "a", *RANGE, aliases=["CVE-2024-1000"], severity=vector),
                record("PYSEC-2024-2", "PyPI", "a", *RANGE, aliases=["CVE-2024-1000"]),
                record("GHSA-bbbb", "PyPI", "a", *RANGE, aliases=["CVE-2024-2000"]),
            ]
        }
    )
    first, second, third = found(db, component("PyPI", "a", "1.0"))
    assert [first.id, second.id, third.id] == ["GHSA-bbbb", "PYSEC-2024-1", "PYSEC-2024-2"]
    assert second.aliases == ("CVE-2024-1000", "GHSA-aaaa")
    assert (second.fixed_version, second.score) == ("2.0", 9.8)


def test_other_ecosystems_keep_both(built: Builder, db: Path) -> None:
    both = [record(name, "npm", "a", *RANGE, aliases=["CVE-2024-1000"]) for name in ("GHSA-aaaa", "NSWG-1")]
    built({"npm": both})
    assert ids(db, component("npm", "a", "1.0.0")) == ["GHSA-aaaa", "NSWG-1"]


def test_findings_are_sorted_whatever_the_order_of_components(seed_db: Path) -> None:
    wanted = [
        component("PyPI", "urllib3", "1.25.9"),
        component("Alpine:v3.18", "musl", "1.2.4-r2"),
        component("PyPI", "urllib3", "1.25.9", location="another"),
        component("Debian:12", "openssl", "3.0.9-1"),
    ]
    forward = found(seed_db, *wanted)
    assert found(seed_db, *reversed(wanted)) == forward
    assert len(forward) == 3 + 1 + 3 + 2
    assert [one.purl for one in forward] == sorted(one.purl for one in forward)


def test_what_the_server_stores() -> None:
    one = component("Ubuntu:Pro:14.04:LTS", "bin", "1.0", source_name="src")
    target = match_target(one)
    order = order_of("Ubuntu")
    assert target is not None
    assert order is not None
    assert (target.ecosystem, target.name, target.version) == ("Ubuntu:14.04:LTS", "src", "1.0")
    assert target.key == order.key(target.version)
    assert match_target(component("Linux", "a", "1")) is None
