# SPDX-License-Identifier: Apache-2.0
"""Containers that run what was never admitted, is not admitted any more, or is not what their pod pins.

Looked for among those that were told anew, and among those of an image that was decided anew: never among all.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from tidegate.clock import rfc3339
from tidegate.events import EventKind
from tidegate.execution.container_record import container_of
from tidegate.execution.drift_rules import Mode
from tidegate.execution.observation import Act, Observation
from tidegate.execution.standing import ROGUE, Standing, is_swapped, named, ranks, standing_of
from tidegate.storage import schema
from tidegate.storage.node_schema import node_container
from tidegate.values import Struct

_IDS_AT_ONCE: Final = 200
_WHY: Final[Mapping[Standing, str]] = {
    Standing.UNDECIDED: "its image was not admitted yet",
    Standing.REJECTED: "its image was rejected",
    Standing.RETIRED: "its image was retired",
    Standing.RECALLED: "its image was recalled",
    Standing.UNKNOWN: "its image was never on the shelf",
    Standing.UNIDENTIFIED: "nobody tells which image it runs",
}


class RogueOptions(Struct, frozen=True, kw_only=True):
    """What is made of them.

    Attributes:
        mode: of what was not admitted; what was recalled or is not what is pinned is always an alert.
        exempt: namespaces of which nothing is asked; but for recalls.
    """

    mode: Mode = Mode.ALERT
    exempt: frozenset[str] = frozenset()


class Rogue(Struct, frozen=True, kw_only=True):
    """One of them.

    Attributes:
        key: the same for the same container, image and decision, whoever tells of it.
        seen: what is told.
    """

    node: str
    key: str
    seen: Observation


def rogues_among(
    connection: Connection, node: str, ids: Sequence[str], options: RogueOptions, *, at: datetime
) -> Iterator[Rogue]:
    """Those among containers of a node or cluster."""
    for start in range(0, len(ids), _IDS_AT_ONCE):
        some = node_container.c.id.in_(ids[start : start + _IDS_AT_ONCE])
        yield from _found(connection, (node_container.c.node == node) & some, options, at)


def rogues_of(connection: Connection, digest: str, options: RogueOptions, *, at: datetime) -> Iterator[Rogue]:
    """Those among what runs an image, by its manifest or its configuration."""
    blob = schema.manifest_blob
    configs = list(connection.scalars(select(blob.c.blob).where(blob.c.manifest == digest)))
    of_it = (node_container.c.digest == digest) | node_container.c.config.in_(configs)
    return _found(connection, of_it, options, at)


def _found(connection: Connection, where: ColumnElement[bool], options: RogueOptions, at: datetime) -> Iterator[Rogue]:
    row = node_container.c
    rank, swapped = standing_of(row, at), is_swapped(row)
    # Who describes no container yet may do so a moment later, and tells it anew then.
    is_described = or_(row.image != "", row.digest != "", row.config != "")
    query = (
        select(node_container, rank.label("rank"), swapped.label("swapped"), _decided_at(row).label("decided_at"))
        .where(where, is_described, or_(rank.in_(ranks(ROGUE)), swapped))
        .order_by(row.node, row.id)
    )
    for found in connection.execute(query).mappings().all():
        if (rogue := _rogue(connection, dict(found), options, at)) is not None:
            yield rogue


def _rogue(connection: Connection, row: Mapping[str, Any], options: RogueOptions, at: datetime) -> Rogue | None:
    standing, image = named(row["rank"]), row["digest"] or row["config"]
    act, mode, what = Act.UNADMITTED, options.mode, _WHY.get(standing, "")
    if standing is Standing.RECALLED:
        act, mode = Act.RECALLED, Mode.ALERT
    elif row["namespace"] in options.exempt:
        return None
    elif standing not in ROGUE:
        act, mode, what = Act.SWAPPED, Mode.ALERT, f"its pod pins {row['pinned']}"
    elif row["glass"] and _glass_was_broken(connection, row):
        mode, what = Mode.OBSERVE, f"{what}; the glass was broken for it"
    seen = Observation(
        at=rfc3339(at),
        act=act,
        path=image,
        mode=mode,
        rule=standing if act is not Act.RECALLED else "recalled",
        container=container_of(row),
        what=what,
    )
    key = f"{row['id']}:{act}:{standing}:{image[-16:]}:{row['decided_at'] or ''}"
    return Rogue(node=row["node"], key=key, seen=seen)


def _decided_at(row: Any) -> ColumnElement[str]:
    """When the newest state of its image was come to; NULL for none."""
    state, blob = schema.state, schema.manifest_blob
    same = select(blob.c.manifest).where(and_(blob.c.blob == row.config, row.config != "")).correlate(row.config.table)
    return (
        select(func.max(state.c.since))
        .where(or_(state.c.digest == row.digest, state.c.digest.in_(same)))
        .scalar_subquery()
    )


def _glass_was_broken(connection: Connection, row: Mapping[str, Any]) -> bool:
    """True when the webhook of its cluster said so: what a pod says of itself proves nothing."""
    subject = f"{row['node']}/{row['namespace']}/{row['owner_kind']}/{row['owner']}"
    told = (schema.outbox.c.subject == subject) & (schema.outbox.c.kind == EventKind.GLASS_BROKEN.value)
    return connection.scalar(select(schema.outbox.c.offset).where(told).limit(1)) is not None
