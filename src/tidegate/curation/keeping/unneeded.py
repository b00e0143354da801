# SPDX-License-Identifier: Apache-2.0
"""The work list of garbage collection: what a repository may hold without need, and bytes no row speaks of.

A blob is put on the list when a repository begins to hold it and when a manifest that needs it goes; it is looked at
once its grace is over. So the cost of a collection follows what was pushed and deleted since, not what is stored.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, literal, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from tidegate.artifact import Digest, Repository
from tidegate.clock import rfc3339
from tidegate.storage.insert import insert_or_update
from tidegate.storage.keeping_schema import gc_look, gc_removal
from tidegate.storage.lock_order import Rank, taking
from tidegate.storage.schema import manifest_blob, repository_blob, repository_manifest


def is_needed(repository: Any, digest: Any) -> ColumnElement[bool]:
    """True when a manifest that a repository holds names a blob."""
    return exists().where(manifest_blob.c.blob == digest, _naming_manifest_is_in(repository))


def who_needs(connection: Connection, repository: Repository, digest: Digest) -> Digest | None:
    """A manifest of a repository that names a blob; None when none does."""
    naming = select(manifest_blob.c.manifest).where(manifest_blob.c.blob == digest, _naming_manifest_is_in(repository))
    found = connection.scalar(naming.limit(1))
    return Digest(found) if found else None


def _naming_manifest_is_in(repository: Any) -> ColumnElement[bool]:
    """Asked of each manifest that names the blob, not joined: SQLite would begin with all that the repository holds."""
    held = exists().where(
        repository_manifest.c.repository == repository, repository_manifest.c.digest == manifest_blob.c.manifest
    )
    return held.correlate_except(repository_manifest)


def look_later(connection: Connection, repository: Repository, digest: Digest, *, due_at: datetime) -> None:
    """Has somebody look whether a repository needs a blob; a later moment takes the place of an earlier one."""
    insert_or_update(connection, gc_look, repository=repository, digest=digest, due_at=rfc3339(due_at))


def look_at_parts(
    connection: Connection, repository: Repository, manifests: Iterable[Digest], *, due_at: datetime
) -> None:
    """The same for all blobs of manifests that leave a repository."""
    taking(connection, Rank.HELD, ["list"])
    held = exists().where(repository_blob.c.repository == repository, repository_blob.c.digest == manifest_blob.c.blob)
    parts = (
        select(literal(repository), manifest_blob.c.blob, literal(rfc3339(due_at)))
        .where(manifest_blob.c.manifest.in_(list(manifests)), held)
        .distinct()
        .order_by(manifest_blob.c.blob)  # the same order for all, so that no two wait for each other
    )
    _put(connection, parts)


def promise(connection: Connection, repository: Repository, digest: Digest, *, until: datetime) -> None:
    """Puts the look at a blob off: somebody was told that it is here, and may build a manifest upon it."""
    here = _at(repository, digest)
    connection.execute(update(gc_look).where(here, gc_look.c.due_at < rfc3339(until)).values(due_at=rfc3339(until)))


def is_awaited(connection: Connection, repository: Repository, digest: Digest, *, before: datetime) -> bool:
    """True when somebody will look at a blob before a moment."""
    due = select(gc_look.c.digest).where(_at(repository, digest), gc_look.c.due_at < rfc3339(before))
    return connection.scalar(due) is not None


def forget(connection: Connection, repository: Repository, digest: Digest) -> None:
    """Strikes a blob of a repository off the list."""
    connection.execute(delete(gc_look).where(_at(repository, digest)))


def forget_needed(connection: Connection, *, at: datetime, limit: int) -> int:
    """Strikes off what is due and needed, at most `limit` of the oldest; returns how many.

    A manifest that goes at the same moment puts its blobs on the list: before these rows are locked here, and then the
    need is gone when it is looked at again, or after they were struck off.
    """
    is_due = gc_look.c.due_at <= rfc3339(at)
    is_struck = is_needed(gc_look.c.repository, gc_look.c.digest)
    needed = (
        select(gc_look.c.repository, gc_look.c.digest)
        .where(is_due, is_struck)
        .order_by(gc_look.c.due_at)
        .limit(limit)
        # Nobody is waited for, so that nobody can wait for us in turn.
        .with_for_update(of=gc_look, skip_locked=True)
    )
    keys = [tuple(row) for row in connection.execute(needed)]
    if not keys:
        return 0
    among = tuple_(gc_look.c.repository, gc_look.c.digest).in_(keys)
    return connection.execute(delete(gc_look).where(among, is_due, is_struck)).rowcount


def due_looks(connection: Connection, *, at: datetime, limit: int) -> list[tuple[Repository, Digest]]:
    """What is to be looked at, the longest due first."""
    query = (
        select(gc_look.c.repository, gc_look.c.digest)
        .where(gc_look.c.due_at <= rfc3339(at))
        .order_by(gc_look.c.due_at, gc_look.c.repository, gc_look.c.digest)
        .limit(limit)
    )
    return [(Repository(row.repository), Digest(row.digest)) for row in connection.execute(query)]


def is_due(connection: Connection, repository: Repository, digest: Digest, *, at: datetime) -> bool:
    """True when it is to be looked at now; the row stays as it is until the transaction ends."""
    query = select(gc_look.c.due_at).where(_at(repository, digest)).with_for_update()
    due_at = connection.scalar(query)
    return due_at is not None and due_at <= rfc3339(at)


def put_off(connection: Connection, repository: Repository, digest: Digest, *, at: datetime) -> None:
    """Looks again in a minute: somebody is using it."""
    promise(connection, repository, digest, until=at + timedelta(minutes=1))


def ask_removal(connection: Connection, digest: Digest, *, at: datetime) -> None:
    """Notes that the bytes of a blob are to go: in the transaction in which its last row goes."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    row = {"digest": digest, "asked_at": rfc3339(at)}
    connection.execute(insert(gc_removal).values(row).on_conflict_do_nothing())


def removals(connection: Connection, *, after: str, limit: int) -> list[Digest]:
    """Blobs whose bytes are to go, past a digest."""
    query = select(gc_removal.c.digest).where(gc_removal.c.digest > after).order_by(gc_removal.c.digest).limit(limit)
    return [Digest(text) for text in connection.scalars(query)]


def removal_done(connection: Connection, digest: Digest) -> None:
    """Strikes off the bytes of a blob."""
    connection.execute(delete(gc_removal).where(gc_removal.c.digest == digest))


def _at(repository: Repository, digest: Digest) -> ColumnElement[bool]:
    return and_(gc_look.c.repository == repository, gc_look.c.digest == digest)


def _put(connection: Connection, what: Any) -> None:
    insert = (sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert)(gc_look)
    columns = [column.name for column in gc_look.columns]
    connection.execute(
        insert.from_select(columns, what).on_conflict_do_update(
            index_elements=["repository", "digest"], set_={"due_at": insert.excluded.due_at}
        )
    )
