# SPDX-License-Identifier: Apache-2.0
"""Taking a manifest out of a repository: its tags first, each asked whether it may go, then all that hangs on it."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from sqlalchemy import Connection, delete, exists, func, select

from tidegate.artifact import Digest, Repository, Tag
from tidegate.curation import tags
from tidegate.curation.keeping.unneeded import look_at_parts
from tidegate.curation.shelf_blobs import DEFAULT_GRACE
from tidegate.curation.tag_holds import require_loose
from tidegate.curation.tag_rules import NO_TAG_RULES, ImmutableTags
from tidegate.events import Event, EventKind
from tidegate.identity import quota
from tidegate.storage.outbox import publish
from tidegate.storage.schema import manifest, repository_manifest, tag

MAX_DEPTH: Final = 8
"""How deep evidence of evidence goes; what hangs deeper stays until it is deleted by itself."""


def take_out(
    connection: Connection,
    repository: Repository,
    digest: Digest,
    *,
    who: str,
    at: datetime,
    why: str = "",
    rules: ImmutableTags = NO_TAG_RULES,
    grace: timedelta = DEFAULT_GRACE,
) -> bool:
    """Takes a manifest and its tags out of a repository, in the caller's transaction.

    Args:
        connection: inside a transaction that writes.
        repository: that holds it.
        digest: of the manifest. What is known of it, verdict included, stays.
        who: the principal or the part of tidegate that wants it.
        at: the moment recorded.
        why: in one line; "" when a client just asked.
        rules: which tags are immutable.
        grace: how long the blobs it needed stay.

    Returns:
        False when the repository does not hold it.

    Raises:
        TagImmutableError: a tag that is held points to it, or to an index that names it.
    """
    held_back(connection, repository, [digest], due_at=at + grace)
    own = _own_tags(connection, repository, digest)
    for name in tags.tags_in(connection, repository, digest):
        if name in own:
            tags.remove(connection, repository, name, who=who, at=at, why=why, rules=rules)
        else:
            require_loose(connection, rules, repository, name, act="remove", who=who, at=at)
    if not _let_go(connection, repository, digest, who=who, why=why, at=at, grace=grace):
        return False
    for depth, hung in _hanging(connection, repository, digest):
        said = f"went with {digest}" if depth == 0 else "went with what it hung on"
        _let_go(connection, repository, hung, who=who, why=said, at=at, grace=grace)
    return True


def held_back(connection: Connection, repository: Repository, digests: Iterable[Digest], *, due_at: datetime) -> None:
    """Puts the blobs of manifests, and of what hangs on them, on the list of what is to be looked at.

    All at once and before any tag, for who takes several out: so are the locks ordered (`tidegate.storage.lock_order`).
    """
    going = dict.fromkeys(digests)
    for digest in list(going):
        going |= {hung: None for _, hung in _hanging(connection, repository, digest)}
    look_at_parts(connection, repository, going, due_at=due_at)


def _let_go(
    connection: Connection,
    repository: Repository,
    digest: Digest,
    *,
    who: str,
    why: str,
    at: datetime,
    grace: timedelta,
) -> bool:
    held = repository_manifest
    here = (held.c.repository == repository) & (held.c.digest == digest)
    if not connection.execute(delete(held).where(here)).rowcount:
        return False
    quota.manifest_let_go(connection, repository)
    look_at_parts(connection, repository, [digest], due_at=at + grace)
    left = connection.scalar(select(func.count()).select_from(held).where(held.c.digest == digest))
    data = {"digest": digest, "repository": repository, "who": who, "why": why, "repositories_left": left}
    publish(connection, Event(id=uuid4().hex, kind=EventKind.IMAGE_DELETED, subject=digest, time=at, data=data))
    return True


def hanging_on(connection: Connection, repository: Repository, subjects: Iterable[Digest]) -> list[Digest]:
    """Manifests of a repository that hang on others there, and have no tag of their own."""
    held = repository_manifest
    query = (
        select(manifest.c.digest)
        .join(held, held.c.digest == manifest.c.digest)
        .where(
            manifest.c.subject.in_(list(subjects)),
            held.c.repository == repository,
            ~exists().where(tag.c.repository == repository, tag.c.digest == manifest.c.digest),
        )
        .order_by(manifest.c.digest)
    )
    return [Digest(text) for text in connection.scalars(query)]


def _hanging(connection: Connection, repository: Repository, subject: Digest) -> list[tuple[int, Digest]]:
    """What goes with a subject, at any depth: evidence, and evidence of evidence."""
    found: dict[Digest, int] = {}
    level, depth = [subject], 0
    while level and depth < MAX_DEPTH:
        level = [one for one in hanging_on(connection, repository, level) if one not in found and one != subject]
        found |= dict.fromkeys(level, depth)
        depth += 1
    return [(at, digest) for digest, at in found.items()]


def _own_tags(connection: Connection, repository: Repository, digest: Digest) -> set[Tag]:
    names = select(tag.c.name).where(tag.c.repository == repository, tag.c.digest == digest)
    return {Tag(name) for name in connection.scalars(names)}
