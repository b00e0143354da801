# SPDX-License-Identifier: Apache-2.0
"""Tags: names of a repository that point to a digest and may be moved."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, delete, select

from tidegate.artifact import Digest, Repository, Tag
from tidegate.clock import rfc3339
from tidegate.events import Event, EventKind
from tidegate.storage.insert import insert_once, insert_or_update
from tidegate.storage.outbox import publish
from tidegate.storage.schema import manifest_child, repository_manifest, tag

MAX_PAGE: Final = 1000

_MAX_INDEX_DEPTH: Final = 4


def resolve(connection: Connection, repository: Repository, name: Tag) -> Digest | None:
    """The digest a tag points to; None when there is no such tag."""
    found = connection.scalar(select(tag.c.digest).where(tag.c.repository == repository, tag.c.name == name))
    return None if found is None else Digest(found)


def point(connection: Connection, repository: Repository, name: Tag, digest: Digest, *, who: str, at: datetime) -> bool:
    """Points a tag to a digest, in the caller's transaction, and tells it.

    Returns:
        False when it pointed there before.
    """
    row = {"repository": repository, "name": name, "digest": digest, "moved_at": rfc3339(at)}
    before: Digest | None = None
    if not insert_once(connection, tag, **row):
        # Locked, so that of two that move it at once the second sees what the first did.
        here = (tag.c.repository == repository) & (tag.c.name == name)
        found = connection.scalar(select(tag.c.digest).where(here).with_for_update())
        before = Digest(found) if found else None
        if before == digest:
            return False
        insert_or_update(connection, tag, **row)
    data = {"repository": repository, "tag": name, "before": before or "", "after": digest, "who": who}
    subject = f"{repository}:{name}"
    publish(connection, Event(id=uuid4().hex, kind=EventKind.TAG_MOVED, subject=subject, time=at, data=data))
    return True


def remove(connection: Connection, repository: Repository, name: Tag) -> bool:
    """Removes a tag; what it pointed to stays. False when there is no such tag."""
    here = (tag.c.repository == repository) & (tag.c.name == name)
    return connection.execute(delete(tag).where(here)).rowcount == 1


def list_tags(connection: Connection, repository: Repository, *, limit: int, last: str = "") -> Sequence[Tag]:
    """At most `limit` tags of a repository past `last`, in the order of their bytes."""
    name = _bytewise(connection, tag.c.name)
    query = select(tag.c.name).where(tag.c.repository == repository, name > last).order_by(name).limit(limit)
    return [Tag(text) for text in connection.scalars(query)]


def list_repositories(connection: Connection, *, limit: int, last: str = "") -> Sequence[Repository]:
    """At most `limit` names of repositories that hold a manifest, past `last`, in the order of their bytes."""
    name = _bytewise(connection, repository_manifest.c.repository)
    query = select(name).where(name > last).distinct().order_by(name).limit(limit)
    return [Repository(text) for text in connection.scalars(query)]


def tags_of(connection: Connection, digest: Digest) -> Sequence[tuple[Repository, Tag]]:
    """Every tag that points to a digest, or to an index that names it, in the order of names."""
    found: set[tuple[str, str]] = set()
    level, depth = {str(digest)}, 0
    while level and depth <= _MAX_INDEX_DEPTH:
        rows = connection.execute(select(tag.c.repository, tag.c.name).where(tag.c.digest.in_(level)))
        found |= {(row.repository, row.name) for row in rows}
        parents = select(manifest_child.c.parent).where(manifest_child.c.child.in_(level))
        level, depth = set(connection.scalars(parents)), depth + 1
    return [(Repository(repository), Tag(name)) for repository, name in sorted(found)]


def _bytewise(connection: Connection, column: ColumnElement[str]) -> ColumnElement[Any]:
    # PostgreSQL sorts by the database's language unless told; SQLite by bytes.
    return column.collate("C") if connection.dialect.name == "postgresql" else column
