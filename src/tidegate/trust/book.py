# SPDX-License-Identifier: Apache-2.0
"""Trust as the record has it: the keys that settings name, and over them what was decided since."""

from collections.abc import Mapping
from threading import Lock
from typing import Any, Final

from sqlalchemy import Connection, select, update

from tidegate.clock import parse_rfc3339
from tidegate.signing.keys import KeyId, TrustedKeys, VerifyingKey
from tidegate.storage.database import after_commit
from tidegate.storage.insert import insert_once
from tidegate.storage.lock_order import Rank, taking
from tidegate.storage.trust_schema import trust_revision, trusted_key
from tidegate.trust.role import parse_roles
from tidegate.trust.standing import KeyStanding, Origin, Trust, own

TRUSTED: Final = "trusted"
_ROW: Final = 1
_TURN: Final = "trust"
_CHANGES: Final = "tidegate.changes_trust"
"""Key in `Connection.info` that says this transaction changed trust."""


class TrustBook:
    """Reads trust within the caller's transaction; what did not change since is not read again. Safe for threads.

    Args:
        configured: keys that settings name.
        own_key: what this server signs with; None where nothing is signed.
    """

    def __init__(self, configured: TrustedKeys, own_key: VerifyingKey | None = None) -> None:
        standings = dict(Trust.always(configured.keys.values()).standings)
        if own_key is not None:
            standings[own_key.key_id] = own(own_key)
        self._configured = standings
        self._lock = Lock()
        self._known: tuple[int, Trust] | None = None

    def of(self, connection: Connection) -> Trust:
        """Trust as of the connection's transaction."""
        revision = current_revision(connection)
        with self._lock:
            known = self._known
        if known is not None and known[0] == revision:
            return known[1]
        rows = connection.execute(select(trusted_key)).mappings().all()
        named = {row["key_id"] for row in rows}  # what the record says of a key counts, whatever settings say
        configured = {key_id: one for key_id, one in self._configured.items() if key_id not in named}
        kept = {KeyId(row["key_id"]): standing_of(row) for row in rows if row["state"] == TRUSTED}
        trust = Trust(standings={**configured, **kept})
        if _CHANGES not in connection.info:  # what may be rolled back yet is nobody else's
            with self._lock:
                self._known = revision, trust
        return trust


def current_revision(connection: Connection) -> int:
    """The number that grows with every change; 0 before the first."""
    return connection.scalar(select(trust_revision.c.revision).where(trust_revision.c.id == _ROW)) or 0


def begin_change(connection: Connection) -> None:
    """Takes the turn to change trust, before every other lock, and raises the number; others wait for the end."""
    taking(connection, Rank.WORK, [_TURN])
    marks = connection.info  # the connection itself is closed by then
    marks[_CHANGES] = True
    after_commit(connection, lambda: marks.pop(_CHANGES, None))
    insert_once(connection, trust_revision, id=_ROW, revision=0)
    connection.execute(
        update(trust_revision).where(trust_revision.c.id == _ROW).values(revision=trust_revision.c.revision + 1)
    )


def standing_of(row: Mapping[Any, Any]) -> KeyStanding:
    """A key's row as a standing."""
    return KeyStanding(
        key=VerifyingKey.parse(row["public_key"].encode(), where=row["key_id"]),
        name=row["name"],
        origin=Origin(row["origin"]),
        roles=parse_roles(row["roles"].split()),
        not_before=parse_rfc3339(row["not_before"]) if row["not_before"] else None,
        not_after=parse_rfc3339(row["not_after"]) if row["not_after"] else None,
        revoked_from=row["revoked_from"] if row["revoked_from"] >= 0 else None,
    )
