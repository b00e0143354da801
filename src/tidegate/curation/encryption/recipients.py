# SPDX-License-Identifier: Apache-2.0
"""Consumers' public keys: for whom encrypted copies are made. A consumer may have several, for several machines."""

from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Connection, delete, func, select

from tidegate.clock import rfc3339
from tidegate.errors import BoundExceededError, InvalidInputError, NotFoundError
from tidegate.events import Event, EventKind
from tidegate.oci.encryption.keys import RecipientKey
from tidegate.storage.encryption_schema import recipient
from tidegate.storage.insert import insert_once
from tidegate.storage.outbox import publish
from tidegate.values import Struct

MAX_KEYS_OF_ONE: Final = 16
MAX_NAME_CHARS: Final = 255


class Recipient(Struct, frozen=True, kw_only=True):
    """One public key of one consumer; `kid` is its thumbprint (RFC 7638)."""

    name: str
    kid: str
    public_key: str
    added_at: str
    added_by: str


def add_recipient(connection: Connection, name: str, key: RecipientKey, *, who: str, at: datetime) -> bool:
    """Registers a public key of a consumer, in the caller's transaction; tells it.

    Args:
        connection: inside a transaction that writes.
        name: of the principal that the key belongs to.
        key: the public one.
        who: registers it.
        at: the moment recorded.

    Returns:
        False when it was there already.

    Raises:
        BoundExceededError: the consumer has 16 already.
        InvalidInputError: no name.
    """
    if not name or len(name) > MAX_NAME_CHARS or not name.isprintable():
        raise InvalidInputError("a recipient needs the name of its principal", where=name[:80])
    table = recipient
    if (connection.scalar(select(func.count()).where(table.c.name == name)) or 0) >= MAX_KEYS_OF_ONE:
        raise BoundExceededError("MAX_KEYS_OF_ONE", MAX_KEYS_OF_ONE, where=name, remedy="remove one first")
    row = {"name": name, "kid": key.kid, "public_key": key.to_pem().decode("ascii")}
    if not insert_once(connection, table, **row, added_at=rfc3339(at), added_by=who):
        return False
    _tell(connection, EventKind.RECIPIENT_ADDED, name, key.kid, who=who, at=at)
    return True


def remove_recipient(connection: Connection, name: str, kid: str, *, who: str, at: datetime) -> None:
    """Takes a public key out, in the caller's transaction; copies made for it before stay as they are.

    Raises:
        NotFoundError: there is no such key.
    """
    here = (recipient.c.name == name) & (recipient.c.kid == kid)
    if not connection.execute(delete(recipient).where(here)).rowcount:
        raise NotFoundError("no such recipient", where=f"{name} {kid}")
    _tell(connection, EventKind.RECIPIENT_REMOVED, name, kid, who=who, at=at)


def list_recipients(connection: Connection, *, name: str = "", limit: int = 1000) -> tuple[Recipient, ...]:
    """Registered keys, by name; of all consumers, or of one."""
    query = select(recipient).order_by(recipient.c.name, recipient.c.kid).limit(limit)
    if name:
        query = query.where(recipient.c.name == name)
    return tuple(_recipient(row) for row in connection.execute(query).mappings())


def keys_of(connection: Connection, names: tuple[str, ...]) -> tuple[RecipientKey, ...]:
    """The public keys of some consumers.

    Raises:
        NotFoundError: one of them has none.
    """
    found: dict[str, RecipientKey] = {}
    for name in names:
        own = list_recipients(connection, name=name)
        if not own:
            raise NotFoundError(
                "no public key of this consumer", where=name, remedy="register one with tidegate recipient add"
            )
        found |= {item.kid: RecipientKey.parse(item.public_key.encode(), where=name) for item in own}
    return tuple(found.values())


def _recipient(row: Any) -> Recipient:
    return Recipient(**{name: row[name] for name in Recipient.__struct_fields__})


def _tell(connection: Connection, kind: EventKind, name: str, kid: str, *, who: str, at: datetime) -> None:
    data = {"name": name, "kid": kid, "who": who}
    publish(connection, Event(id=uuid4().hex, kind=kind, subject=name, time=at, data=data))
