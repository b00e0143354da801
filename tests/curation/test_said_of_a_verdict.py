# SPDX-License-Identifier: Apache-2.0
"""What a decision is said to be for, in the one line that clients and lists show."""

from datetime import UTC, datetime, timedelta

import pytest

from tidegate.artifact import Digest
from tidegate.curation.settle import summary
from tidegate.evidence.decision import Boundary, Decision, Reason, Verdict

AT = datetime(2026, 3, 1, tzinfo=UTC)
FLAW = Reason(rule="flaws", verdict=Verdict.WARN, message="a flaw is high")
ROOT = Reason(rule="root-user", verdict=Verdict.WARN, message="it runs as root")
OLD = Reason(rule="end-of-life", verdict=Verdict.DENY, message="it gets no fixes any more")
SILENCED = Reason(rule="secrets", verdict=Verdict.DENY, message="a key lies in it", excepted_by="tests only")


@pytest.mark.parametrize(
    ("verdict", "reasons", "said"),
    [
        (Verdict.DENY, (FLAW, OLD, ROOT, OLD, SILENCED), "it gets no fixes any more"),
        (Verdict.WARN, (FLAW, ROOT, SILENCED), "a flaw is high; it runs as root"),
        (Verdict.ALLOW, (SILENCED,), "all rules passed"),
    ],
)
def test_a_refusal_is_said_to_be_for_what_refuses(verdict: Verdict, reasons: tuple[Reason, ...], said: str) -> None:
    decision = Decision(
        boundary=Boundary.CURATION,
        subject=Digest.of(b"image"),
        verdict=verdict,
        reasons=reasons,
        rules=(),
        policies=(),
        inputs=(),
        decided_at=AT,
        expires_at=AT + timedelta(days=1),
    )
    assert summary(decision) == said
