# SPDX-License-Identifier: Apache-2.0
"""Until when somebody cares for what an image stands on, and how often it got fixes."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from knowledge_samples import component, record

from tidegate.evidence import Support
from tidegate.inventory import Component, OsRelease, PackageKind, PackageUrl, Scope
from tidegate.knowledge.build import BuildReport
from tidegate.knowledge.database import Knowledge
from tidegate.knowledge.product_names import lines_of, names_of_component
from tidegate.knowledge.support import support_of

DAY = date(2026, 11, 22)
DEBIAN = OsRelease(id="debian", version_id="12")


def of(kind: PackageKind, name: str, version: str, purl: str = "", **more: Any) -> Component:
    ecosystems = {PackageKind.PYPI: "PyPI", PackageKind.GOLANG: "Go", PackageKind.DEB: "Debian:12"}
    values = {"kind": kind, "purl": PackageUrl(f"{purl or f'pkg:{kind.value}/{name}'}@{version}")}
    return component(ecosystems.get(kind, ""), name, version, **(values | more))


def supports(
    db: Path, *components: Component, base: str = "", release: OsRelease | None = None, at: date = DAY
) -> tuple[Support, ...]:
    with Knowledge.open(db) as knowledge:
        return support_of(knowledge, components, release, base, at)


@pytest.mark.parametrize(
    ("id_", "version", "product", "cycle", "ends", "ended"),
    [
        ("alpine", "3.18.9", "alpine-linux", "3.18", date(2025, 5, 9), True),
        ("debian", "12", "debian", "12", date(2028, 6, 30), False),  # its long-term support is free
        ("ubuntu", "22.04", "ubuntu", "22.04", date(2027, 4, 1), False),  # Pro is not
        ("almalinux", "9.4", "almalinux", "9", date(2032, 5, 31), False),
        ("rocky", "8.10", "rocky-linux", "8", date(2029, 5, 31), False),
        ("rhel", "7.9", "rhel", "7", date(2024, 6, 30), True),
    ],
)
def test_known_releases(
    seed_db: Path, id_: str, version: str, product: str, cycle: str, ends: date, ended: bool
) -> None:
    (support,) = supports(seed_db, release=OsRelease(id=id_, version_id=version))
    assert (support.product, support.cycle, support.ends, support.ended) == (product, cycle, ends, ended)
    assert (support.subject, support.days_left) == ("distribution", (ends - DAY).days)


@pytest.mark.parametrize(("day", "ended", "left"), [(date(2025, 5, 9), False, 0), (date(2025, 5, 10), True, -1)])
def test_the_last_day_still_counts(seed_db: Path, day: date, ended: bool, left: int) -> None:
    (support,) = supports(seed_db, release=OsRelease(id="alpine", version_id="3.18.9"), at=day)
    assert (support.ended, support.days_left) == (ended, left)


@pytest.mark.parametrize(
    "release",
    [None, OsRelease(id="debian"), OsRelease(id="debian", version_id="99"), OsRelease(id="unheard", version_id="1")],
)
def test_unknown_releases_say_nothing(seed_db: Path, release: OsRelease | None) -> None:
    assert supports(seed_db, release=release) == ()


@pytest.mark.shared_data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("found", "subject", "product", "cycle", "ends"),
    [
        (of(PackageKind.GENERIC, "python", "3.8.20"), "runtime", "python", "3.8", date(2024, 10, 7)),
        (of(PackageKind.GENERIC, "node", "16.20.0"), "runtime", "nodejs", "16", date(2023, 9, 11)),
        (of(PackageKind.GENERIC, "openjdk", "1.8.0_392"), "runtime", "eclipse-temurin", "8", date(2030, 12, 31)),
        (
            of(PackageKind.GENERIC, "jdk", "17.0.9+9", supplier="Amazon.com Inc."),
            *("runtime", "amazon-corretto", "17", date(2029, 10, 31)),
        ),
        (of(PackageKind.GENERIC, "ruby", "2.7.8"), "runtime", "ruby", "2.7", date(2023, 3, 31)),
        (of(PackageKind.GENERIC, "php", "7.4.33"), "runtime", "php", "7.4", date(2022, 11, 28)),
        (of(PackageKind.GENERIC, "perl", "5.36.0"), "runtime", "perl", "5.36", date(2025, 5, 27)),
        (of(PackageKind.GENERIC, "erlang", "25.0"), "runtime", "erlang", "25", date(2025, 5, 17)),
        (of(PackageKind.GENERIC, "elixir", "1.10.4"), "runtime", "elixir", "1.10", date(2023, 6, 19)),
        (of(PackageKind.GOLANG, "stdlib", "1.20.1"), "runtime", "go", "1.20", date(2024, 2, 6)),
        (
            of(PackageKind.NUGET, "Microsoft.NETCore.App", "6.0.1"),
            *("runtime", "dotnet", "6", date(2024, 11, 12)),
        ),
        (of(PackageKind.PYPI, "django", "3.2.0"), "framework", "django", "3.2", date(2024, 4, 1)),
        (of(PackageKind.GEM, "rails", "5.2.3"), "framework", "ruby-on-rails", "5.2", date(2022, 6, 1)),
        (
            of(PackageKind.MAVEN, "g:spring-boot", "2.7.1", "pkg:maven/org.springframework.boot/spring-boot"),
            *("framework", "spring-boot", "2.7", date(2023, 6, 30)),
        ),
        (of(PackageKind.COMPOSER, "laravel/framework", "v9.1.0"), "framework", "laravel", "9", date(2024, 2, 6)),
        (
            of(PackageKind.NPM, "core", "15.0.0", "pkg:npm/%40angular/core"),
            "framework",
            "angular",
            "15",
            date(2024, 5, 18),
        ),
        (of(PackageKind.NPM, "vue", "2.6.0"), "framework", "vue", "2.6", date(2022, 7, 1)),
        (of(PackageKind.GENERIC, "nginx", "1.20.1"), "component", "nginx", "1.20", date(2022, 5, 24)),
        (of(PackageKind.GENERIC, "postgres", "12.3"), "component", "postgresql", "12", date(2024, 11, 21)),
        (of(PackageKind.GENERIC, "redis", "6.0.1"), "component", "redis", "6.0", date(2022, 5, 31)),
        (
            of(PackageKind.MAVEN, "t:t", "9.0.30", "pkg:maven/org.apache.tomcat.embed/tomcat-embed-core"),
            *("component", "tomcat", "9.0", date(2027, 3, 31)),
        ),
        (of(PackageKind.GOLANG, "k8s.io/kubernetes", "v1.28.0"), "component", "kubernetes", "1.28", date(2024, 10, 28)),
    ],
    ids=lambda one: one.name if isinstance(one, Component) else None,
)
def test_what_runs_has_dates(
    whole_db: Path, found: Component, subject: str, product: str, cycle: str, ends: date | None
) -> None:
    (support,) = supports(whole_db, found)
    assert (support.subject, support.product, support.cycle) == (subject, product, cycle)
    assert (support.ends, support.purl) == (ends, found.purl)


@pytest.mark.shared_data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("debian:buster", ("debian", "10", True)),
        ("debian:bookworm-slim", ("debian", "12", False)),
        ("node:16", ("nodejs", "16", True)),
        ("python:3.8-slim", ("python", "3.8", True)),
        ("docker.io/library/golang:1.20-alpine", ("go", "1.20", True)),
        ("registry.example:5000/library/postgres:12@sha256:00", ("postgresql", "12", True)),
        ("mcr.microsoft.com/dotnet/aspnet:6.0", ("dotnet", "6", True)),
        ("registry.access.redhat.com/ubi8/ubi:8.5", ("rhel", "8", False)),
        ("registry.access.redhat.com/ubi7", ("rhel", "7", True)),
        ("eclipse-temurin:17-jre", ("eclipse-temurin", "17", False)),
        ("ubuntu:jammy", ("ubuntu", "22.04", False)),
        ("amazonlinux:2", ("amazon-linux", "2", True)),
        ("alpine", None),
        ("node:latest", None),
        ("ghcr.io/somebody/sdk:6.0", None),
        ("", None),
        (":::/@", None),
    ],
)
def test_a_base_is_told_by_its_tag(whole_db: Path, base: str, expected: tuple[str, str, bool] | None) -> None:
    found = [(one.product, one.cycle, one.ended) for one in supports(whole_db, base=base)]
    assert found == ([expected] if expected else [])
    assert all(one.subject == "base" for one in supports(whole_db, base=base))


@pytest.mark.shared_data
@pytest.mark.slow
def test_each_is_told_once_and_in_order(whole_db: Path) -> None:
    python = of(PackageKind.GENERIC, "python", "3.8.20")
    twice = of(PackageKind.GENERIC, "python", "3.8.20", location="elsewhere")
    django = of(PackageKind.PYPI, "django", "3.2.0")
    found = supports(whole_db, django, twice, python, release=DEBIAN, base="debian:12")
    assert [(one.subject, one.product) for one in found] == [
        ("distribution", "debian"),
        ("runtime", "python"),
        ("framework", "django"),
    ]


@pytest.mark.parametrize(
    "quiet",
    [
        of(PackageKind.DEB, "python3.11", "3.11.2", "pkg:deb/debian/python3.11"),  # Debian mends this one itself
        of(PackageKind.PYPI, "django", "3.2.0", owner=PackageUrl("pkg:deb/debian/python3-django")),
    ],
)
def test_what_a_distribution_cares_for_is_not_told_apart(quiet: Component) -> None:
    assert list(names_of_component(quiet)) == []


EOL = (
    '{"products": {"python": {"category": "lang", "identifiers": {"purl": ["pkg:generic/python"]},'
    ' "cycles": [{"cycle": "3.8", "eol": true}, {"cycle": 4, "eol": "2024-02-31", "codename": "Four Fold"}]},'
    ' "django": {"category": "framework", "identifiers": {"repology": ["python:django"]},'
    ' "cycles": [{"cycle": "3.2", "eol": "2024-04-01"}]},'
    ' "debian": {"category": "os", "cycles": [{"cycle": "12", "eol": false}]}}}'
)


@pytest.fixture
def small(tmp_path: Path, built: Any) -> BuildReport:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "eol.json").write_text(EOL)
    fixed = [{"introduced": "0"}, {"fixed": "1.0-1"}]
    report: BuildReport = built(
        {
            "Debian": [
                record("DSA-1", "Debian:12", "a", *fixed, published="2026-11-20T00:00:00Z"),
                record("DSA-2", "Debian:12", "b", *fixed, published="2025-11-23T00:00:00Z"),
                record("DSA-3", "Debian:12", "c", *fixed, published="2025-11-22T00:00:00Z"),
                record("DSA-4", "Debian:12", "d", {"introduced": "0"}, published="2026-11-21T00:00:00Z"),
                record("DSA-5", "Debian:11", "e", *fixed, published="2026-11-21T00:00:00Z"),
                record("DSA-6", "Debian:12", "f", *fixed, published="2026-12-24T00:00:00Z"),
            ],
            "PyPI": [
                record(
                    "P-1", "PyPI", "Django", {"introduced": "0"}, {"fixed": "3.2.5"}, published="2026-01-02T00:00:00Z"
                ),
                record(
                    "P-2", "PyPI", "django", {"introduced": "0"}, {"fixed": "4.1"}, published="2026-05-02T00:00:00Z"
                ),
                record("P-3", "PyPI", "flask", {"introduced": "0"}, {"fixed": "3.2"}, published="0001-01-01T00:00:00Z"),
            ],
        }
    )
    return report


def test_fixes_are_counted_for_the_release(small: BuildReport, db: Path) -> None:
    assert small.products == 3
    found = supports(db, component("Debian:12", "a", "1"), release=DEBIAN)
    assert [(one.last_fix, one.fixes_per_year) for one in found] == [(date(2026, 11, 20), 2)]


def test_fixes_are_counted_for_a_line_of_a_package(small: BuildReport, db: Path) -> None:
    assert small.ranges
    (django,) = supports(db, of(PackageKind.PYPI, "django", "3.2.0"))
    assert (django.last_fix, django.fixes_per_year) == (date(2026, 1, 2), 1)
    (earlier,) = supports(db, of(PackageKind.PYPI, "django", "3.2.0"), at=date(2025, 12, 31))
    assert (earlier.last_fix, earlier.fixes_per_year) == (None, 0)


def test_where_most_fixes_have_no_day_their_number_is_not_told(db: Path, tmp_path: Path, built: Any) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "eol.json").write_text(EOL)
    fixed = [{"introduced": "0"}, {"fixed": "1.0-1"}]
    records = [record(f"D-{number}", "Debian:12", "a", *fixed) for number in range(3)]
    records[0]["published"] = "2026-11-01T00:00:00Z"
    records[1]["published"] = "0001-01-01T00:00:00Z"
    built({"Debian": records})
    (one,) = supports(db, component("Debian:12", "a", "1"), release=DEBIAN)
    assert (one.last_fix, one.fixes_per_year) == (date(2026, 11, 1), None)


def test_an_end_without_a_day_is_an_end(small: BuildReport, db: Path) -> None:
    assert small.size_bytes
    (python,) = supports(db, of(PackageKind.GENERIC, "python", "3.8.1"))
    assert (python.ended, python.ends, python.days_left) == (True, None, None)
    (four,) = supports(db, base="python:four-slim")
    assert (four.cycle, four.ended, four.ends) == ("4", False, None)


@pytest.mark.parametrize("scope", [Scope.DEVELOPMENT, Scope.TEST, Scope.BUILD])
def test_what_does_not_run_is_not_told(small: BuildReport, db: Path, scope: Scope) -> None:
    assert small.ranges
    assert supports(db, of(PackageKind.PYPI, "django", "3.2.0", scope=scope)) == ()


@pytest.mark.parametrize(
    ("version", "java", "lines"),
    [
        ("3.18.9", False, ["3.18.9", "3.18", "3"]),
        ("v1.2-rc1", False, ["1.2", "1"]),
        ("1.8.0_392", True, ["8"]),
        ("1.8.0", False, ["1.8.0", "1.8", "1"]),
        ("17.0.9+9", True, ["17.0.9", "17.0", "17"]),
        ("main", False, []),
    ],
)
def test_lines_of_a_version(version: str, java: bool, lines: list[str]) -> None:
    assert lines_of(version, java=java) == lines
