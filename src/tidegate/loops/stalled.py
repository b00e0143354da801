# SPDX-License-Identifier: Apache-2.0
"""Work that ended without a verdict (the disk was full, a process was killed too often): ask for it again."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from sqlalchemy import select

from tidegate.clock import Clock, rfc3339
from tidegate.curation.lifecycle import UNDECIDED
from tidegate.storage import schema
from tidegate.storage.database import Database

AFTER: Final = timedelta(minutes=30)
"""Longer than an honest examination takes, and how often it is asked again."""


def judge_stalled(database: Database, submit: Callable[[str, str], None], clock: Clock) -> int:
    """Asks for curation of every digest that waits for a verdict since half an hour; returns how many.

    The key holds the half hour, so a digest is asked for once in it however often this runs.
    """
    table, at = schema.state, clock()
    query = select(table.c.digest).where(
        table.c.state.in_([member.value for member in UNDECIDED]), table.c.since <= rfc3339(at - AFTER)
    )
    with database.read() as connection:
        digests = connection.scalars(query).all()
    half_hour = int(at.timestamp() // AFTER.total_seconds())
    for digest in digests:
        submit(f"{digest}:stalled:{half_hour}", digest)
    return len(digests)
