# SPDX-License-Identifier: Apache-2.0
"""Changes of trust in keys: proposed, confirmed, refused, rotated.

Each is a signed statement about the key (its subject is the digest of the public key, which is the key's id) with an
entry in the ledger, together with the row and its event: all in one transaction.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, select

from tidegate.admission.gate import Gate
from tidegate.admission.key_row import (
    NewKey,
    begin_signed_change,
    check_said,
    ensure_row,
    insert_key,
    known_key,
    refuse_known,
    set_key,
    tell,
)
from tidegate.clock import rfc3339
from tidegate.errors import InvalidInputError, RefusedError, UsageError
from tidegate.events import EventKind
from tidegate.identity.duties import Actor, Separation, separate
from tidegate.signing.keys import VerifyingKey
from tidegate.storage.trust_schema import trusted_key
from tidegate.trust.book import TRUSTED
from tidegate.trust.key_record import KeyRecord
from tidegate.trust.role import EVERY_ROLE, NEEDS_TWO, parse_roles
from tidegate.trust.standing import Origin

MAX_OVERLAP: Final = timedelta(days=365)
_PROPOSED: Final = "proposed"
_REFUSED: Final = "refused"


def propose(
    connection: Connection, gate: Gate, new: NewKey, *, by: Actor, why: str, alone: str = "", at: datetime
) -> KeyRecord:
    """Puts a key on record. It is trusted at once, unless its roles need a second person to confirm it.

    Args:
        connection: an open write transaction.
        gate: whose trust it is.
        new: the key.
        by: who wants it.
        why: in one line.
        alone: why no second person was asked (break-glass); "" where one is. For administrators only.
        at: now.

    Raises:
        InvalidInputError: no name, no reason, an end that lies behind.
        RefusedError: the key is known already, also when it was revoked: what leaked once is never trusted again.
    """
    check_said(new.name, why)
    _check_window(new, at)
    signer = begin_signed_change(connection, gate)
    refuse_known(connection, gate, new.key)
    needs_two = bool(new.roles & NEEDS_TWO)
    broke = separate(Separation.KEY_CONFIRMED, doer=by, earlier=[by], alone=alone) if needs_two and alone else ""
    waits = needs_two and not alone
    insert_key(connection, new, Origin.ADDED, by, why, at, state=_PROPOSED if waits else TRUSTED)
    act, kind = ("proposed", EventKind.KEY_PROPOSED) if waits else ("trusted", EventKind.KEY_TRUSTED)
    return tell(connection, gate, new.key.key_id, act, kind, signer=signer, by=by, why=why, at=at, more=_alone(broke))


def confirm(
    connection: Connection, gate: Gate, name: str, *, by: Actor, why: str = "", alone: str = "", at: datetime
) -> KeyRecord:
    """Trusts a key another person proposed.

    Raises:
        NotFoundError: no such key.
        RefusedError: it waits for nobody.
        SameHandError: whoever proposed it may not confirm it.
    """
    signer = begin_signed_change(connection, gate)
    key = _waiting(connection, gate, name)
    proposer = Actor(name=key.added_by, identity=_identity_of(connection, key.key_id))
    broke = separate(Separation.KEY_CONFIRMED, doer=by, earlier=[proposer], alone=alone)
    set_key(connection, key.key_id, state=TRUSTED, confirmed_by=by.name)
    return tell(
        connection,
        gate,
        key.key_id,
        "trusted",
        EventKind.KEY_TRUSTED,
        signer=signer,
        by=by,
        why=why,
        at=at,
        more=_alone(broke),
    )


def refuse(connection: Connection, gate: Gate, name: str, *, by: Actor, why: str, at: datetime) -> KeyRecord:
    """Refuses a key somebody proposed; anybody who may administer keys can, also who proposed it.

    Raises:
        NotFoundError: no such key.
        RefusedError: it waits for nobody.
    """
    signer = begin_signed_change(connection, gate)
    key = _waiting(connection, gate, name)
    check_said(key.name, why)
    set_key(connection, key.key_id, state=_REFUSED)
    return tell(connection, gate, key.key_id, "refused", EventKind.KEY_REFUSED, signer=signer, by=by, why=why, at=at)


def rotate_own(
    connection: Connection,
    gate: Gate,
    new: VerifyingKey,
    *,
    by: Actor,
    why: str,
    overlap: timedelta,
    made_here: bool,
    alone: str = "",
    at: datetime,
) -> KeyRecord:
    """Puts the next key of this server on record, vouched for by the one in use, which counts until the overlap ends.

    A key that was made elsewhere somebody has: a second person confirms it, and until then, and after it until it is
    revoked, the one in use goes on.

    Raises:
        InvalidInputError: no reason, or no overlap that makes sense.
        RefusedError: the key in use is revoked already, so nobody would vouch for the next.
    """
    old = begin_signed_change(connection, gate)
    wanted = NewKey(key=new, name="own", roles=EVERY_ROLE)
    check_said(wanted.name, why)
    refuse_known(connection, gate, new)
    if old.key_id not in {row.key_id for row in connection.execute(select(trusted_key.c.key_id))}:
        first = NewKey(key=old.verifying, name="own", roles=EVERY_ROLE)
        insert_key(connection, first, Origin.OWN, Actor.nobody(), "in use before keys were kept on record", at)
    if not made_here:
        broke = separate(Separation.KEY_CONFIRMED, doer=by, earlier=[by], alone=alone) if alone else ""
        if not broke:
            insert_key(connection, wanted, Origin.OWN, by, why, at, state=_PROPOSED)
            return tell(
                connection, gate, new.key_id, "proposed", EventKind.KEY_PROPOSED, signer=old, by=by, why=why, at=at
            )
    insert_key(connection, wanted, Origin.OWN, by, why, at)
    more = {"replaces": old.key_id, "replacedUntil": rfc3339(at + overlap), **_alone(alone)}
    made = tell(
        connection, gate, new.key_id, "rotated", EventKind.KEY_ROTATED, signer=old, by=by, why=why, at=at, more=more
    )
    _end(connection, old.key_id, overlap, at)
    return made


def rotate(
    connection: Connection,
    gate: Gate,
    name: str,
    new: VerifyingKey,
    *,
    by: Actor,
    why: str,
    overlap: timedelta,
    alone: str = "",
    at: datetime,
) -> KeyRecord:
    """Has a new key take the place of one of somebody else: same name and roles; both count until the overlap ends.

    Roles that need two persons need them here too: then the old one goes on without an end until the new is confirmed.

    Raises:
        NotFoundError: no such key.
        RefusedError: the old one is no longer trusted, or the new one is known already.
        UsageError: it is the server's own.
    """
    begin_signed_change(connection, gate)
    old = known_key(connection, gate, name)
    if old.origin == Origin.OWN:
        raise UsageError("this is the server's own key", where=name, remedy="rotate it without naming a new one")
    if old.state != TRUSTED:
        raise RefusedError(f"the key is {old.state}", where=name, remedy="add the new one by itself")
    wanted = NewKey(key=new, name=old.name or old.key_id[:12], roles=parse_roles(old.roles))
    made = propose(connection, gate, wanted, by=by, why=why, alone=alone, at=at)
    if made.state == TRUSTED:
        ensure_row(connection, gate, old, at)
        _end(connection, old.key_id, overlap, at)
    return made


def _waiting(connection: Connection, gate: Gate, name: str) -> KeyRecord:
    key = known_key(connection, gate, name)
    row = connection.execute(
        select(trusted_key.c.state).where(trusted_key.c.key_id == key.key_id).with_for_update()
    ).first()
    if row is None or row.state != _PROPOSED:
        raise RefusedError(f"the key is {row.state if row else 'trusted'}, not waiting", where=name[:80])
    return key


def _end(connection: Connection, key_id: str, overlap: timedelta, at: datetime) -> None:
    if not timedelta(0) <= overlap <= MAX_OVERLAP:
        raise InvalidInputError(f"an overlap is from nothing to {MAX_OVERLAP.days} days")
    set_key(connection, key_id, not_after=rfc3339(at + overlap))


def _identity_of(connection: Connection, key_id: str) -> str:
    return str(connection.scalar(select(trusted_key.c.added_identity).where(trusted_key.c.key_id == key_id)) or "")


def _alone(reason: str) -> dict[str, Any]:
    return {"alone": reason} if reason else {}


def _check_window(new: NewKey, at: datetime) -> None:
    if new.not_after is not None and (new.not_after <= at or (new.not_before and new.not_after <= new.not_before)):
        raise InvalidInputError("the end lies behind", where=rfc3339(new.not_after))
