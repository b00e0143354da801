# SPDX-License-Identifier: Apache-2.0
"""Owners on record: what is theirs, and how they are reached. Set by administrators, never by what an image says."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import uuid4

from sqlalchemy import Connection, delete, func, select

from tidegate.clock import rfc3339
from tidegate.curation.feedback.channel import channel_names, check_address
from tidegate.errors import BoundExceededError, InvalidInputError, NotFoundError
from tidegate.events import Event, EventKind
from tidegate.storage.feedback_schema import owner as table
from tidegate.storage.insert import insert_or_update
from tidegate.storage.outbox import publish
from tidegate.values import Struct
from tidegate.wire import from_json, to_json

MAX_OWNERS: Final = 10_000
MAX_PATTERNS: Final = 200
_MAX_DOCUMENT_BYTES: Final = 1 << 20
_NAME: Final = re.compile(r"[^\s\x00-\x1f\x7f](?:[ -~]{0,198}[^\s\x00-\x1f\x7f])?", re.ASCII)


class Owner(Struct, frozen=True, kw_only=True):
    """Somebody who answers for images and workloads.

    Attributes:
        repositories: patterns of names (`team-a/*`).
        namespaces: patterns of `cluster/namespace`.
        tenants: whose repositories are theirs.
        pushers: principals whose pushes are theirs where nothing else says so.
        email: where they read; "" for nowhere.
        channels: by which they are told; none for every channel there is.
    """

    name: str
    repositories: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    pushers: tuple[str, ...] = ()
    email: str = ""
    channels: tuple[str, ...] = ()


def set_owner(connection: Connection, owner: Owner, *, by: str, at: datetime) -> Owner:
    """Puts an owner on record, in the place of what was said of them.

    Raises:
        InvalidInputError: a name, pattern or address is none.
        NotFoundError: there is no such channel.
        BoundExceededError: there are as many as there may be.
    """
    _check(owner)
    missing = set(owner.channels) - set(channel_names(connection))
    if missing:
        raise NotFoundError("no such channel", where=min(missing), remedy="see `tidegate feedback channel list`")
    known = connection.scalar(select(table.c.name).where(table.c.name == owner.name)) is not None
    if not known and (connection.scalar(select(func.count()).select_from(table)) or 0) >= MAX_OWNERS:
        raise BoundExceededError("MAX_OWNERS", MAX_OWNERS, where="owners")
    document = to_json(owner).decode()
    insert_or_update(connection, table, name=owner.name, document=document, set_by=by, set_at=rfc3339(at))
    _tell(connection, EventKind.OWNER_SET, owner, by, at)
    return owner


def remove_owner(connection: Connection, name: str, *, by: str, at: datetime) -> None:
    """Takes an owner off the record.

    Raises:
        NotFoundError: there is none of this name.
    """
    found = owner_named(connection, name)
    connection.execute(delete(table).where(table.c.name == name))
    _tell(connection, EventKind.OWNER_REMOVED, found, by, at)


def list_owners(connection: Connection) -> list[Owner]:
    """All of them, by name."""
    rows = connection.execute(select(table.c.name, table.c.document).order_by(table.c.name))
    return [_owner(row.name, row.document) for row in rows]


def owner_named(connection: Connection, name: str) -> Owner:
    """One of them.

    Raises:
        NotFoundError: there is none of this name.
    """
    found = connection.scalar(select(table.c.document).where(table.c.name == name))
    if found is None:
        raise NotFoundError("no such owner", where=name[:80], remedy="see `tidegate owner list`")
    return _owner(name, found)


def _owner(name: str, document: str) -> Owner:
    return from_json(document.encode(), Owner, what=f"owner {name}", max_bytes=_MAX_DOCUMENT_BYTES)


def _check(owner: Owner) -> None:
    if not _NAME.fullmatch(owner.name):
        raise InvalidInputError("not an owner's name", where=repr(owner.name[:80]), remedy="printable ASCII, 1 to 200")
    lists: Sequence[Sequence[str]] = (owner.repositories, owner.namespaces, owner.tenants, owner.pushers)
    for texts in lists:
        if len(texts) > MAX_PATTERNS:
            raise BoundExceededError("MAX_PATTERNS", MAX_PATTERNS, where=owner.name)
        for text in texts:
            if not text or len(text) > 300 or not text.isprintable():  # noqa: PLR2004 - longest name and a bit
                raise InvalidInputError("not a pattern", where=repr(text[:80]))
    if owner.email:
        check_address(owner.email)


def _tell(connection: Connection, kind: EventKind, owner: Owner, by: str, at: datetime) -> None:
    data = {
        "owner": owner.name,
        "repositories": list(owner.repositories),
        "namespaces": list(owner.namespaces),
        "who": by,
    }
    publish(connection, Event(id=uuid4().hex, kind=kind, subject=f"owner/{owner.name}", time=at, data=data))
