# SPDX-License-Identifier: Apache-2.0
"""Decisions as verification summaries: SLSA's fields for everybody, nothing lost for us."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy_facts import AT, decision

from tidegate.artifact import Digest
from tidegate.errors import InvalidInputError
from tidegate.evidence import VSA, Boundary, PolicyRef, Reason, Statement, Subject, Verdict, parse_statement
from tidegate.policy.vsa import from_vsa, to_vsa

DIGESTS = st.binary(max_size=4).map(Digest.of)
TEXT = st.text(max_size=20).filter(lambda text: text.isprintable())
REASONS = st.builds(
    Reason, rule=TEXT, verdict=st.sampled_from(Verdict), message=TEXT, item=TEXT, fix=TEXT, excepted_by=TEXT
)
MOMENTS = st.timedeltas(timedelta(0), timedelta(days=900)).map(lambda span: AT + span)
DECISIONS = st.builds(
    decision,
    boundary=st.sampled_from(Boundary),
    subject=DIGESTS,
    verdict=st.sampled_from(Verdict),
    reasons=st.lists(REASONS, max_size=3).map(tuple),
    rules=st.lists(TEXT, max_size=3).map(tuple),
    policies=st.lists(st.builds(PolicyRef, name=TEXT, digest=DIGESTS), min_size=0, max_size=3).map(tuple),
    inputs=st.lists(DIGESTS, max_size=3).map(tuple),
    decided_at=MOMENTS,
    expires_at=MOMENTS,
)


@pytest.mark.property
@given(made=DECISIONS)
def test_nothing_is_lost_on_the_way(made: Any) -> None:
    statement = to_vsa(made, verifier_id="https://gate.example", resource_uri="oci://r/app")
    assert from_vsa(parse_statement(statement.to_bytes())) == made


def test_the_fields_of_the_specification() -> None:
    made = decision(verdict=Verdict.WARN)
    statement = to_vsa(made, verifier_id="https://gate.example", resource_uri="oci://r/app")
    document = json.loads(statement.to_bytes())
    assert document["predicateType"] == "https://slsa.dev/verification_summary/v1"
    assert document["subject"] == [{"name": "oci://r/app", "digest": {"sha256": made.subject.hex}}]
    predicate = {name: value for name, value in document["predicate"].items() if "/" not in name}
    assert predicate == {
        "verifier": {"id": "https://gate.example"},
        "timeVerified": "2026-06-01T11:00:00Z",
        "resourceUri": "oci://r/app",
        "policy": {"uri": "tidegate:policy/default", "digest": {"sha256": Digest.of(b"policy").hex}},
        "inputAttestations": [{"digest": {"sha256": Digest.of(b"scan").hex}}],
        "verificationResult": "PASSED",
        "verifiedLevels": ["TIDEGATE_CURATION"],
        "slsaVersion": "1.0",
    }
    refused = to_vsa(decision(verdict=Verdict.DENY), verifier_id="v", resource_uri="r").predicate
    assert (refused["verificationResult"], refused["verifiedLevels"]) == ("FAILED", ["FAILED"])


@pytest.mark.parametrize(
    "changes",
    [
        {"verificationResult": "FAILED"},
        {"tidegate.dev/verdict": "deny"},
        {"tidegate.dev/verdict": "maybe"},
        {"tidegate.dev/boundary": None},
        {"timeVerified": "yesterday"},
        {"inputAttestations": [{"digest": {"md5": "x"}}]},
        {"tidegate.dev/policies": [{"name": "x", "digest": "sha256:1"}]},
    ],
)
def test_summaries_that_are_not_ours(changes: dict[str, object]) -> None:
    statement = to_vsa(decision(), verifier_id="v", resource_uri="r")
    with pytest.raises(InvalidInputError):
        from_vsa(
            Statement(subjects=statement.subjects, predicate_type=VSA, predicate={**statement.predicate, **changes})
        )


def test_a_summary_speaks_of_one_subject() -> None:
    statement = to_vsa(decision(), verifier_id="v", resource_uri="r")
    two = (*statement.subjects, Subject(name="b", digest=Digest.of(b"b")))
    with pytest.raises(InvalidInputError, match="one subject"):
        from_vsa(Statement(subjects=two, predicate_type=VSA, predicate=statement.predicate))
