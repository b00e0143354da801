# SPDX-License-Identifier: Apache-2.0
"""Orders of language registries: published vectors, corner cases in each one's own words, malformed versions."""

import gzip
import re
from pathlib import Path

import pytest

from tidegate.inventory import Version
from tidegate.knowledge.versions import ORDERS, InvalidVersionError, order_of

BY_NAME = {order.name: order for order in ORDERS}
IN_A_CIRCLE = {
    ("1.0.0-gradle-rework-beta3", "1.0.0.RC7-3"),
    ("2.9.0-1", "2.9.0.RC1"),
    ("1.1.0-01-glassfish", "1.1.0.Beta1"),
}
"""Vectors that no order can hold beside the others; Maven 3.9 calls each the other way round, as we do."""


def compare(order: str, one: str, other: str) -> str:
    low, high = BY_NAME[order].key(Version(one)), BY_NAME[order].key(Version(other))
    return "<" if low < high else ">" if low > high else "="


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("order", "name", "lines"),
    [
        ("maven", "maven-versions", 102),
        ("maven", "maven-versions-generated", 14752),
        ("rubygems", "rubygems-versions", 25),
        ("rubygems", "rubygems-versions-generated", 4098),
        ("go", "semver-versions", 86),
        ("semver-build", "semver-versions", 86),
    ],
)
def test_every_published_vector_holds(shared_data: Path, order: str, name: str, lines: int) -> None:
    checked = 0
    wrong = set()
    text = gzip.decompress((shared_data / "versions" / f"{name}.txt.gz").read_bytes()).decode()
    for line in text.splitlines():
        if (found := re.fullmatch(r"(\S+) (<|=|>) (\S+)", line.strip())) and not line.startswith(("#", "//")):
            checked += 1
            if "+" in line and order == "semver-build":
                continue
            if compare(order, found[1], found[3]) != found[2]:
                wrong.add((found[1], found[3]))
    assert wrong == (IN_A_CIRCLE if name == "maven-versions-generated" else set())
    assert checked == lines


@pytest.mark.parametrize(("one", "other"), sorted(IN_A_CIRCLE))
def test_the_vectors_left_out_contradict_their_neighbours(one: str, other: str) -> None:
    release = re.match(r"[0-9.]*[0-9]", one)
    assert release
    assert compare("maven", other, release[0]) == "<"  # a candidate is before its release
    assert compare("maven", release[0], one) == "<"  # and this is after it


