# SPDX-License-Identifier: Apache-2.0
"""May this consumer have this manifest now? By state, by the decision behind it, by whom it is kept for.

Reads only; one query more than the manifest's own, and only where something stands on it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Exists, exists, or_, select

from tidegate.admission.restrictions import restrictions_on
from tidegate.artifact import Digest, Index, Repository, parse_manifest
from tidegate.clock import parse_rfc3339
from tidegate.curation.consumer import Consumer
from tidegate.curation.lifecycle import State
from tidegate.curation.withheld import WithheldError, withheld
from tidegate.evidence.restriction import GROUP, Zones
from tidegate.storage.encryption_schema import encrypted_copy
from tidegate.storage.schema import manifest, state
from tidegate.storage.vending_schema import restriction
from tidegate.values import Struct

_KEPT: Final = frozenset({State.ADMITTED, State.RESTRICTED, State.DEPRECATED})
MAX_CHILDREN_TOLD: Final = 50


class Asked(Struct, frozen=True, kw_only=True):
    """What the pull's own query read of a manifest.

    Attributes:
        expires_at: when the decision behind the state ends (RFC 3339); "" for never.
        is_kept: a restriction or a rule may stand on it.
    """

    digest: Digest
    state: State
    expires_at: str
    is_kept: bool


def may_be_kept() -> Exists:
    """A column for queries over `manifest`: whether any restriction in force may stand on the row."""
    plain = select(encrypted_copy.c.plain).where(encrypted_copy.c.encrypted == manifest.c.digest)
    standing = or_(
        restriction.c.digest == manifest.c.digest,
        restriction.c.digest == "",
        restriction.c.digest == plain.correlate(manifest).scalar_subquery(),
    )
    return exists().where(restriction.c.lifted_at == "", standing).correlate(manifest)


def objection(
    connection: Connection, asked: Asked, repository: Repository, consumer: Consumer, zones: Zones, *, at: datetime
) -> WithheldError | None:
    """Why a consumer may not have a manifest now; None when it may."""
    expired = bool(asked.expires_at) and parse_rfc3339(asked.expires_at) <= at
    if expired or not (asked.state.is_served or asked.state is State.RESTRICTED):
        return withheld(connection, asked.digest, asked.state, expired=expired)
    if asked.state in _KEPT and asked.is_kept:
        return _kept_from(connection, asked, repository, consumer, zones, at)
    if asked.state is State.RESTRICTED:
        return withheld(connection, asked.digest, asked.state, expired=False)
    return None


def _kept_from(
    connection: Connection, asked: Asked, repository: Repository, consumer: Consumer, zones: Zones, at: datetime
) -> WithheldError | None:
    names = {consumer.name, *(GROUP + group for group in consumer.groups)}
    found = restrictions_on(connection, asked.digest, repository)
    if asked.state is State.RESTRICTED and not any(one.digest for one in found):
        return withheld(connection, asked.digest, asked.state, expired=False)
    for one in found:
        if said := one.restriction.objects_to_pull(names, consumer.address, zones, at=at):
            reason = f"{said} ({one.reason})"
            return WithheldError(asked.digest, State.RESTRICTED, reason, f"ask {one.by}; {_way_out(asked)}")
    return None


def _way_out(asked: Asked) -> str:
    return f"to see more run: tidegate passport {asked.digest}"


def withheld_platforms(connection: Connection, document: bytes, media_type: str, *, at: datetime) -> Mapping[str, str]:
    """Of an index, the platforms whose images are withheld now, with their states; told, at most so many."""
    parsed = parse_manifest(document, media_type=media_type)
    if not isinstance(parsed, Index):
        return {}
    wanted = {part.digest: str(part.platform or part.digest) for part in parsed.manifests}
    query = select(state.c.digest, state.c.state, state.c.expires_at).where(state.c.digest.in_(wanted))
    found = {
        wanted[Digest(row.digest)]: row.state
        for row in connection.execute(query)
        if not (State(row.state).is_served or State(row.state) is State.RESTRICTED)
        or (row.expires_at and parse_rfc3339(row.expires_at) <= at)
    }
    return dict(sorted(found.items())[:MAX_CHILDREN_TOLD])
