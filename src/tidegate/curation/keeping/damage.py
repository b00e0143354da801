# SPDX-License-Identifier: Apache-2.0
"""Blobs whose bytes are not what their digest says: taken off record until good ones come, and who is hit meanwhile.

A row says that the bytes are there. When they are not, the rows go: the blob is then unknown to every client, no
manifest can be built upon it, and whoever pushes it is asked for its bytes. Which repositories held it is kept, and
becomes true again with the first good copy, wherever that comes from.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, bindparam, delete, func, select, update

from tidegate.artifact import Digest, Repository
from tidegate.clock import parse_rfc3339, rfc3339
from tidegate.curation.keeping import unneeded
from tidegate.storage.insert import insert_once, insert_or_update
from tidegate.storage.keeping_schema import blob_damage
from tidegate.storage.schema import (
    blob,
    manifest_blob,
    manifest_child,
    placement,
    repository_blob,
    repository_manifest,
    state,
    tag,
)
from tidegate.values import Struct
from tidegate.wire import from_json, to_json

MAX_HIT: Final = 100
"""Manifests, and workloads, that are named of one blob; of more, the first by name."""
_MAX_HOLDERS_BYTES: Final = 64 << 20
PUSHED: Final = "a push"
# Built once: building a query takes longer than running it, and every upload runs it.
_HOLDERS: Final = (
    select(blob_damage.c.holders)
    .where(blob_damage.c.digest == bindparam("digest"), blob_damage.c.repaired_at == "")
    .with_for_update()
)


class Defect(StrEnum):
    """What is wrong with the bytes under a digest."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    TRUNCATED = "truncated"
    CHANGED = "changed"


class HitManifest(Struct, frozen=True, kw_only=True):
    """A manifest that needs a blob."""

    digest: Digest
    state: str
    repositories: tuple[str, ...]
    tags: tuple[str, ...]


class HitWorkload(Struct, frozen=True, kw_only=True):
    """A workload that runs an image which needs a blob: it cannot be started anew where it is not cached."""

    workload: str
    owner: str
    digest: Digest


class Hit(Struct, frozen=True, kw_only=True):
    """Who is hit by the loss of a blob, or of a manifest."""

    manifests: tuple[HitManifest, ...]
    workloads: tuple[HitWorkload, ...]


class Damage(Struct, frozen=True, kw_only=True):
    """A damaged blob.

    Attributes:
        repaired_at: None while it is lost.
        repaired_from: where the good bytes came from.
    """

    digest: Digest
    defect: Defect
    size: int
    found_at: datetime
    repaired_at: datetime | None
    repaired_from: str


def take_off_record(
    connection: Connection, digest: Digest, defect: Defect, *, stored_at: str, at: datetime
) -> tuple[Repository, ...] | None:
    """Takes a damaged blob off record, in the caller's transaction that has its lock.

    Args:
        connection: inside a transaction that writes.
        digest: of the blob.
        defect: what is wrong with it.
        stored_at: of the row whose bytes were looked at.
        at: now.

    Returns:
        The repositories that held it; None when it is gone, or another came in its place meanwhile.
    """
    row = connection.execute(select(blob.c.size, blob.c.stored_at).where(blob.c.digest == digest)).first()
    if row is None or row.stored_at != stored_at:
        return None
    held = select(repository_blob.c.repository, repository_blob.c.uploaded_by).where(repository_blob.c.digest == digest)
    holders = sorted((str(one.repository), str(one.uploaded_by)) for one in connection.execute(held))
    insert_or_update(
        connection,
        blob_damage,
        digest=digest,
        defect=defect,
        size=row.size,
        found_at=rfc3339(at),
        holders=to_json(holders),
        repaired_at="",
        repaired_from="",
        let_go_at="",
    )
    connection.execute(delete(repository_blob).where(repository_blob.c.digest == digest))
    connection.execute(delete(blob).where(blob.c.digest == digest))
    return tuple(Repository(name) for name, _ in holders)


