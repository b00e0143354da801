# SPDX-License-Identifier: Apache-2.0
"""Is it mended? Asked of what is open, when something happened to its repository and from time to time."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, RowMapping, select

from tidegate.artifact import Digest
from tidegate.curation.feedback.cases import mend
from tidegate.curation.feedback.notice import Cause
from tidegate.curation.states import State, state_of
from tidegate.storage.database import Database
from tidegate.storage.feedback_schema import feedback_case, feedback_item
from tidegate.storage.schema import placement, repository_manifest, state, tag

_AT_ONCE: Final = 1000
_STILL: Final = {
    Cause.REJECTED: frozenset({State.REJECTED, State.QUARANTINED, State.ANALYSING}),
    Cause.RECALLED: frozenset({State.RECALLED, State.QUARANTINED, State.ANALYSING, State.REJECTED}),
    Cause.RESTRICTED: frozenset({State.RESTRICTED}),
}


def close_what_is_mended(
    database: Database, *, at: datetime, repositories: Collection[str] = (), subjects: Collection[str] = ()
) -> int:
    """Looks at what is open, of some repositories and subjects or of all; returns how much is mended now."""
    item = feedback_item
    query = select(item, feedback_case.c.cause).join(feedback_case, feedback_case.c.id == item.c.case_id)
    query = query.where(item.c.mended_at == "", feedback_case.c.state == "open")
    if repositories or subjects:
        query = query.where(item.c.repository.in_(repositories) | item.c.subject.in_(subjects))
    number, last = 0, ("", "", "")
    while True:
        page = query.where(_after(last)).order_by(item.c.case_id, item.c.subject, item.c.repository).limit(_AT_ONCE)
        with database.read() as connection:
            rows = list(connection.execute(page).mappings())
            found = [(row, how) for row in rows if (how := _how(connection, row))]
        for row, how in found:
            with database.begin() as connection:
                number += mend(connection, row["case_id"], row["subject"], row["repository"], how, at=at)
        if len(rows) < _AT_ONCE:
            return number
        last = (rows[-1]["case_id"], rows[-1]["subject"], rows[-1]["repository"])


def _after(last: tuple[str, str, str]) -> ColumnElement[bool]:
    case, subject, repository = last
    item = feedback_item
    within = (item.c.subject > subject) | ((item.c.subject == subject) & (item.c.repository > repository))
    return (item.c.case_id > case) | ((item.c.case_id == case) & within)


def _how(connection: Connection, row: RowMapping) -> str:
    """How an item was mended; "" while it is not."""
    cause = Cause(row["cause"])
    if cause is Cause.INCIDENT:
        return ""  # people close incidents
    digest, repository = Digest(row["subject"]), row["repository"]
    now = state_of(connection, digest)
    if now is not None and now not in _STILL[cause] and now not in {State.RETIRED, State.RECALLED}:
        return f"it is {now} now"
    runs = connection.scalar(select(placement.c.digest).where(placement.c.digest == digest).limit(1)) is not None
    held = repository_manifest
    here = (held.c.repository == repository) & (held.c.digest == digest)
    pushed = connection.scalar(select(held.c.pushed_at).where(here))
    if runs:
        return ""
    if pushed is None:
        return "it was taken out of the repository, and nothing runs it"
    if cause is Cause.RESTRICTED:
        return ""
    newer = (
        select(tag.c.name, tag.c.digest)
        .join(state, state.c.digest == tag.c.digest)
        .join(held, (held.c.digest == tag.c.digest) & (held.c.repository == tag.c.repository))
        .where(tag.c.repository == repository, tag.c.digest != digest, state.c.state == State.ADMITTED)
        .where(held.c.pushed_at >= pushed, state.c.since >= row["opened_at"], tag.c.moved_at >= row["opened_at"])
        .order_by(tag.c.moved_at.desc(), tag.c.name)
    )
    found = connection.execute(newer.limit(1)).first()
    return f"{repository}:{found.name} ({found.digest}) was admitted, and nothing runs the old one" if found else ""
