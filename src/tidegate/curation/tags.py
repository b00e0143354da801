# SPDX-License-Identifier: Apache-2.0
"""Tags: names of a repository that point to a digest; moved and removed unless held, and never without a trace."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select

from tidegate.artifact import Digest, Repository, Tag
from tidegate.clock import parse_rfc3339, rfc3339
from tidegate.curation.tag_holds import require_loose
from tidegate.curation.tag_rules import NO_TAG_RULES, ImmutableTags
from tidegate.events import Event, EventKind
from tidegate.storage.insert import insert_once, insert_or_update
from tidegate.storage.keeping_schema import tag_history
from tidegate.storage.lock_order import Rank, taking
from tidegate.storage.outbox import publish
from tidegate.storage.schema import manifest_child, repository_manifest, tag
from tidegate.values import Struct

MAX_PAGE: Final = 1000

_MAX_INDEX_DEPTH: Final = 4


def resolve(connection: Connection, repository: Repository, name: Tag) -> Digest | None:
    """The digest a tag points to; None when there is no such tag."""
    found = connection.scalar(select(tag.c.digest).where(tag.c.repository == repository, tag.c.name == name))
    return None if found is None else Digest(found)


class TagMove(Struct, frozen=True, kw_only=True):
    """One change of a tag.

    Attributes:
        before: the digest it pointed to; None when it was new.
        after: the digest it points to since; None when it was removed.
        why: the recorded reason, where one was needed.
    """

    repository: Repository
    tag: Tag
    before: Digest | None
    after: Digest | None
    at: datetime
    who: str
    why: str = ""


def point(
    connection: Connection,
    repository: Repository,
    name: Tag,
    digest: Digest,
    *,
    who: str,
    at: datetime,
    rules: ImmutableTags = NO_TAG_RULES,
) -> bool:
    """Points a tag to a digest, in the caller's transaction, and tells it.

    Returns:
        False when it pointed there before.

    Raises:
        TagImmutableError: it points elsewhere, and is held there.
    """
    taking(connection, Rank.TAG, [f"{repository}:{name}"])
    row = {"repository": repository, "name": name, "digest": digest, "moved_at": rfc3339(at)}
    before, why = None, ""
    if not insert_once(connection, tag, **row):
        # Locked, so that of two that move it at once the second sees what the first did.
        before = _locked(connection, repository, name)
        if before == digest:
            return False
        if before is not None:
            why = require_loose(connection, rules, repository, name, act="move", who=who, at=at)
        insert_or_update(connection, tag, **row)
    _trace(connection, TagMove(repository=repository, tag=name, before=before, after=digest, at=at, who=who, why=why))
    return True


def remove(
    connection: Connection,
    repository: Repository,
    name: Tag,
    *,
    who: str,
    at: datetime,
    why: str = "",
    rules: ImmutableTags = NO_TAG_RULES,
) -> bool:
    """Removes a tag, in the caller's transaction, and tells it; what it pointed to stays.

    Returns:
        False when there is no such tag.

    Raises:
        TagImmutableError: it is held.
    """
    before = _locked(connection, repository, name)
    if before is None:
        return False
    why = require_loose(connection, rules, repository, name, act="remove", who=who, at=at) or why
    here = (tag.c.repository == repository) & (tag.c.name == name)
    connection.execute(delete(tag).where(here))
    _trace(connection, TagMove(repository=repository, tag=name, before=before, after=None, at=at, who=who, why=why))
    return True


def tag_moves(
    connection: Connection, repository: Repository, name: Tag | None = None, *, limit: int = MAX_PAGE
) -> Sequence[TagMove]:
    """What became of a repository's tags, or of one of them, the newest first."""
    query = select(tag_history).where(tag_history.c.repository == repository)
    if name is not None:
        query = query.where(tag_history.c.name == name)
    return [
        TagMove(
            repository=repository,
            tag=Tag(row.name),
            before=Digest(row.before) if row.before else None,
            after=Digest(row.after) if row.after else None,
            at=parse_rfc3339(row.at),
            who=row.who,
            why=row.why,
        )
        for row in connection.execute(query.order_by(tag_history.c.id.desc()).limit(limit))
    ]


def tags_in(connection: Connection, repository: Repository, digest: Digest) -> Sequence[Tag]:
    """The tags of a repository that point to a digest, or to an index there that names it, in the order of names."""
    return [name for held_in, name in tags_of(connection, digest) if held_in == repository]


def list_tags(connection: Connection, repository: Repository, *, limit: int, last: str = "") -> Sequence[Tag]:
    """At most `limit` tags of a repository past `last`, in the order of their bytes."""
    name = _bytewise(connection, tag.c.name)
    query = select(tag.c.name).where(tag.c.repository == repository, name > last).order_by(name).limit(limit)
    return [Tag(text) for text in connection.scalars(query)]


def list_repositories(connection: Connection, *, limit: int, last: str = "") -> Sequence[Repository]:
    """At most `limit` names of repositories that hold a manifest, past `last`, in the order of their bytes."""
    name = _bytewise(connection, repository_manifest.c.repository)
    # From each name to the next by the index: the cost follows the names told, not the manifests they hold.
    found = select(func.min(name).label("name")).where(name > last).cte("found", recursive=True)
    onward = select(func.min(name)).where(name > found.c.name).scalar_subquery()
    found = found.union_all(select(onward).where(found.c.name.is_not(None)))
    query = select(found.c.name).where(found.c.name.is_not(None)).limit(limit)
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


def _locked(connection: Connection, repository: Repository, name: Tag) -> Digest | None:
    here = (tag.c.repository == repository) & (tag.c.name == name)
    taking(connection, Rank.TAG, [f"{repository}:{name}"])
    found = connection.scalar(select(tag.c.digest).where(here).with_for_update())
    return Digest(found) if found else None


def _trace(connection: Connection, move: TagMove) -> None:
    told = {"before": move.before or "", "after": move.after or "", "who": move.who, "why": move.why}
    row = {"repository": move.repository, "name": move.tag, "at": rfc3339(move.at), **told}
    connection.execute(insert(tag_history).values(row))
    kind = EventKind.TAG_MOVED if move.after else EventKind.TAG_REMOVED
    data = {"repository": move.repository, "tag": move.tag, **told}
    subject = f"{move.repository}:{move.tag}"
    publish(connection, Event(id=uuid4().hex, kind=kind, subject=subject, time=move.at, data=data))
