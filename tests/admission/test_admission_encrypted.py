# SPDX-License-Identifier: Apache-2.0
"""The decision over an encrypted copy: that of the plain image, and never a better one."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.admission.encrypted import decide_encrypted, encryption_statement, following, plain_of
from tidegate.admission.gathered import Gathered
from tidegate.artifact import Digest
from tidegate.evidence import (
    ENCRYPTION,
    SBOM,
    SCAN,
    VSA,
    Boundary,
    Decision,
    Evidence,
    PredicateType,
    Reason,
    Verdict,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PLAIN, COPY, ENVELOPE, SEEN = (Digest.of(text) for text in (b"plain", b"copy", b"envelope", b"seen"))


def evidence(kind: PredicateType, predicate: dict[str, object], subject: Digest = COPY) -> Evidence:
    return Evidence(
        digest=Digest.of(kind.encode() + subject.encode()),
        subject=subject,
        predicate_type=kind,
        predicate=predicate,
        signers=("key",),
        made_at=NOON,
    )


def decision(verdict: Verdict, expires_at: datetime, boundary: Boundary = Boundary.CURATION) -> Decision:
    return Decision(
        boundary=boundary,
        subject=PLAIN,
        verdict=verdict,
        reasons=(Reason(rule="r", verdict=verdict, message="said"),),
        rules=("r",),
        policies=(),
        inputs=(SEEN,),
        decided_at=NOON - timedelta(hours=1),
        expires_at=expires_at,
    )


@pytest.mark.property
@given(verdict=st.sampled_from(Verdict), boundary=st.sampled_from(Boundary), minutes=st.integers(-100, 100))
def test_a_copy_is_never_better_than_its_image(verdict: Verdict, boundary: Boundary, minutes: int) -> None:
    plain = decision(verdict, NOON + timedelta(minutes=minutes), boundary)
    made = decide_encrypted(COPY, plain, ENVELOPE, at=NOON)
    assert (made.subject, made.boundary, made.decided_at) == (COPY, Boundary.CURATION, NOON)
    assert made.verdict.rank >= verdict.rank
    assert made.expires_at <= max(plain.expires_at, NOON)
    assert ENVELOPE in made.inputs
    if boundary is not Boundary.CURATION or minutes <= 0:
        assert made.verdict is Verdict.DENY
    else:
        assert (made.verdict, made.reasons, made.inputs) == (verdict, plain.reasons, tuple(sorted((SEEN, ENVELOPE))))


def test_without_a_decision_over_the_image_the_copy_is_denied() -> None:
    made = decide_encrypted(COPY, None, ENVELOPE, at=NOON)
    assert (made.verdict, made.expires_at) == (Verdict.DENY, NOON)
    assert "nothing is decided" in made.reasons[0].message


def test_the_statement_says_of_what_it_is_the_encryption() -> None:
    said = encryption_statement(COPY, PLAIN, name="secret/app@x", recipients=["b", "a"])
    assert said.predicate_type == "https://tidegate.dev/predicates/encryption/v1"
    assert said.predicate == {"plain": {"digest": {"sha256": PLAIN.hex}}, "recipients": ["a", "b"]}
    held = evidence(ENCRYPTION, dict(said.predicate))
    assert plain_of([evidence(SCAN, {}), held]) == (PLAIN, held.digest)


@pytest.mark.parametrize(
    "predicate",
    [{}, {"plain": 1}, {"plain": {}}, {"plain": {"digest": []}}, {"plain": {"digest": {"sha256": "no"}}}],
)
def test_a_malformed_statement_says_nothing(predicate: dict[str, object]) -> None:
    assert plain_of([evidence(ENCRYPTION, predicate)]) is None


def test_evidence_follows_where_the_copy_has_none_of_its_own_and_decisions_do_not() -> None:
    own = Gathered(
        evidence=(evidence(ENCRYPTION, {}), evidence(SBOM, {"own": True})),
        newest={"encryption": ENVELOPE, "sbom": SEEN},
    )
    of_plain = [evidence(kind, _said(kind), PLAIN) for kind in (SBOM, SCAN, VSA)]
    plain = Gathered(
        evidence=tuple(of_plain), newest=dict(zip(("sbom", "scan", "vsa"), (it.digest for it in of_plain), strict=True))
    )
    found = following(own, plain, COPY)
    assert {it.predicate_type: it.predicate.get("own") for it in found.evidence} == {
        ENCRYPTION: None,
        SBOM: True,
        SCAN: False,
    }
    assert all(it.subject == COPY for it in found.evidence)
    assert found.newest == {"encryption": ENVELOPE, "sbom": SEEN, "scan": of_plain[1].digest}


def test_a_kind_that_was_tampered_with_is_not_replaced_by_the_plain_ones() -> None:
    own = Gathered(evidence=(), newest={"scan": SEEN})
    plain = Gathered(evidence=(evidence(SCAN, {}, PLAIN),), newest={"scan": ENVELOPE})
    assert following(own, plain, COPY) == own


def _said(kind: PredicateType) -> dict[str, object]:
    return {"own": False, "tidegate.dev/boundary": "curation"} if kind == VSA else {"own": False}
