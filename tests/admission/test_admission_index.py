# SPDX-License-Identifier: Apache-2.0
"""The decision over an index: worst verdict, earliest expiry, nothing lost."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.admission.index import decide_index
from tidegate.artifact import Digest
from tidegate.evidence import Boundary, Decision, PolicyRef, Reason, Verdict

AT = datetime(2026, 6, 1, tzinfo=UTC)
INDEX = Digest.of(b"index")


def decision(
    verdict: Verdict, *, hours: int = 24, name: bytes = b"a", boundary: Boundary = Boundary.CURATION
) -> Decision:
    return Decision(
        boundary=boundary,
        subject=Digest.of(name),
        verdict=verdict,
        reasons=(Reason(rule="r", verdict=verdict, message="m", item=name.hex()),),
        rules=("r",),
        policies=(PolicyRef(name="p", digest=Digest.of(b"p")),),
        inputs=(Digest.of(name + b"scan"),),
        decided_at=AT,
        expires_at=AT + timedelta(hours=hours),
    )


def test_no_image_at_all_denies() -> None:
    found = decide_index(Boundary.CURATION, INDEX, [], AT)
    assert found.verdict is Verdict.DENY
    assert found.reasons


def test_a_decision_of_another_boundary_counts_for_nothing() -> None:
    other = decision(Verdict.ALLOW, boundary=Boundary.EXECUTION)
    assert decide_index(Boundary.CURATION, INDEX, [("linux/amd64", other)], AT).verdict is Verdict.DENY


def test_an_expired_decision_denies() -> None:
    children = [("linux/amd64", decision(Verdict.ALLOW)), ("linux/arm64", decision(Verdict.ALLOW, hours=0, name=b"b"))]
    found = decide_index(Boundary.CURATION, INDEX, children, AT)
    assert found.verdict is Verdict.DENY
    assert any("expired" in reason.message and "linux/arm64" in reason.item for reason in found.reasons)


@pytest.mark.property
@given(st.lists(st.tuples(st.sampled_from(Verdict), st.integers(1, 100)), min_size=1, max_size=8))
def test_it_is_as_good_as_the_worst_and_lasts_as_long_as_the_shortest(parts: list[tuple[Verdict, int]]) -> None:
    children = [
        (f"linux/{at}", decision(verdict, hours=hours, name=bytes([at]))) for at, (verdict, hours) in enumerate(parts)
    ]
    found = decide_index(Boundary.CURATION, INDEX, children, AT)
    assert found.verdict.rank == max(verdict.rank for verdict, _ in parts)
    assert found.expires_at == AT + timedelta(hours=min(hours for _, hours in parts))
    assert len(found.reasons) == len(parts)
    assert len(found.inputs) == len(parts)
    assert found.subject == INDEX


def test_in_part_the_good_ones_pass_and_the_others_are_named() -> None:
    good, bad = decision(Verdict.ALLOW, hours=5), decision(Verdict.DENY, name=b"b", hours=1)
    found = decide_index(Boundary.CURATION, INDEX, [("linux/amd64", good), ("linux/arm64", bad)], AT, in_part=True)
    assert found.verdict is Verdict.WARN
    assert found.expires_at == good.expires_at
    (left_out,) = [reason for reason in found.reasons if reason.verdict is Verdict.WARN]
    assert (left_out.item, left_out.message) == ("linux/arm64", "this platform is withheld: m")
    assert set(found.inputs) == {*good.inputs, *bad.inputs}


def test_in_part_none_that_passes_denies_as_ever() -> None:
    expired = decision(Verdict.ALLOW, hours=0)
    bad = decision(Verdict.DENY, name=b"b")
    for children in ([], [("one", bad)], [("one", expired), ("two", bad)]):
        assert decide_index(Boundary.CURATION, INDEX, children, AT, in_part=True).verdict is Verdict.DENY
