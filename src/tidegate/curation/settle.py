# SPDX-License-Identifier: Apache-2.0
"""From a decision to a state: what changes, and what is said of it."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, update

from tidegate.admission.restrictions import restrictions_on
from tidegate.artifact import Digest
from tidegate.clock import rfc3339
from tidegate.curation.lifecycle import SHUT, VENDED, State
from tidegate.curation.standing import standing_of
from tidegate.curation.states import advance, state_of
from tidegate.evidence import Decision, Verdict
from tidegate.storage import schema

_MAX_WHY_REASONS = 3


def settle(
    connection: Connection, decision: Decision, envelope: Digest, *, trouble: str, who: str, at: datetime
) -> State | None:
    """Moves the subject to the state its decision asks for, in the caller's transaction.

    A digest in analysis is admitted or rejected; a vended one that no longer passes is recalled; a shut one that
    passes again is admitted by way of analysis, and is again restricted or deprecated when it was. Otherwise only the
    decision behind the state is renewed.

    Returns:
        The state afterwards; None when the digest is not on the shelf.
    """
    subject, passed = decision.subject, decision.verdict is not Verdict.DENY
    state = state_of(connection, subject)
    if state is None:
        return None

    def move(to: State, why: str = "") -> None:
        advance(
            connection,
            subject,
            to,
            who=who,
            why=why or summary(decision, trouble),
            decision=envelope,
            expires_at=rfc3339(decision.expires_at),
            at=at,
        )

    if state is State.QUARANTINED or (state in SHUT and passed):
        move(State.ANALYSING)
    if state in {State.QUARANTINED, State.ANALYSING} or (state in SHUT and passed):
        move(State.ADMITTED if passed else State.REJECTED)
        for again, reason in _still_said(connection, subject) if passed else ():
            move(again, reason)
    elif state in VENDED and not passed:
        move(State.RECALLED)
    else:
        _renew(connection, decision, envelope)
    return state_of(connection, subject)


def summary(decision: Decision, trouble: str = "") -> str:
    """The first reasons of a decision in one line, each said once; of a refusal those that refuse, no warnings."""
    counting = [reason for reason in decision.reasons if not reason.excepted_by and reason.verdict is not Verdict.ALLOW]
    deciding = [reason for reason in counting if reason.verdict is decision.verdict] or counting
    said = list(dict.fromkeys(reason.message for reason in deciding))
    lines = ([trouble] if trouble else []) + said[:_MAX_WHY_REASONS]
    left = len(said) - _MAX_WHY_REASONS
    more = [f"and {left} more"] if left > 0 else []
    return "; ".join(lines + more) or "all rules passed"


def _still_said(connection: Connection, subject: Digest) -> Iterator[tuple[State, str]]:
    """What people said before a recall, and did not take back."""
    for imposed in restrictions_on(connection, subject, ""):
        if imposed.digest:
            yield State.RESTRICTED, imposed.reason
    said = standing_of(connection, subject)
    if said is not None and said.state is State.DEPRECATED:
        yield State.DEPRECATED, said.why


def _renew(connection: Connection, decision: Decision, envelope: Digest) -> None:
    table = schema.state
    connection.execute(
        update(table)
        .where(table.c.digest == decision.subject)
        .values(decision=envelope, expires_at=rfc3339(decision.expires_at))
    )
