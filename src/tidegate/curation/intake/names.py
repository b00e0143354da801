# SPDX-License-Identifier: Apache-2.0
"""How the names that come from upstreams stand: what was asked for, what came of it, and what is watched."""

from sqlalchemy import Connection, select

from tidegate.storage.schema import intake, state
from tidegate.values import Struct


class IntakeName(Struct, frozen=True, kw_only=True):
    """One name.

    Attributes:
        outcome: of asking the upstream last: under way, arrived, refused, failed, absent.
        reason: why it was refused or failed.
        digest: what the name meant when it was last looked at.
        state: of that digest here; "" when it is not here.
        checked_at, moved_at, again_at, look_at: RFC 3339; "" for never.
        failures: in a row.
    """

    repository: str
    locator: str
    upstream: str
    source: str
    outcome: str
    reason: str
    digest: str
    state: str
    checked_at: str
    moved_at: str
    again_at: str
    look_at: str
    failures: int
    watched: bool


def intake_names(
    connection: Connection,
    *,
    upstream: str = "",
    outcome: str = "",
    watched: bool = False,
    last: tuple[str, str] = ("", ""),
    limit: int = 100,
) -> list[IntakeName]:
    """Names in the order of repository and locator.

    Args:
        connection: for reading.
        upstream: only of this one; "" for all.
        outcome: only those; "" for all.
        watched: only those that are watched.
        last: repository and locator the page before ended with.
        limit: at most so many.
    """
    columns = [intake.c[name] for name in IntakeName.__struct_fields__ if name != "state"]
    past = (intake.c.repository > last[0]) | ((intake.c.repository == last[0]) & (intake.c.locator > last[1]))
    query = (
        select(*columns, state.c.state)
        .outerjoin(state, state.c.digest == intake.c.digest)
        .where(past)
        .order_by(intake.c.repository, intake.c.locator)
        .limit(limit)
    )
    if upstream:
        query = query.where(intake.c.upstream == upstream)
    if outcome:
        query = query.where(intake.c.outcome == outcome)
    if watched:
        query = query.where(intake.c.watched == 1)
    rows = connection.execute(query).mappings()
    return [IntakeName(**{**row, "state": row["state"] or "", "watched": bool(row["watched"])}) for row in rows]
