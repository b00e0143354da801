# SPDX-License-Identifier: Apache-2.0
"""Taking a manifest out of a repository: its tags first, each asked whether it may go; then told and put on record."""

from datetime import datetime
from uuid import uuid4

from sqlalchemy import Connection, delete, func, select

from tidegate.artifact import Digest, Repository, Tag
from tidegate.curation import tags
from tidegate.curation.tag_holds import require_loose
from tidegate.curation.tag_rules import NO_TAG_RULES, TagRules
from tidegate.events import Event, EventKind
from tidegate.storage.outbox import publish
from tidegate.storage.schema import repository_manifest, tag


def take_out(
    connection: Connection,
    repository: Repository,
    digest: Digest,
    *,
    who: str,
    at: datetime,
    why: str = "",
    rules: TagRules = NO_TAG_RULES,
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

    Returns:
        False when the repository does not hold it.

    Raises:
        TagImmutableError: a tag that is held points to it, or to an index that names it.
    """
    own = set(connection.scalars(select(tag.c.name).where(tag.c.repository == repository, tag.c.digest == digest)))
    for name in tags.tags_in(connection, repository, digest):
        if name in own:
            tags.remove(connection, repository, Tag(name), who=who, at=at, why=why, rules=rules)
        else:
            require_loose(connection, rules, repository, name, act="remove", who=who, at=at)
    held = repository_manifest
    here = (held.c.repository == repository) & (held.c.digest == digest)
    if not connection.execute(delete(held).where(here)).rowcount:
        return False
    left = connection.scalar(select(func.count()).select_from(held).where(held.c.digest == digest))
    data = {"digest": digest, "repository": repository, "who": who, "why": why, "repositories_left": left}
    publish(connection, Event(id=uuid4().hex, kind=EventKind.IMAGE_DELETED, subject=digest, time=at, data=data))
    return True