@pytest.mark.parametrize(
    ("order", "ascending"),
    [
        (
            "maven",
            [
                *("1-alpha-1", "1-alpha2", "1-beta", "1-m3", "1-rc1", "1-SNAPSHOT", "1.0.rc1", "1", "1-sp", "1-jre"),
                *("1-redhat-1", "1-1", "1.0.1", "1.1-rc1", "1.1", "1.10", "20230101", "12345678901234567890"),
            ],
        ),
        ("rubygems", ["1.0.A", "1.0.a", "1.0.a.1", "1.0.b", "1.0-1", "1.0.pre.2", "1.0.rc1", "1.0", "1.0.0.1", "1.1"]),
        (
            "nuget",
            ["1.0-5", "1.0-2147483648", "1.0-ALPHA", "1.0-alpha.1", "1.0-beta", "1.0", "1.0.0.1", "1.0.1", "1.10"],
        ),
        (
            "composer",
            [
                *("1.0-dev", "1.0-alpha1", "1.0-beta1-dev", "1.0-beta1", "1.0b2", "1.0-RC1", "v1.0", "1.0-p1"),
                *("1.0.1", "1.2", "1.x-dev", "2.0"),
            ],
        ),
        ("numeric", ["0.9", "1", "1.0", "1.0-0", "1.0.1", "1.2", "1.10"]),
        ("opam", ["1.0~beta", "1.0", "1.0a", "1.0-1", "1.0.1", "v0.9", "v0.16.0"]),
        (
            "conan",
            ["1.1.0", "1.1.1-rc1", "1.1.1", "1.1.1+b1", "1.1.1a", "1.1.1t", "1.1.2", "1.10", "3", "cci.20200203"],
        ),
        (
            "go",
            [
                "v0.0.0-20200101000000-abc",
                "v0.0.0-20230101000000-ab",
                "v1.2.3-pre",
                "v1.2.3",
                "go1.20.1",
                "go1.21rc2",
                "1.21.0",
            ],
        ),
        ("semver-build", ["1.0.0-a", "1.0.0", "1.0.0+1", "1.0.0+1.1", "1.0.0+2", "1.0.0+10", "1.0.0+a", "1.0.1"]),
        ("bitnami", ["1.0.0-rc.x", "1.0.0", "1.0.0-1", "1.0.0-10", "1.0.1"]),
    ],
)
def test_ascending(order: str, ascending: list[str]) -> None:
    keys = [BY_NAME[order].key(Version(version)) for version in ascending]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("order", "one", "other"),
    [
        ("maven", "1.0.0.RELEASE", "1"),
        ("maven", "1-GA", "1.Final"),
        ("maven", "1.0.0-foo.0.0", "1-FOO"),
        ("rubygems", "1.0.0", "1"),
        ("rubygems", "1.0.0.a", "1.a"),
        ("rubygems", "1.0-x", "1.0.pre.x"),
        ("nuget", "1.0", "v1.0.0.0+meta"),
        ("nuget", "1.0-RC.01", "1-rc.1"),
        ("composer", "v1.2", "1.2.0.0"),
        ("composer", "1.0.0-stable", "1.0+build"),
        ("composer", "1.0b1", "1.0.0-BETA.1"),
        ("numeric", "1.02-3", "1.2.3"),
        ("conan", "1.0", "1.0.0"),
        ("go", "v1.0.0+incompatible", "1.0.0"),
        ("go", "go1.21", "1.21.0"),
        ("go", "go1.21rc2", "1.21.0-rc.2"),
        ("go", "go1.20.1 X:boringcrypto", "1.20.1"),
        ("bitnami", "1.24.0-debian-12-r4", "1.24.0-4"),
    ],
)
def test_equal_versions_have_equal_keys(order: str, one: str, other: str) -> None:
    assert compare(order, one, other) == "="


@pytest.mark.parametrize(
    ("order", "version"),
    [
        ("rubygems", "a.1"),
        ("rubygems", "1..0"),
        ("nuget", "1.2.3.4.5"),
        ("nuget", "1.0-ü"),
        ("composer", "dev-main"),
        ("composer", "1.2.3.4.5"),
        ("numeric", "1.0a"),
        ("numeric", "1."),
        ("opam", "1 0"),
        ("conan", "1/0"),
        ("go", "devel"),
        ("go", "4a8f0e7c1d"),
        ("semver-build", "1.0.0+"),
        ("semver-build", "1.0.0+ü"),
        ("bitnami", "latest"),
    ],
)
def test_malformed_versions_are_refused_not_called_equal(order: str, version: str) -> None:
    with pytest.raises(InvalidVersionError, match="order"):
        BY_NAME[order].key(Version(version))


def test_marks_inside_a_maven_word_stay_a_word() -> None:
    assert compare("maven", "1-#2", "1-2") == "<"
    assert compare("maven", "1-#é", "1-#f") == ">"


@pytest.mark.parametrize(
    ("ecosystem", "order"),
    [
        ("Maven", "maven"),
        ("RubyGems", "rubygems"),
        ("NuGet", "nuget"),
        ("Packagist:https://packages.drupal.org/8", "composer"),
        ("CRAN", "numeric"),
        ("Bioconductor", "numeric"),
        ("Hackage", "numeric"),
        ("Pub", "semver-build"),
        ("Julia", "semver-build"),
        ("Hex", "semver"),
        ("SwiftURL", "semver"),
        ("GitHub Actions", "semver"),
        ("ConanCenter", "conan"),
        ("Bitnami", "bitnami"),
        ("opam", "opam"),
        ("Go", "go"),
    ],
)
def test_every_ecosystem_has_its_order(ecosystem: str, order: str) -> None:
    assert order_of(ecosystem) is BY_NAME[order]
