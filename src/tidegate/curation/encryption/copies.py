# SPDX-License-Identifier: Apache-2.0
"""Which artifact of the shelf is the encryption of which, and for whom: the index; the proof is a signed statement."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select

from tidegate.artifact import Digest
from tidegate.clock import parse_rfc3339, rfc3339
from tidegate.storage.encryption_schema import encrypted_copy
from tidegate.storage.insert import insert_once
from tidegate.values import Struct
from tidegate.wire import from_json, to_json

_MAX_CONSUMERS_BYTES: Final = 1 << 20


class EncryptedCopy(Struct, frozen=True, kw_only=True):
    """One encrypted copy.

    Attributes:
        consumers: names of the principals it was made for; none is for whoever may pull it.
    """

    encrypted: Digest
    plain: Digest
    consumers: tuple[str, ...]
    made_at: datetime
    made_by: str


def note_copy(connection: Connection, copy: EncryptedCopy) -> None:
    """Records a copy, in the caller's transaction."""
    insert_once(
        connection,
        encrypted_copy,
        encrypted=copy.encrypted,
        plain=copy.plain,
        consumers=to_json(copy.consumers).decode(),
        made_at=rfc3339(copy.made_at),
        made_by=copy.made_by,
    )


def copy_of(connection: Connection, encrypted: Digest) -> EncryptedCopy | None:
    """What is on record of an encrypted copy; None when it is none."""
    row = connection.execute(select(encrypted_copy).where(encrypted_copy.c.encrypted == encrypted)).mappings().first()
    return None if row is None else _copy(row)


def copies_of(connection: Connection, plain: Digest) -> tuple[Digest, ...]:
    """The encrypted copies of an artifact, sorted."""
    table = encrypted_copy
    query = select(table.c.encrypted).where(table.c.plain == plain).order_by(table.c.encrypted)
    return tuple(Digest(text) for text in connection.scalars(query))


def list_copies(connection: Connection, *, plain: Digest | None = None, limit: int = 100) -> Sequence[EncryptedCopy]:
    """Encrypted copies, newest first; of all, or of one artifact."""
    table = encrypted_copy
    query = select(table).order_by(table.c.made_at.desc(), table.c.encrypted).limit(limit)
    if plain is not None:
        query = query.where(table.c.plain == plain)
    return [_copy(row) for row in connection.execute(query).mappings()]


def _copy(row: Any) -> EncryptedCopy:
    return EncryptedCopy(
        encrypted=Digest(row["encrypted"]),
        plain=Digest(row["plain"]),
        consumers=from_json(
            row["consumers"].encode(), tuple[str, ...], what="consumers", max_bytes=_MAX_CONSUMERS_BYTES
        ),
        made_at=parse_rfc3339(row["made_at"]),
        made_by=row["made_by"],
    )
