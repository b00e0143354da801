# SPDX-License-Identifier: Apache-2.0
"""What somebody looks for: how it is written, and which versions it means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import InvalidInputError
from tidegate.inventory import Version
from tidegate.knowledge.versions import order_of
from tidegate.oversight.fleet.wanted import MAX_LIMITS, Limit, Wanted


@pytest.mark.parametrize(
    ("text", "package", "name", "limits"),
    [
        (
            "pkg:maven/org.apache.logging.log4j/log4j-core@<2.17.1",
            "pkg:maven/org.apache.logging.log4j/log4j-core",
            "log4j-core",
            [("<", "2.17.1")],
        ),
        ("pkg:npm/%40scope/name@>=2.0, <2.3.1", "pkg:npm/%40scope/name", "name", [(">=", "2.0"), ("<", "2.3.1")]),
        ("pkg:npm/@scope/name", "pkg:npm/%40scope/name", "name", []),
        ("pkg:npm/@scope/name@1.0", "pkg:npm/%40scope/name", "name", [("=", "1.0")]),
        ("pkg:deb/debian/openssl", "pkg:deb/debian/openssl", "openssl", []),
        ("pkg:PyPI/Foo_Bar@==1", "pkg:pypi/foo-bar", "foo-bar", [("=", "1")]),
        ("log4j-core@!=2.0", "", "log4j-core", [("!=", "2.0")]),
        ("openssl@1:3.0-1~deb12u1", "", "openssl", [("=", "1:3.0-1~deb12u1")]),
    ],
)
def test_it_is_read(text: str, package: str, name: str, limits: list[tuple[str, str]]) -> None:
    found = Wanted.parse(text)
    assert (found.package, found.name) == (package, name)
    assert found.limits == tuple(Limit(how=how, version=version) for how, version in limits)


@pytest.mark.parametrize(
    "text", ["", "   ", "pkg:", "pkg:pypi", "a@<", "a@<1,,2", "a@1 2", "a@><1", "x" * 2000, "a\n", "a@" + "<1," * 20]
)
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        Wanted.parse(text)


def test_limits_are_counted() -> None:
    Wanted.parse("a@" + ",".join(["<1"] * MAX_LIMITS))
    with pytest.raises(InvalidInputError, match=f"more than {MAX_LIMITS}"):
        Wanted.parse("a@" + ",".join(["<1"] * (MAX_LIMITS + 1)))


@given(st.text(max_size=60))
def test_whatever_is_written_is_read_or_refused(text: str) -> None:
    try:
        found = Wanted.parse(text)
    except InvalidInputError:
        return
    assert found.name


@pytest.mark.parametrize(
    ("text", "ecosystem", "meant", "others"),
    [
        ("a@<2.17.1", "Maven", ["2.0-beta9", "2.17.0", "2.17.1-rc1"], ["2.17.1", "2.18"]),
        (
            "a@>=1.1.1n-0,<1.1.1n-0+deb11u4",
            "Debian:11",
            ["1.1.1n-0", "1.1.1n-0+deb11u3"],
            ["1.1.1k", "1.1.1n-0+deb11u4"],
        ),
        ("a@1.0", "PyPI", ["1.0", "1.0.0", "1"], ["1.0.1", "1.0rc1"]),
        ("a@!=1.0", "PyPI", ["1.1"], ["1.0", "1.0.0"]),
        ("a", "npm", ["0.0.1", "nonsense"], []),
    ],
)
def test_versions_are_compared_as_their_ecosystem_does(
    text: str, ecosystem: str, meant: list[str], others: list[str]
) -> None:
    wanted, order = Wanted.parse(text), order_of(ecosystem)
    assert [wanted.fits(version, order) for version in meant] == [True] * len(meant)
    assert [wanted.fits(version, order) for version in others] == [False] * len(others)


def test_what_has_no_place_in_an_order_is_not_guessed() -> None:
    wanted = Wanted.parse("a@<2")
    assert wanted.fits("1", None) is None
    assert wanted.fits("not a version", order_of("RubyGems")) is None
    assert Wanted.parse("a@1").fits("1", None) is True  # the same text needs no order


@given(st.lists(st.integers(0, 5), min_size=1, max_size=3), st.lists(st.integers(0, 5), min_size=1, max_size=3))
def test_below_and_from_on_are_all_there_is(version: list[int], limit: list[int]) -> None:
    order = order_of("PyPI")
    assert order is not None
    text, bound = ".".join(map(str, version)), ".".join(map(str, limit))
    below, from_on = Wanted.parse(f"a@<{bound}").fits(text, order), Wanted.parse(f"a@>={bound}").fits(text, order)
    assert {below, from_on} == {True, False}
    assert below == (order.key(Version(text)) < order.key(Version(bound)))
