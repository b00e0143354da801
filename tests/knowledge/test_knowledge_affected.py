# SPDX-License-Identifier: Apache-2.0
"""Events of OSV ranges become ranges of keys, as the OSV schema evaluates them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.inventory import Version
from tidegate.knowledge.affected import Event, exact, outside, ranges_of, words
from tidegate.knowledge.versions import InvalidVersionError, order_of

ORDER = order_of("npm")
assert ORDER is not None


def spoken(*events: tuple[str, str]) -> list[str]:
    assert ORDER is not None
    return [words(one.introduced, one.fixed, one.last) for one in ranges_of([Event(*each) for each in events], ORDER)]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([("introduced", "0"), ("fixed", "1.2.0")], [">= 0, < 1.2.0"]),
        ([("introduced", "1.0.0")], [">= 1.0.0"]),
        ([("introduced", "0"), ("last_affected", "1.2.0")], [">= 0, <= 1.2.0"]),
        ([("introduced", "1.0.0"), ("last_affected", "1.0.0")], ["= 1.0.0"]),
        (
            [("introduced", "2.0.0"), ("fixed", "2.1.0"), ("introduced", "0"), ("fixed", "1.5.0")],
            [">= 0, < 1.5.0", ">= 2.0.0, < 2.1.0"],
        ),
        ([("introduced", "1.0.0"), ("introduced", "1.1.0"), ("fixed", "1.2.0")], [">= 1.0.0, < 1.2.0"]),
        ([("introduced", "1.0.0"), ("fixed", "1.0.0")], []),
        (
            [("introduced", "1.0.0"), ("fixed", "1.2.0"), ("introduced", "1.2.0"), ("fixed", "1.3.0")],
            [">= 1.0.0, < 1.2.0", ">= 1.2.0, < 1.3.0"],
        ),
        ([("fixed", "1.0.0")], []),
        ([("introduced", "0"), ("limit", "2.0.0")], [">= 0"]),
        ([("introduced", "0"), ("limit", "*")], [">= 0"]),
        ([], []),
    ],
)
def test_events(events: list[tuple[str, str]], expected: list[str]) -> None:
    assert spoken(*events) == expected


def test_a_limit_cuts_the_range() -> None:
    assert ORDER is not None
    (one,) = ranges_of([Event("introduced", "0"), Event("limit", "2.0.0")], ORDER)
    assert one.low <= ORDER.key(Version("1.9.9")) < one.high <= ORDER.key(Version("2.0.0"))


def test_an_event_that_cannot_be_ordered_is_said() -> None:
    assert ORDER is not None
    with pytest.raises(InvalidVersionError):
        ranges_of([Event("introduced", "0"), Event("fixed", "next")], ORDER)


def test_a_listed_version_is_that_one_alone() -> None:
    assert ORDER is not None
    one = exact("1.2.3", ORDER)
    assert one.low <= ORDER.key(Version("1.2.3+build")) < one.high
    for other in ("1.2.3-rc.1", "1.2.4-0", "1.2.3.1"):
        assert not one.low <= ORDER.key(Version(other)) < one.high
    assert outside(ranges_of([Event("introduced", "2.0.0")], ORDER), one)
    assert not outside(ranges_of([Event("introduced", "1.0.0")], ORDER), one)


VERSIONS = st.integers(0, 8).map("1.{}.0".format)
KINDS = st.sampled_from(["introduced", "fixed", "last_affected"])


@pytest.mark.property
@given(st.lists(st.tuples(KINDS, VERSIONS), max_size=6), VERSIONS)
def test_ranges_say_what_the_schema_evaluates(events: list[tuple[str, str]], version: str) -> None:
    assert ORDER is not None
    key = ORDER.key(Version(version))

    def at(event: tuple[str, str]) -> tuple[bytes, int]:
        return ORDER.key(Version(event[1])), int(event[0] == "last_affected")

    vulnerable = False
    for what, where in sorted(events, key=at):
        bound = ORDER.key(Version(where))
        if what == "introduced" and key >= bound:
            vulnerable = True
        elif (what == "fixed" and key >= bound) or (what == "last_affected" and key > bound):
            vulnerable = False
    ranges = ranges_of([Event(*each) for each in events], ORDER)
    assert any(one.low <= key < one.high for one in ranges) == vulnerable
    assert all(one.low < one.high for one in ranges)
