# SPDX-License-Identifier: Apache-2.0
"""Version keys order as the ecosystems do: published vectors, corner cases, malformed versions."""

import gzip
import re
from pathlib import Path

import pytest

from tidegate.inventory import Version
from tidegate.knowledge.versions import (
    LOWEST,
    MAX_VERSION_CHARACTERS,
    OPEN_END,
    ORDERS,
    InvalidVersionError,
    VersionOrder,
    order_of,
    successor,
)

BY_NAME = {order.name: order for order in ORDERS}


def compare(order: VersionOrder, one: str, other: str) -> str:
    low, high = order.key(Version(one)), order.key(Version(other))
    return "<" if low < high else ">" if low > high else "="


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("order", "name", "lines"),
    [
        ("apk", "alpine-versions", 778),
        ("apk", "alpine-versions-generated", 13979),
        ("deb", "debian-versions", 30),
        ("deb", "debian-versions-generated", 14442),
        ("rpm", "redhat-versions", 165),
        ("pep440", "pypi-versions", 37),
        ("pep440", "pypi-versions-generated", 12375),
        ("semver", "semver-versions", 86),
    ],
)
def test_every_published_vector_holds(shared_data: Path, order: str, name: str, lines: int) -> None:
    checked = 0
    wrong = []
    text = gzip.decompress((shared_data / "versions" / f"{name}.txt.gz").read_bytes()).decode()
    for line in text.splitlines():
        if (found := re.fullmatch(r"(\S+) (<|=|>) (\S+)", line.strip())) and not line.startswith(("#", "//")):
            checked += 1
            if compare(BY_NAME[order], found[1], found[3]) != found[2]:
                wrong.append(line)
    assert wrong == []
    assert checked == lines


@pytest.mark.parametrize(
    ("order", "ascending"),
    [
        ("deb", ["1.0~~", "1.0~rc1", "1.0", "1.0-0.1", "1.0-1~bpo1", "1.0-1", "1.0a", "1.0+b", "1.0.1", "1:0.1"]),
        (
            "rpm",
            ["1.0~rc1-1", "1.0", "1.0-~1", "1.0-", "1.0-1", "1.0-1.el9", "1.0^git1-1", "1.0a-1", "1.0.1-1", "1:0.1-1"],
        ),
        ("apk", ["1.0_alpha", "1.0_rc2", "1.0", "1.0-r1", "1.0_git1", "1.0_p1", "1.0a", "1.0.1", "1.1", "1.10"]),
        (
            "pep440",
            ["1.0-x", "1.0.dev1", "1.0a1.dev1", "1.0a1", "1.0rc1", "1.0", "1.0+l.1", "1.0.post1", "1.0.1", "1!0"],
        ),
        ("semver", ["1.0.0-1", "1.0.0-2", "1.0.0-a", "1.0.0-a.1", "1.0.0", "1.0.1", "1.0.1.5", "1.0.2", "1.10.0"]),
    ],
)
def test_ascending(order: str, ascending: list[str]) -> None:
    keys = [BY_NAME[order].key(Version(version)) for version in ascending]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("order", "one", "other"),
    [
        ("deb", "0:1.0-0", "1.0"),
        ("deb", "01.002", "1.2"),
        ("deb", "1.a", "1.a0"),
        ("rpm", "0:1.0-1", "1.0-1"),
        ("rpm", "1.00-1", "1_0-1"),
        ("apk", "1.0-r0", "1.0-r"),
        ("pep440", "1", "1.0.0"),
        ("pep440", "v1.0-1", "1.post1"),
        ("pep440", "1.0.ALPHA1", "1a1"),
        ("semver", "v1.2", "1.2.0+build.5"),
    ],
)
def test_equal_versions_have_equal_keys(order: str, one: str, other: str) -> None:
    assert compare(BY_NAME[order], one, other) == "="


@pytest.mark.parametrize("order", BY_NAME)
def test_numbers_of_any_length_order(order: str) -> None:
    lengths = [1, 17, 18, 19, 20, 238, 239, 240, 241, 400]
    keys = [BY_NAME[order].key(Version("9" * length)) for length in lengths]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(lengths)


@pytest.mark.parametrize("order", BY_NAME)
@pytest.mark.parametrize("version", ["", "  ", "1" * (MAX_VERSION_CHARACTERS + 1), "1.0\x00", "1.0\n2", "1\u202e0"])
def test_what_no_order_takes(order: str, version: str) -> None:
    with pytest.raises(InvalidVersionError):
        BY_NAME[order].key(Version(version))


@pytest.mark.parametrize(
    ("order", "version"),
    [
        ("deb", "a:1.0"),
        ("deb", "1.0 1"),
        ("deb", "1.ü"),
        ("deb", "1:"),
        ("deb", "-1"),
        ("semver", "main"),
        ("semver", "1.0.x"),
    ],
)
def test_malformed_versions_are_refused_not_called_equal(order: str, version: str) -> None:
    with pytest.raises(InvalidVersionError, match="order"):
        BY_NAME[order].key(Version(version))


def test_unicode_digits_are_no_digits() -> None:
    assert compare(BY_NAME["pep440"], "1.\u0663", "1.0") == "<"
    assert compare(BY_NAME["rpm"], "1.\u0663", "1.") == "="
    assert compare(BY_NAME["apk"], "1.\u0663", "1.3") == "<"


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order.name)
def test_keys_lie_between_the_ends(order: VersionOrder) -> None:
    for version in ("0", "0.0.0", "999999999999999999999999.1"):
        key = order.key(Version(version))
        assert LOWEST < key < successor(key) < OPEN_END


def test_the_roster_knows_releases_and_nothing_else() -> None:
    assert order_of("Debian:12") is order_of("Ubuntu:22.04:LTS") is BY_NAME["deb"]
    assert order_of("Rocky Linux:9") is BY_NAME["rpm"]
    assert order_of("Linux") is None
    assert order_of("") is None
