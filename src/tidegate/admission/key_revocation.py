# SPDX-License-Identifier: Apache-2.0
"""Revoking a key at a place in the ledger: what stands before stays good, what stands there or later is void.

What becomes void is shut at the curation gate in the same transaction; at the execution gate void signatures prove
nothing from that moment on. Making it anew is durable work (`tidegate.loops.key_revoked`).
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select, update

from tidegate import ledger
from tidegate.admission.gate import Gate
from tidegate.admission.key_row import begin_signed_change, check_said, ensure_row, known_key, set_key, tell
from tidegate.clock import rfc3339
from tidegate.errors import InvalidInputError, OutsideError, RefusedError
from tidegate.events import EventKind
from tidegate.identity.duties import Actor
from tidegate.storage import schema
from tidegate.storage.lock_order import Rank, taking
from tidegate.trust.key_record import KeyRecord
from tidegate.trust.resting_on import affected, first_entry_since
from tidegate.values import Struct

_CHUNK: Final = 500


class Revocation(Struct, frozen=True, kw_only=True):
    """What is to be void of a key.

    Attributes:
        since: a moment in the past from which it is not to be believed; None for from now on.
        since_entry: the same as an index of the ledger; None for none.
    """

    why: str
    since: datetime | None = None
    since_entry: int | None = None


class Revoked(Struct, frozen=True, kw_only=True):
    """What a revocation did.

    Attributes:
        from_entry: the first ledger entry that no longer counts.
        void: digests whose judgement rested on the key from there on; they are shut until they are judged again.
    """

    key: KeyRecord
    from_entry: int
    void: tuple[str, ...]


class MeanwhileError(OutsideError):
    """More came to rest on the key while its revocation waited for others; doing it again is right."""

    def __init__(self, name: str) -> None:
        super().__init__("more came to rest on the key meanwhile", where=name[:80], remedy="try again")


def revoke(
    connection: Connection, gate: Gate, name: str, revocation: Revocation, *, by: Actor, at: datetime
) -> Revoked:
    """Makes void what a key signed from an entry of the ledger on; everything before stays good.

    Revoked again, only an earlier entry changes anything. The caller's transaction holds the ledger's turn, so nothing
    is appended between the choice of the entry and its end.

    Raises:
        NotFoundError: no such key.
        RefusedError: it signs here now (rotate first), or it is void from an earlier entry on already.
        InvalidInputError: no reason, or a moment or entry that is still to come.
        MeanwhileError: more came to rest on it before the ledger's turn was had.
    """
    signer = begin_signed_change(connection, gate)
    key = known_key(connection, gate, name)
    check_said(key.name or "key", revocation.why)
    if signer.key_id == key.key_id:
        raise RefusedError(
            "this server signs with it, and nobody could vouch for its revocation",
            where=key.key_id[:12],
            remedy="rotate it first (tidegate keys rotate), then revoke it",
        )
    expected = affected(connection, key.key_id, _from_entry(connection, key.key_id, revocation, at))
    shelved = _hold(connection, expected)
    ledger.take_turn(connection)
    from_entry = _from_entry(connection, key.key_id, revocation, at)
    if 0 <= key.revoked_from <= from_entry:
        raise RefusedError(f"the key is revoked from ledger entry {key.revoked_from} on already", where=name)
    ensure_row(connection, gate, key, at)
    set_key(
        connection,
        key.key_id,
        revoked_from=from_entry,
        revoked_at=rfc3339(at),
        revoked_by=by.name,
        revoked_why=revocation.why,
    )
    found = affected(connection, key.key_id, from_entry)
    if not set(expected).issuperset(found):
        raise MeanwhileError(name)
    void = [digest for digest in found if digest in shelved]
    _shut(connection, void, at)
    more: dict[str, Any] = {"fromEntry": from_entry, "void": len(void)}
    if revocation.since is not None:
        more["compromisedSince"] = rfc3339(revocation.since)
    made = tell(
        connection,
        gate,
        key.key_id,
        "revoked",
        EventKind.KEY_REVOKED,
        signer=signer,
        by=by,
        why=revocation.why,
        at=at,
        more=more,
    )
    return Revoked(key=made, from_entry=from_entry, void=tuple(void))


def _from_entry(connection: Connection, key_id: str, revocation: Revocation, at: datetime) -> int:
    size = ledger.size(connection)
    if revocation.since_entry is not None:
        if not 0 <= revocation.since_entry <= size:
            raise InvalidInputError(f"the ledger has {size} entries", where=f"entry {revocation.since_entry}")
        return revocation.since_entry
    if revocation.since is None:
        return size
    if revocation.since > at:
        raise InvalidInputError("a moment that is still to come", where=rfc3339(revocation.since))
    return first_entry_since(connection, key_id, revocation.since)


def _hold(connection: Connection, digests: Collection[str]) -> set[str]:
    """Keeps the states of digests as they are until the transaction ends; they come before the ledger's turn.

    Returns:
        Those that have one: the others are on no shelf, such as keys.
    """
    names = sorted(digests)
    taking(connection, Rank.STATE, names)
    state, found = schema.state, set[str]()
    for start in range(0, len(names), _CHUNK):
        here = state.c.digest.in_(names[start : start + _CHUNK])
        found.update(connection.scalars(select(state.c.digest).where(here).order_by(state.c.digest).with_for_update()))
    return found


def _shut(connection: Connection, digests: Collection[str], at: datetime) -> None:
    """Ends the decisions behind states now: no pull is answered with them until they are made again."""
    state, names = schema.state, list(digests)
    for start in range(0, len(names), _CHUNK):
        here = state.c.digest.in_(names[start : start + _CHUNK]) & (state.c.decision != "")
        connection.execute(update(state).where(here).values(expires_at=rfc3339(at)))
