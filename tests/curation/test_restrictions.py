# SPDX-License-Identifier: Apache-2.0
"""Whom something is kept for: what a list does not name is refused, and nothing widens it but leaving the list out."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.evidence.restriction import Restriction, parse_moment, parse_restriction, parse_zones

NOW = datetime(2027, 1, 1, 12, tzinfo=UTC)
ZONES = parse_zones(["prod-eu=10.1.0.0/16,fd00::/64", "lab=192.0.2.0/24"])
NAMES = ("anna", "robot$ci", "group:payments", "group:ops")


def _pull(restriction: Restriction, names: set[str], address: str = "10.1.2.3", at: datetime = NOW) -> str:
    return restriction.objects_to_pull(names, address, ZONES, at=at)


@pytest.mark.parametrize(
    ("who", "name", "passes"),
    [
        (["anna"], "anna", True),
        (["anna"], "Anna", False),
        (["anna"], "annabel", False),
        (["robot$*"], "robot$ci", True),
        (["group:payments"], "payments", False),
        (["group:pay*"], "group:payments", True),
        (["namespace:shop"], "anna", False),
    ],
)
def test_who(who: list[str], name: str, passes: bool) -> None:
    assert (_pull(parse_restriction(who), {name}) == "") is passes


@pytest.mark.parametrize(
    ("where", "address", "passes"),
    [
        (["10.0.0.0/8"], "10.1.2.3", True),
        (["10.0.0.0/8"], "::ffff:10.1.2.3", True),
        (["10.0.0.0/8"], "192.0.2.1", False),
        (["10.0.0.0/8"], "", False),
        (["prod-eu"], "10.1.9.9", True),
        (["prod-*"], "fd00::1", True),
        (["prod-eu"], "192.0.2.1", False),
        (["prod-eu", "192.0.2.1"], "192.0.2.1", True),
        (["cluster-nobody-knows-addresses-of"], "192.0.2.1", True),
        (["cluster-nobody-knows-addresses-of", "lab"], "10.1.2.3", False),
    ],
)
def test_where(where: list[str], address: str, passes: bool) -> None:
    assert (_pull(parse_restriction(where=where), {"anna"}, address) == "") is passes


def test_until_is_the_last_moment_for_anybody() -> None:
    kept = parse_restriction(["anna"], until="2027-01-01")
    assert _pull(kept, {"anna"}, at=NOW) == ""
    assert "ended at 2027-01-01T23:59:59Z" in _pull(kept, {"anna"}, at=NOW + timedelta(hours=12))
    assert "ended" in kept.objects_to_run("shop", "", at=NOW + timedelta(hours=12))


@pytest.mark.parametrize(
    ("who", "where", "namespace", "cluster", "passes"),
    [
        (["namespace:shop"], [], "shop", "", True),
        (["namespace:sh*"], [], "shop", "", True),
        (["anna"], [], "shop", "", False),
        ([], ["prod-*"], "shop", "prod-eu", True),
        ([], ["prod-*"], "shop", "", False),
        ([], ["prod-*"], "shop", "lab", False),
        ([], ["10.0.0.0/8"], "shop", "lab", True),
    ],
)
def test_workloads(who: list[str], where: list[str], namespace: str, cluster: str, passes: bool) -> None:
    said = parse_restriction(who, where).objects_to_run(namespace, cluster, at=NOW)
    assert (said == "") is passes


@pytest.mark.property
@given(
    st.sets(st.sampled_from(NAMES)),
    st.lists(st.sampled_from(NAMES), min_size=1, unique=True),
    st.lists(st.sampled_from(["10.1.0.0/16", "lab", "192.0.2.0/24"]), unique=True),
    st.sampled_from(["10.1.2.3", "192.0.2.9", "203.0.113.1", ""]),
)
def test_only_who_is_named_gets_it(names: set[str], who: list[str], where: list[str], address: str) -> None:
    passes = _pull(parse_restriction(who, where), names, address) == ""
    if passes:
        assert names & set(who)
        assert not where or address
    narrower = parse_restriction(who[:1], where, "2020-01-01")
    assert _pull(narrower, names, address) != ""


@pytest.mark.parametrize(
    ("who", "where", "until"),
    [([], [], ""), ([""], [], ""), (["a\x1b[31m"], [], ""), ([], ["x" * 201], ""), ([], [], "soon")],
)
def test_what_is_no_restriction(who: list[str], where: list[str], until: str) -> None:
    with pytest.raises(InvalidInputError):
        parse_restriction(who, where, until)


def test_bounds_and_forms() -> None:
    with pytest.raises(BoundExceededError):
        parse_restriction(["x"] * 101)
    with pytest.raises(InvalidInputError):
        parse_zones(["prod=nowhere"])
    assert parse_moment("2027-02-03T04:05:06+01:00") == datetime(2027, 2, 3, 3, 5, 6, tzinfo=UTC)
    assert str(parse_restriction(["anna"], ["lab"], "2027-01-01")) == "for anna in lab until 2027-01-01T23:59:59Z"


def test_nodes_are_for_workloads_alone() -> None:
    kept = parse_restriction(
        where=["nodes:example.com/region=eu", "nodes:example.com/region=us", "nodes:pool=a", "lab"]
    )
    assert kept.nodes() == {"example.com/region": ("eu", "us"), "pool": ("a",)}
    assert _pull(kept, {"anna"}, "192.0.2.1") == ""
    alone = parse_restriction(where=["nodes:pool=a"])
    assert _pull(alone, {"anna"}, "198.51.100.1") == ""
    assert alone.objects_to_run("shop", "", at=NOW) == ""
    assert kept.objects_to_run("shop", "prod", at=NOW) == "it is kept for lab"


@pytest.mark.parametrize("entry", ["nodes:", "nodes:pool", "nodes:=a", "nodes:pool=a b", "nodes:a/b/c=d", "nodes:-x=y"])
def test_no_label_of_nodes(entry: str) -> None:
    with pytest.raises(InvalidInputError, match="nodes:LABEL=VALUE"):
        parse_restriction(where=[entry])
    with pytest.raises(InvalidInputError, match="nodes:LABEL=VALUE"):
        parse_restriction(who=["nodes:pool=a"])
