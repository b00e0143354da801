# SPDX-License-Identifier: Apache-2.0
"""Decisions for tests of what stands beside them."""

from datetime import UTC, datetime, timedelta

from tidegate.evidence import Boundary, Decision, Verdict
from tidegate.execution.gate import Question

_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def allow(question: Question) -> Decision:
    """Every image may run."""
    return Decision(
        boundary=Boundary.EXECUTION,
        subject=question.digest,
        verdict=Verdict.ALLOW,
        reasons=(),
        rules=("r",),
        policies=(),
        inputs=(),
        decided_at=_AT,
        expires_at=_AT + timedelta(days=1),
    )
