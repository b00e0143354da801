# SPDX-License-Identifier: Apache-2.0
"""What changed between two knowledge files: enough for every finding that changes, and no more."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from knowledge_samples import MADE_AT, component, publish, record

from tidegate.inventory import Version
from tidegate.knowledge.build import build
from tidegate.knowledge.database import Knowledge
from tidegate.knowledge.delta import changed_ranges
from tidegate.knowledge.match import match, match_target
from tidegate.knowledge.seed import build_seed
from tidegate.knowledge.versions import order_of

RANGE = ({"introduced": "0"}, {"fixed": "2.0.0"})


def made(folder: Path, name: str, records: list[dict[str, Any]], kev: str = "", epss: float | None = None) -> Path:
    source = publish(folder / f"{name}-source", {"npm": records})
    if kev:
        entry = {"cveID": kev, "dateAdded": "2024-03-01", "dueDate": "2024-03-22"}
        (source / "kev.json").write_text(json.dumps({"vulnerabilities": [entry]}))
    if epss is not None:
        (source / "epss.csv").write_text(f"cve,epss,percentile\nCVE-2024-1000,{epss},0.5\n")
    build(source, folder / name, made_at=MADE_AT)
    return folder / name


def changed(old: Path | None, new: Path) -> list[tuple[str, str]]:
    with Knowledge.open(new) as after:
        if old is None:
            return [(one.advisory, one.name) for one in changed_ranges(None, after)]
        with Knowledge.open(old) as before:
            return [(one.advisory, one.name) for one in changed_ranges(before, after)]


A = record("A", "npm", "a", *RANGE, aliases=["CVE-2024-1000"])
B = record("B", "npm", "b", *RANGE)


def test_nothing_changed(tmp_path: Path) -> None:
    old = made(tmp_path, "old", [A, B])
    reworded = [A | {"summary": "other words", "modified": "2024-09-01T00:00:00Z"}, B | {"references": [{"url": "u"}]}]
    assert changed(old, made(tmp_path, "new", reworded)) == []


def test_everything_is_new_to_who_has_nothing(tmp_path: Path) -> None:
    assert changed(None, made(tmp_path, "new", [A, B])) == [("A", "a"), ("B", "b")]


def test_new_gone_and_withdrawn(tmp_path: Path) -> None:
    old = made(tmp_path, "old", [A])
    assert changed(old, made(tmp_path, "more", [A, B])) == [("B", "b")]
    assert changed(made(tmp_path, "both", [A, B]), old) == [("B", "b")]
    withdrawn = [A, B | {"withdrawn": "2024-02-01T00:00:00Z"}]
    assert changed(tmp_path / "both", made(tmp_path, "less", withdrawn)) == [("B", "b")]


def test_a_changed_range_counts_before_and_after(tmp_path: Path) -> None:
    old = made(tmp_path, "old", [A])
    new = made(tmp_path, "new", [record("A", "npm", "z", *RANGE, aliases=["CVE-2024-1000"])])
    assert changed(old, new) == [("A", "a"), ("A", "z")]


@pytest.mark.parametrize(
    "more", [{"aliases": ["CVE-2024-2000"]}, {"database_specific": {"severity": "HIGH"}}], ids=["names", "rating"]
)
def test_names_and_rating_count(tmp_path: Path, more: dict[str, Any]) -> None:
    assert changed(made(tmp_path, "old", [A, B]), made(tmp_path, "new", [A | more, B])) == [("A", "a")]


def test_exploitation_counts_both_ways(tmp_path: Path) -> None:
    calm = made(tmp_path, "calm", [A, B])
    exploited = made(tmp_path, "exploited", [A, B], kev="CVE-2024-1000")
    assert changed(calm, exploited) == changed(exploited, calm) == [("A", "a")]


@pytest.mark.parametrize(("before", "after", "counts"), [(0.11, 0.19, False), (0.19, 0.21, True), (0.95, 0.05, True)])
def test_likelihood_counts_by_steps(tmp_path: Path, before: float, after: float, counts: bool) -> None:
    old, new = (made(tmp_path, name, [A, B], epss=epss) for name, epss in (("old", before), ("new", after)))
    assert changed(old, new) == ([("A", "a")] if counts else [])


def test_the_advisory_that_arrives_later(tmp_path: Path) -> None:
    for name, later in (("now", False), ("later", True)):
        build_seed(tmp_path / name, made_at=MADE_AT, later=later)
    with Knowledge.open(tmp_path / "now") as before, Knowledge.open(tmp_path / "later") as after:
        (one,) = changed_ranges(before, after)
        assert after.stamp.sequence > before.stamp.sequence
        target = match_target(component("PyPI", "h11", "0.14.0"))
        fixed = match_target(component("PyPI", "h11", "0.16.0"))
        assert target is not None
        assert fixed is not None
        assert (one.ecosystem, one.name, one.advisory) == (target.ecosystem, target.name, "GHSA-vqfr-h8mv-ghfj")
        assert one.low <= target.key < one.high
        assert not one.low <= fixed.key < one.high


ADVISORIES = st.dictionaries(
    st.sampled_from("ABC"),
    st.tuples(st.sampled_from("xy"), st.integers(0, 4), st.integers(0, 5), st.sampled_from(["LOW", "HIGH"])),
)


@pytest.mark.property
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ADVISORIES, ADVISORIES)
def test_no_changed_finding_is_outside_the_changed_ranges(
    tmp_path_factory: pytest.TempPathFactory, old: dict[str, Any], new: dict[str, Any]
) -> None:
    folder = tmp_path_factory.mktemp("delta")
    paths = [
        made(
            folder,
            name,
            [
                record(
                    key,
                    "npm",
                    package,
                    {"introduced": f"{low}.0.0"},
                    {"fixed": f"{low + width}.0.0"},
                    database_specific={"severity": severity},
                )
                for key, (package, low, width, severity) in content.items()
            ]
            or [record("none", "npm", "none", *RANGE)],
        )
        for name, content in (("old", old), ("new", new))
    ]
    order = order_of("npm")
    assert order is not None
    with Knowledge.open(paths[0]) as before, Knowledge.open(paths[1]) as after:
        ranges = list(changed_ranges(before, after))
        for package in "xy":
            for number in range(10):
                one = component("npm", package, f"{number}.0.0")
                if match(before, [one]) != match(after, [one]):
                    key = order.key(Version(f"{number}.0.0"))
                    assert any(each.name == package and each.low <= key < each.high for each in ranges)
    shutil.rmtree(folder)
