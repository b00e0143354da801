# SPDX-License-Identifier: Apache-2.0
"""What holds a tag where it is (a rule, a freeze), and the recorded reason that lets it go once all the same."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from sqlalchemy import Connection, delete, insert, select, update

from tidegate.artifact import Repository, Tag
from tidegate.clock import parse_rfc3339, rfc3339
from tidegate.curation.tag_rules import ImmutableTags, TagImmutableError
from tidegate.errors import InvalidInputError, NotFoundError
from tidegate.events import Event, EventKind
from tidegate.storage.insert import insert_once
from tidegate.storage.keeping_schema import tag_freeze, tag_override
from tidegate.storage.lock_order import Rank, taking
from tidegate.storage.outbox import publish
from tidegate.storage.schema import tag
from tidegate.values import Struct

MAX_OVERRIDE: Final = timedelta(hours=24)
DEFAULT_OVERRIDE: Final = timedelta(minutes=15)
MAX_WHY_CHARS: Final = 500


class Freeze(Struct, frozen=True, kw_only=True):
    """One tag that may not be moved, whatever rules say."""

    repository: Repository
    tag: Tag
    at: datetime
    who: str
    why: str


class Override(Struct, frozen=True, kw_only=True):
    """Leave to move or remove one immutable tag, once, until a moment.

    Attributes:
        for_whom: the principal that may use it; "" for anybody who may push.
        used_at: None while it was not used.
    """

    id: str
    repository: Repository
    tag: Tag
    who: str
    why: str
    for_whom: str
    granted_at: datetime
    expires_at: datetime
    used_at: datetime | None = None


def freeze(connection: Connection, repository: Repository, name: Tag, *, who: str, why: str, at: datetime) -> bool:
    """Holds a tag where it points; again changes nothing.

    Returns:
        False when it was frozen before.

    Raises:
        NotFoundError: there is no such tag.
        InvalidInputError: no reason.
    """
    why = _reason(why)
    _lock(connection, repository, name)
    row = {"repository": repository, "name": name, "at": rfc3339(at), "who": who, "why": why}
    if not insert_once(connection, tag_freeze, **row):
        return False
    _tell(connection, EventKind.TAG_FROZEN, repository, name, who=who, why=why, at=at)
    return True


def unfreeze(connection: Connection, repository: Repository, name: Tag, *, who: str, why: str, at: datetime) -> None:
    """Lets a frozen tag go; a rule may hold it still.

    Raises:
        NotFoundError: it is not frozen.
        InvalidInputError: no reason.
    """
    why = _reason(why)
    here = (tag_freeze.c.repository == repository) & (tag_freeze.c.name == name)
    if not connection.execute(delete(tag_freeze).where(here)).rowcount:
        raise NotFoundError("this tag is not frozen", where=f"{repository}:{name}")
    _tell(connection, EventKind.TAG_UNFROZEN, repository, name, who=who, why=why, at=at)


def override(
    connection: Connection,
    repository: Repository,
    name: Tag,
    *,
    who: str,
    why: str,
    at: datetime,
    for_whom: str = "",
    lasts: timedelta = DEFAULT_OVERRIDE,
) -> Override:
    """Records the reason for which an immutable tag may be moved or removed once.

    Raises:
        NotFoundError: there is no such tag.
        InvalidInputError: no reason, or it would last longer than `MAX_OVERRIDE`.
    """
    why = _reason(why)
    if not timedelta(seconds=1) <= lasts <= MAX_OVERRIDE:
        raise InvalidInputError("an override lasts from one second to 24 hours", where=f"{repository}:{name}")
    _lock(connection, repository, name)
    made = Override(
        id=uuid4().hex,
        repository=repository,
        tag=name,
        who=who,
        why=why,
        for_whom=for_whom,
        granted_at=at,
        expires_at=at + lasts,
    )
    connection.execute(
        insert(tag_override).values(
            id=made.id,
            repository=repository,
            name=name,
            who=who,
            why=why,
            for_whom=for_whom,
            granted_at=rfc3339(at),
            expires_at=rfc3339(made.expires_at),
            used_at="",
        )
    )
    _tell(connection, EventKind.TAG_OVERRIDDEN, repository, name, who=who, why=why, at=at)
    return made


def held_by(connection: Connection, rules: ImmutableTags, repository: Repository, name: Tag) -> str:
    """What holds a tag: `freeze by WHO`, `rule NAME`, or "" when nothing does."""
    here = (tag_freeze.c.repository == repository) & (tag_freeze.c.name == name)
    who = connection.scalar(select(tag_freeze.c.who).where(here))
    if who is not None:
        return f"freeze by {who}"
    rule = rules.find(repository, name)
    return f"rule {rule}" if rule else ""


def require_loose(
    connection: Connection, rules: ImmutableTags, repository: Repository, name: Tag, *, act: str, who: str, at: datetime
) -> str:
    """Makes sure that a tag may be moved or removed now; uses an override up when it takes one.

    Args:
        connection: in the transaction of the change; the tag's row is locked already.
        rules: in force.
        repository: of the tag.
        name: of the tag.
        act: `move` or `remove`, for the refusal.
        who: wants it.
        at: now.

    Returns:
        The override's reason; "" when none was needed.

    Raises:
        TagImmutableError: it is held, and nobody recorded a reason to let it go.
    """
    holder = held_by(connection, rules, repository, name)
    if not holder:
        return ""
    table = tag_override
    usable = (
        (table.c.repository == repository)
        & (table.c.name == name)
        & (table.c.used_at == "")
        & (table.c.expires_at > rfc3339(at))
        & table.c.for_whom.in_(["", who])
    )
    query = select(table).where(usable).order_by(table.c.for_whom.desc(), table.c.granted_at).limit(1)
    row = connection.execute(query.with_for_update()).first()
    if row is None:
        raise TagImmutableError(repository, name, act=act, held_by=holder)
    connection.execute(update(table).where(table.c.id == row.id).values(used_at=rfc3339(at)))
    # A freeze ends with the override that broke it: the tag points elsewhere now.
    connection.execute(delete(tag_freeze).where(tag_freeze.c.repository == repository, tag_freeze.c.name == name))
    return f"override by {row.who}: {row.why}"


def list_freezes(connection: Connection, *, limit: int) -> Sequence[Freeze]:
    """Frozen tags by name."""
    query = select(tag_freeze).order_by(tag_freeze.c.repository, tag_freeze.c.name).limit(limit)
    return [
        Freeze(
            repository=Repository(row.repository), tag=Tag(row.name), at=parse_rfc3339(row.at), who=row.who, why=row.why
        )
        for row in connection.execute(query)
    ]


def list_overrides(connection: Connection, *, limit: int) -> Sequence[Override]:
    """Overrides, used or not, the newest first."""
    query = select(tag_override).order_by(tag_override.c.granted_at.desc(), tag_override.c.id).limit(limit)
    return [
        Override(
            id=row.id,
            repository=Repository(row.repository),
            tag=Tag(row.name),
            who=row.who,
            why=row.why,
            for_whom=row.for_whom,
            granted_at=parse_rfc3339(row.granted_at),
            expires_at=parse_rfc3339(row.expires_at),
            used_at=parse_rfc3339(row.used_at) if row.used_at else None,
        )
        for row in connection.execute(query)
    ]


def _lock(connection: Connection, repository: Repository, name: Tag) -> None:
    # Whoever moves the tag at this moment is done first, and sees what we write next.
    here = (tag.c.repository == repository) & (tag.c.name == name)
    taking(connection, Rank.TAG, [f"{repository}:{name}"])
    if connection.scalar(select(tag.c.digest).where(here).with_for_update()) is None:
        raise NotFoundError("no such tag", where=f"{repository}:{name}")


def _reason(why: str) -> str:
    text = " ".join(why.split())
    if not text or len(text) > MAX_WHY_CHARS:
        raise InvalidInputError("a reason is needed", remedy=f"say why, in at most {MAX_WHY_CHARS} characters")
    return text


def _tell(
    connection: Connection, kind: EventKind, repository: Repository, name: Tag, *, who: str, why: str, at: datetime
) -> None:
    data = {"repository": repository, "tag": name, "who": who, "why": why}
    publish(connection, Event(id=uuid4().hex, kind=kind, subject=f"{repository}:{name}", time=at, data=data))
