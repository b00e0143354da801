# SPDX-License-Identifier: Apache-2.0
"""What runs otherwise than as it was admitted: images that may not run, containers that changed, tags left behind."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from tidegate.artifact import Digest
from tidegate.execution.incidents import Incident, list_incidents
from tidegate.execution.inventory import Asked, Run, what_runs
from tidegate.storage import schema
from tidegate.storage.keeping_schema import tag_history
from tidegate.values import Struct

MAX_OF_EACH: Final = 1000


class LeftBehind(Struct, frozen=True, kw_only=True):
    """A workload that was let in with what a tag meant then, and means no more.

    Attributes:
        workload: `cluster/namespace/kind/name`.
        digest: what it was let in with; `now` what the tag means.
        since: when it was let in, RFC 3339.
    """

    workload: str
    container: str
    owner: str
    tag: str
    digest: Digest
    now: Digest
    since: str


class Drift(Struct, frozen=True, kw_only=True):
    """What was found, of each kind the first thousand.

    Attributes:
        rogue: containers whose image was never admitted, is not any more, or is another than their pod pins.
        changed: open incidents: what containers did that their image does not say.
        behind: workloads that run an older image of a tag.
        is_all: False when there is more of any.
    """

    rogue: tuple[Run, ...]
    changed: tuple[Incident, ...]
    behind: tuple[LeftBehind, ...]
    is_all: bool


def drift(connection: Connection, *, now: datetime) -> Drift:
    """What runs otherwise, by what is on record."""
    page = what_runs(connection, Asked(rogue=True, limit=MAX_OF_EACH), now=now)
    incidents = list_incidents(connection, state="open", limit=MAX_OF_EACH)
    behind = _left_behind(connection)
    is_all = not page.after and len(incidents) < MAX_OF_EACH and len(behind) < MAX_OF_EACH
    return Drift(rogue=page.runs, changed=tuple(incidents), behind=behind, is_all=is_all)


def _left_behind(connection: Connection) -> tuple[LeftBehind, ...]:
    placed, moved, tag = schema.placement, tag_history, schema.tag
    query = (
        select(placed, tag.c.repository, tag.c.name.label("tag"), tag.c.digest.label("now"))
        .join(moved, moved.c.before == placed.c.digest)
        .join(tag, (tag.c.repository == moved.c.repository) & (tag.c.name == moved.c.name))
        .where(tag.c.digest != placed.c.digest)
        .order_by(placed.c.cluster, placed.c.namespace, placed.c.kind, placed.c.name, placed.c.container, tag.c.name)
        .distinct()
        .limit(MAX_OF_EACH)
    )
    return tuple(
        LeftBehind(
            workload=f"{row.cluster}/{row.namespace}/{row.kind}/{row.name}",
            container=row.container,
            owner=row.owner,
            tag=f"{row.repository}:{row.tag}",
            digest=Digest(row.digest),
            now=Digest(row.now),
            since=row.since,
        )
        for row in connection.execute(query)
    )