def put_back_on_record(connection: Connection, digest: Digest, *, at: datetime, source: str = PUSHED) -> bool:
    """Has the repositories that held a damaged blob hold it again; its row is there, and so are good bytes.

    Returns:
        False when it was not damaged.
    """
    text = connection.scalar(_HOLDERS, {"digest": digest})
    if text is None:
        return False
    here = (blob_damage.c.digest == digest) & (blob_damage.c.repaired_at == "")
    for name, uploaded_by in holders_in(text):
        insert_once(connection, repository_blob, repository=name, digest=digest, uploaded_by=uploaded_by)
        unneeded.look_later(connection, Repository(name), digest, due_at=at)  # it may be needed no more
    connection.execute(update(blob_damage).where(here).values(repaired_at=rfc3339(at), repaired_from=source))
    return True


def holders_in(text: bytes) -> list[tuple[str, str]]:
    """Repositories that held a blob, and who uploaded it there."""
    return from_json(bytes(text), list[tuple[str, str]], what="holders", max_bytes=_MAX_HOLDERS_BYTES)


def lost(connection: Connection, *, after: str, limit: int) -> list[tuple[Digest, int, tuple[Repository, ...]]]:
    """Blobs that are damaged still: digest, size and who held them, past a digest."""
    query = select(blob_damage).where(blob_damage.c.repaired_at == "", blob_damage.c.digest > after)
    rows = connection.execute(query.order_by(blob_damage.c.digest).limit(limit))
    return [
        (Digest(row.digest), row.size, tuple(Repository(name) for name, _ in holders_in(row.holders))) for row in rows
    ]


def count_lost(connection: Connection) -> int:
    """How many blobs are damaged still."""
    return connection.scalar(select(func.count()).where(blob_damage.c.repaired_at == "")) or 0


def list_damages(connection: Connection, *, limit: int) -> Sequence[Damage]:
    """Damages on record, those that are not repaired first, then the newest first."""
    query = select(blob_damage).order_by(blob_damage.c.repaired_at != "", blob_damage.c.found_at.desc()).limit(limit)
    return [
        Damage(
            digest=Digest(row.digest),
            defect=Defect(row.defect),
            size=row.size,
            found_at=parse_rfc3339(row.found_at),
            repaired_at=parse_rfc3339(row.repaired_at) if row.repaired_at else None,
            repaired_from=row.repaired_from,
        )
        for row in connection.execute(query)
    ]


def hit_by_blob(connection: Connection, digest: Digest) -> Hit:
    """Who is hit by the loss of a blob."""
    needs = select(manifest_blob.c.manifest).where(manifest_blob.c.blob == digest)
    return hit_by_manifests(connection, [Digest(text) for text in connection.scalars(needs)])


def hit_by_manifests(connection: Connection, digests: Sequence[Digest]) -> Hit:
    """Who is hit by the loss of manifests, or of something they need: those that are held, and what runs them."""
    held = repository_manifest
    found: list[HitManifest] = []
    for digest in sorted(digests):
        repositories = tuple(
            connection.scalars(select(held.c.repository).where(held.c.digest == digest).order_by(held.c.repository))
        )
        if not repositories:
            continue
        names = connection.execute(select(tag.c.repository, tag.c.name).where(tag.c.digest == digest))
        known = connection.scalar(select(state.c.state).where(state.c.digest == digest)) or ""
        tags = tuple(sorted(f"{row.repository}:{row.name}" for row in names))
        found.append(HitManifest(digest=digest, state=known, repositories=repositories, tags=tags))
    hit = [one.digest for one in found]
    parents = select(manifest_child.c.parent).where(manifest_child.c.child.in_(hit))
    family = {*hit, *map(Digest, connection.scalars(parents))}
    running = (
        select(placement)
        .where(placement.c.digest.in_(family))
        .order_by(placement.c.cluster, placement.c.namespace, placement.c.kind, placement.c.name)
    )
    workloads = {
        HitWorkload(
            workload=f"{row.cluster}/{row.namespace}/{row.kind}/{row.name}",
            owner=row.owner,
            digest=Digest(row.digest),
        )
        for row in connection.execute(running.limit(MAX_HIT))
    }
    return Hit(
        manifests=tuple(found[:MAX_HIT]), workloads=tuple(sorted(workloads, key=lambda one: (one.workload, one.digest)))
    )
