# SPDX-License-Identifier: Apache-2.0
"""The judgement of updates: never to what is not admitted, never down, never out of the line, and always with why."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from update_samples import AT, FIXED, chosen, digest, judged, running, shelved

from tidegate.artifact import Repository
from tidegate.evidence import Severity
from tidegate.execution.updates.known import Flaw, Turned
from tidegate.execution.updates.rule import Distribution, UpdateRule
from tidegate.execution.updates.tag_version import Step, read_tag, step_between

EVERY_STEP = frozenset(Step)
ANYTHING = UpdateRule(name="any", steps=EVERY_STEP, distribution=Distribution.ANY, only_fixes=False, early=True)


@pytest.mark.parametrize(
    ("older", "newer", "step"),
    [
        ("1.25.3", "1.25.4", Step.PATCH),
        ("v1.25.3", "v1.26.0", Step.MINOR),
        ("1.25.3", "2.0.0", Step.MAJOR),
        ("0.3.1", "0.3.2", Step.PATCH),
        ("0.3.1", "0.4.0", Step.MAJOR),
        ("1.2", "1.3", Step.MINOR),
        ("8", "9", Step.MAJOR),
        ("1.2.3-alpine3.19", "1.2.3-alpine3.20", Step.PATCH),
        ("1.2.3-debian-12-r4", "1.2.3-debian-12-r5", Step.PATCH),
        ("1.2.9", "1.2.10", Step.PATCH),
        ("1.25.4", "1.25.3", None),
        ("1.25", "1.25.4", None),
        ("1.25.3", "1.25.4-alpine", None),
        ("1.25.3-alpine", "1.25.4", None),
        ("1.25.3-bookworm", "1.25.4-trixie", None),
        ("1.25.3", "v1.25.4", None),
        ("1.2.3-alpine3.20", "1.2.4-alpine3.19", None),
    ],
)
def test_how_far_one_tag_is_from_another(older: str, newer: str, step: Step | None) -> None:
    before, after = read_tag(older), read_tag(newer)
    assert before is not None
    assert after is not None
    assert step_between(before, after) is step


@pytest.mark.parametrize("tag", ["latest", "stable", "a1b2c3d", "1a2b3c4", "sha-deadbeef", "deadbeef1", "main"])
def test_what_tells_no_version(tag: str) -> None:
    assert read_tag(tag) is None


@pytest.mark.parametrize("tag", ["1.2.3-rc1", "1.2.3-beta.2", "3.13.0b1", "1.0rc2", "2.0.0-SNAPSHOT", "1.4-dev"])
def test_what_is_for_trying_out(tag: str) -> None:
    found = read_tag(tag)
    assert found is not None
    assert found.is_early


def test_the_furthest_step_that_the_rule_lets_is_proposed_and_says_why() -> None:
    tags = ("1.25.3", "1.25.4", "1.25.5", "1.26.0", "2.0.0")
    found = judged(running("1.25.3"), *map(shelved, tags))
    assert found.proposal is not None
    assert (found.proposal.to.tag, found.proposal.step) == ("1.25.5", Step.PATCH)
    said = " / ".join(found.proposal.why)
    assert "runs team/app:1.25.3@sha256:" in said
    assert "patch after 1.25.3: same repository" in said
    assert "removes CVE-2026-1 (high), brings nothing" in said
    assert [line.partition(": ")[2] for line in found.proposal.passed_over] == [
        "is a major update; the rule lets patch, rebuild, replacement",
        "is a minor update; the rule lets patch, rebuild, replacement",
    ]


@pytest.mark.parametrize("state", ["quarantined", "restricted", "recalled", "rejected", "deprecated", "analysing"])
def test_what_is_not_admitted_is_never_proposed(state: str) -> None:
    bad = shelved("1.25.4", is_admitted=False, state=state)
    found = judged(running("1.25.3"), shelved("1.25.3"), bad, rule=ANYTHING)
    assert found.proposal is None
    assert found.why == (f"{bad}: is {state}",)


def test_what_the_execution_gate_keeps_out_is_passed_over_for_the_next() -> None:
    found = judged(
        running("1.25.3"),
        *map(shelved, ("1.25.3", "1.25.4", "1.25.5")),
        objects=lambda to: "kept for others" if to.tag == "1.25.5" else "",
    )
    assert chosen(found) == "1.25.4"
    assert found.proposal is not None
    assert found.proposal.passed_over[0].endswith("kept for others")


def test_a_tag_that_was_moved_is_an_update_and_one_moved_back_is_none() -> None:
    old, new = shelved("", digest=digest("old"), days=9), shelved("1.25", digest=digest("new"), days=1)
    found = judged(running("1.25", digest=digest("old")), old, new)
    assert found.proposal is not None
    assert found.proposal.step is Step.REBUILD
    back = judged(running("1.25", digest=digest("new")), shelved("", digest=digest("new")), shelved("1.25", days=9))
    assert back.proposal is None
    assert "moved back" in back.why[0]


def test_latest_moves_only_where_a_rule_says_so() -> None:
    images = (shelved("", digest=digest("old"), days=9), shelved("latest", digest=digest("new")))
    runs = running("latest", digest=digest("old"))
    assert "is a moved update" in judged(runs, *images).why[0]
    found = judged(runs, *images, rule=UpdateRule(name="r", steps=frozenset({Step.MOVED})))
    assert chosen(found) == "latest"


def test_what_a_deprecation_names_instead_is_taken_from_sources_only() -> None:
    own = shelved("1.0.0", is_admitted=False, state="deprecated")
    other = shelved("2.1.0", repository=Repository("bases/python"))
    found = judged(running("1.0.0"), own, replacement=other)
    assert found.proposal is not None
    assert (found.proposal.to, found.proposal.step) == (other, Step.REPLACEMENT)
    elsewhere = UpdateRule(name="r", sources=("team/*",))
    assert "bases/python is no source" in judged(running("1.0.0"), own, replacement=other, rule=elsewhere).why[0]


def test_nothing_is_proposed_that_removes_nothing_unless_what_runs_is_no_longer_admitted() -> None:
    images = (shelved("1.25.3"), shelved("1.25.4"))
    assert "removes no finding" in judged(running("1.25.3"), *images, turned=Turned()).why[0]
    assert "no scan" in judged(running("1.25.3"), *images, turned=None).why[0]
    bad = (shelved("1.25.3", is_admitted=False, state="recalled"), shelved("1.25.4"))
    assert chosen(judged(running("1.25.3"), *bad, turned=Turned())) == "1.25.4"
    assert chosen(judged(running("1.25.3"), *images, turned=Turned(), rule=ANYTHING)) == "1.25.4"


def test_what_brings_something_bad_is_not_proposed() -> None:
    def brings(severity: Severity, *, is_worse: bool = False) -> str:
        flaw = Flaw(id="CVE-2026-9", package="x", severity=severity, is_worse=is_worse)
        turned = Turned(removes=FIXED.removes, brings=(flaw,))
        return chosen(judged(running("1.25.3"), shelved("1.25.3"), shelved("1.25.4"), turned=turned))

    assert brings(Severity.MEDIUM)
    assert not brings(Severity.HIGH)
    assert not brings(Severity.LOW, is_worse=True)


def test_an_image_that_is_too_young_waits_and_an_older_one_goes_first() -> None:
    rule = UpdateRule(name="r", minimum_age=timedelta(days=3))
    young = (shelved("1.25.3", days=30), shelved("1.25.5", days=1))
    found = judged(running("1.25.3"), *young, rule=rule)
    assert found.proposal is not None
    assert found.proposal.not_before == AT + timedelta(days=2)
    found = judged(running("1.25.3"), *young, shelved("1.25.4", days=9), rule=rule)
    assert chosen(found) == "1.25.4"
    assert found.proposal is not None
    assert "is old enough 2026-12-02" in found.proposal.passed_over[0]


def test_what_stands_on_another_distribution_is_another_thing() -> None:
    def onto(system: str, wanted: Distribution) -> bool:
        images = (shelved("1.0.0", system="debian 12"), shelved("1.0.1", system=system))
        return bool(chosen(judged(running("1.0.0"), *images, rule=UpdateRule(name="r", distribution=wanted))))

    assert onto("debian 12.5", Distribution.SAME)
    assert not onto("debian 13", Distribution.SAME)
    assert not onto("alpine 3.20.1", Distribution.SAME)
    assert onto("debian 13", Distribution.NEWER)
    assert not onto("debian 11", Distribution.NEWER)
    assert not onto("ubuntu 24.04", Distribution.NEWER)
    assert onto("alpine 3.20.1", Distribution.ANY)


def test_a_platform_that_would_be_lost_keeps_an_image() -> None:
    images = (
        shelved("1.0.0", platforms=("linux/amd64", "linux/arm64")),
        shelved("1.0.1", platforms=("linux/amd64",)),
    )
    assert "is not made for linux/arm64" in judged(running("1.0.0"), *images).why[0]


def test_a_rule_may_want_none_and_a_digest_alone_has_no_line() -> None:
    images = (shelved("1.0.0"), shelved("1.0.1"))
    none = UpdateRule(name="hands-off", steps=frozenset())
    assert judged(running("1.0.0"), *images, rule=none).why == ("the rule wants no updates",)
    assert "no tag tells its line" in judged(running("1.0.0", tag=None, digest=digest("x")), *images).why[0]


numbers = st.tuples(*[st.integers(0, 3)] * 3).map(lambda parts: ".".join(map(str, parts)))
tags = st.builds(lambda number, suffix: number + suffix, numbers, st.sampled_from(["", "-alpine", "-rc1", "-r2"]))
states = st.sampled_from(["admitted", "recalled", "quarantined"])


@given(tags, st.lists(st.tuples(tags, states, st.floats(0, 30)), max_size=12))
def test_whatever_is_there_a_proposal_is_admitted_newer_and_of_the_line(
    written: str, others: list[tuple[str, str, float]]
) -> None:
    images = {tag: shelved(tag, is_admitted=state == "admitted", state=state, days=d) for tag, state, d in others}
    images.setdefault(written, shelved(written))
    found = judged(running(written), *images.values(), rule=ANYTHING)
    if found.proposal is None:
        assert found.why
        return
    to, mine = found.proposal.to, read_tag(written)
    its = read_tag(to.tag)
    assert images[to.tag].state == "admitted"
    assert mine is not None
    assert its is not None
    assert its.is_of_line(mine)
    assert its.order > mine.order
    again = judged(running(to.tag), *images.values(), rule=ANYTHING)
    assert again.proposal is None, "an update that is done leads to no other: nothing flaps"
