# SPDX-License-Identifier: Apache-2.0
"""Which judgements rest on a key: found by who signed what, never by reading the world."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, select

from tidegate import ledger
from tidegate.clock import rfc3339
from tidegate.storage import schema
from tidegate.storage.encryption_schema import encrypted_copy
from tidegate.storage.trust_schema import statement_signer

_CHUNK: Final = 500
_KEY_ID_CHARS: Final = 64


def first_entry_since(connection: Connection, key_id: str, moment: datetime) -> int:
    """The first ledger entry a key signed at a moment or later; where the next entry will be when there is none."""
    signer, statement = statement_signer, schema.statement
    query = (
        select(func.min(signer.c.ledger_index))
        .join(statement, statement.c.ledger_index == signer.c.ledger_index)
        .where(signer.c.key_id == key_id, statement.c.recorded_at >= rfc3339(moment))
    )
    found = connection.scalar(query)
    return ledger.size(connection) if found is None else int(found)


def keys_signing_for(connection: Connection, subject: str) -> Sequence[str]:
    """Ids of the keys that signed what is filed under a subject, sorted; what is no key's id is left out."""
    signer, statement = statement_signer, schema.statement
    query = (
        select(signer.c.key_id)
        .join(statement, statement.c.ledger_index == signer.c.ledger_index)
        .where(statement.c.subject == subject)
        .distinct()
        .order_by(signer.c.key_id)
    )
    return [str(key_id) for key_id in connection.scalars(query) if len(key_id) == _KEY_ID_CHARS]


def affected(connection: Connection, key_id: str, from_entry: int) -> Sequence[str]:
    """Digests whose judgement rests on what a key signed at an entry of the ledger or later, each once.

    Those the statements are about, the encrypted copies of these, and the indexes that name any of them.
    """
    signer = statement_signer
    here = (signer.c.key_id == key_id) & (signer.c.ledger_index >= from_entry)
    found = dict.fromkeys(connection.scalars(select(signer.c.subject).where(here).distinct()))
    edge = list(found)
    while edge:
        above = [name for chunk in _chunks(edge) for name in _resting_on(connection, chunk) if name not in found]
        edge = list(dict.fromkeys(above))
        found.update(dict.fromkeys(edge))
    return sorted(found)


def _resting_on(connection: Connection, digests: Sequence[str]) -> Sequence[str]:
    child = schema.manifest_child
    copied = encrypted_copy
    parents = connection.scalars(select(child.c.parent).where(child.c.child.in_(digests))).all()
    return [*parents, *connection.scalars(select(copied.c.encrypted).where(copied.c.plain.in_(digests)))]


def _chunks(names: Sequence[str]) -> Sequence[Sequence[str]]:
    return [names[at : at + _CHUNK] for at in range(0, len(names), _CHUNK)]
