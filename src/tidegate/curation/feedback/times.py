# SPDX-License-Identifier: Apache-2.0
"""How long it takes until what owners were told is mended, by owner and severity."""

from collections.abc import Sequence
from datetime import datetime
from math import ceil

from sqlalchemy import Connection, select

from tidegate.clock import parse_rfc3339, rfc3339
from tidegate.curation.feedback.notice import Severity
from tidegate.storage.feedback_schema import feedback_case
from tidegate.values import Struct


class Times(Struct, frozen=True, kw_only=True):
    """Of the cases of one owner and severity.

    Attributes:
        open, closed: how many are.
        oldest: seconds since the oldest open one was opened; 0 for none.
        mean, median, ninetieth: seconds from open to mended, of the closed ones; 0 for none.
    """

    owner: str
    severity: Severity
    open: int
    closed: int
    oldest: float
    mean: float
    median: float
    ninetieth: float


def times_to_fix(connection: Connection, *, since: datetime, at: datetime, owner: str = "") -> list[Times]:
    """By owner and severity, worst severity first: what was opened since a moment, and what is still open.

    Args:
        connection: for reading.
        since: the moment.
        at: now.
        owner: only theirs; "" for all.
    """
    case = feedback_case
    query = select(case.c.owner, case.c.severity, case.c.opened_at, case.c.closed_at)
    query = query.where((case.c.opened_at >= rfc3339(since)) | (case.c.state == "open"))
    if owner:
        query = query.where(case.c.owner == owner)
    groups: dict[tuple[str, str], list[tuple[datetime, datetime | None]]] = {}
    for row in connection.execute(query):
        ends = parse_rfc3339(row.closed_at) if row.closed_at else None
        groups.setdefault((row.owner, row.severity), []).append((parse_rfc3339(row.opened_at), ends))
    found = [_times(name, Severity(severity), spans, at) for (name, severity), spans in groups.items()]
    return sorted(found, key=lambda one: (one.owner, -one.severity.rank))


def _times(owner: str, severity: Severity, spans: Sequence[tuple[datetime, datetime | None]], at: datetime) -> Times:
    took = sorted((end - begin).total_seconds() for begin, end in spans if end is not None)
    waits = [(at - begin).total_seconds() for begin, end in spans if end is None]
    return Times(
        owner=owner,
        severity=severity,
        open=len(waits),
        closed=len(took),
        oldest=max(waits, default=0.0),
        mean=sum(took) / len(took) if took else 0.0,
        median=_part(took, 0.5),
        ninetieth=_part(took, 0.9),
    )


def _part(took: Sequence[float], part: float) -> float:
    """By nearest rank: a length that was really taken."""
    return took[ceil(part * len(took)) - 1] if took else 0.0
