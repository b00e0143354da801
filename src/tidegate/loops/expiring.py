# SPDX-License-Identifier: Apache-2.0
"""Decisions expire on purpose; those behind images that are still vended are made anew before they do."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from sqlalchemy import select

from tidegate.clock import Clock, rfc3339
from tidegate.curation.lifecycle import VENDED
from tidegate.storage import schema
from tidegate.storage.database import Database

AHEAD: Final = timedelta(days=1)


def judge_before_expiry(database: Database, submit: Callable[[str, str], None], clock: Clock) -> int:
    """Asks for curation of every vended digest whose decision ends within a day; returns how many.

    The key holds the expiry, so asking every hour asks once per decision.
    """
    table = schema.state
    query = select(table.c.digest, table.c.expires_at).where(
        table.c.state.in_([member.value for member in VENDED]),
        table.c.expires_at > "",  # none at all is no date; said as the start of a range, which an index has
        table.c.expires_at <= rfc3339(clock() + AHEAD),
    )
    with database.read() as connection:
        rows = connection.execute(query).all()
    for row in rows:
        submit(f"{row.digest}:until:{row.expires_at}", row.digest)
    return len(rows)
