# SPDX-License-Identifier: Apache-2.0
"""The row of a key, and how a change of it is told: a signed statement with its ledger entry, and an event."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from tidegate.admission.gate import Gate
from tidegate.artifact import Digest
from tidegate.clock import rfc3339
from tidegate.errors import InvalidInputError, RefusedError
from tidegate.events import Event, EventKind
from tidegate.evidence import Statement, Subject
from tidegate.identity.duties import Actor
from tidegate.signing.keys import SigningKey, VerifyingKey
from tidegate.storage.outbox import publish
from tidegate.storage.tides import Cause, begin_tide, tide_named
from tidegate.storage.trust_schema import trusted_key
from tidegate.trust.book import TRUSTED, begin_change
from tidegate.trust.key_record import KeyRecord, find_key
from tidegate.trust.role import TRUST_CHANGE, Role
from tidegate.trust.standing import Origin
from tidegate.values import Struct

MAX_NAME_CHARS: Final = 128
MAX_REASON_CHARS: Final = 1000


class NewKey(Struct, frozen=True, kw_only=True):
    """A key somebody wants to be trusted.

    Attributes:
        name: for people; several keys may follow each other under one name.
        roles: what it may sign.
        not_after: statements recorded at this moment or later do not count; None for no end.
    """

    key: VerifyingKey
    name: str
    roles: frozenset[Role]
    not_before: datetime | None = None
    not_after: datetime | None = None


def begin_signed_change(connection: Connection, gate: Gate) -> SigningKey:
    """Takes the turn to change trust, before every other lock. Returns the key that signs here before the change."""
    begin_change(connection)
    return gate.signing_key(gate.trust(connection))


def known_key(connection: Connection, gate: Gate, name: str) -> KeyRecord:
    """The key of an id, the start of one, or a name.

    Raises:
        NotFoundError: there is none, or several.
    """
    return find_key(connection, gate.trust(connection), name)


def refuse_known(connection: Connection, gate: Gate, key: VerifyingKey) -> None:
    """Makes sure that a key is new.

    Raises:
        RefusedError: it is on record.
    """
    row = connection.execute(select(trusted_key.c.state).where(trusted_key.c.key_id == key.key_id)).first()
    if row is not None or key.key_id in gate.trust(connection).ids:
        raise RefusedError(
            "the key is on record already",
            where=key.key_id[:12],
            remedy="a key that was revoked is replaced, not renewed",
        )


def ensure_row(connection: Connection, gate: Gate, key: KeyRecord, at: datetime) -> None:
    """A key that only settings named gets its row, so that something can be said of it."""
    if connection.execute(select(trusted_key.c.key_id).where(trusted_key.c.key_id == key.key_id)).first() is None:
        standing = gate.trust(connection).standings[VerifyingKey.parse(key.public_key.encode()).key_id]
        named = NewKey(key=standing.key, name=key.name, roles=standing.roles)
        insert_key(connection, named, standing.origin, Actor.nobody(), "named in the settings", at)


def insert_key(
    connection: Connection, new: NewKey, origin: Origin, by: Actor, why: str, at: datetime, *, state: str = TRUSTED
) -> None:
    """Puts a key on record."""
    connection.execute(
        insert(trusted_key).values(
            key_id=new.key.key_id,
            name=new.name,
            public_key=new.key.to_pem().decode(),
            origin=origin.value,
            roles=" ".join(sorted(new.roles)),
            state=state,
            not_before=rfc3339(new.not_before) if new.not_before else "",
            not_after=rfc3339(new.not_after) if new.not_after else "",
            revoked_from=-1,
            revoked_at="",
            revoked_by="",
            revoked_why="",
            added_at=rfc3339(at),
            added_by=by.name,
            added_identity=by.identity,
            added_why=why,
            confirmed_by="",
            statement="",
        )
    )


def set_key(connection: Connection, key_id: str, **values: object) -> None:
    """Changes columns of a key's row."""
    connection.execute(update(trusted_key).where(trusted_key.c.key_id == key_id).values(**values))


def tell(
    connection: Connection,
    gate: Gate,
    key_id: str,
    act: str,
    kind: EventKind,
    *,
    signer: SigningKey,
    by: Actor,
    why: str,
    at: datetime,
    more: dict[str, Any] | None = None,
) -> KeyRecord:
    """Signs what was done to a key, puts it on record and publishes it, in the caller's transaction.

    What signed before the change signs it: nobody looks after the next key until the change is true.
    """
    key = find_key(connection, gate.trust(connection), key_id)
    predicate = {
        "act": act,
        "key": {
            "id": key.key_id,
            "name": key.name,
            "publicKey": key.public_key,
            "origin": key.origin,
            "roles": list(key.roles),
            "notBefore": key.not_before,
            "notAfter": key.not_after,
        },
        "who": by.name,
        "why": why,
        "at": rfc3339(at),
        **(more or {}),
    }
    subject = Subject(name=f"key {key.name}", digest=Digest(f"sha256:{key.key_id}"))
    statement = Statement(subjects=(subject,), predicate_type=TRUST_CHANGE, predicate=predicate)
    recorded = gate.add(connection, statement, at=at, signer=signer)
    set_key(connection, key.key_id, statement=recorded.digest)
    data = {name: value for name, value in predicate.items() if name != "key"}
    told = {"key": key.key_id, "name": key.name, "roles": list(key.roles), "statement": recorded.digest, **data}
    event_id = f"key:{key.key_id}:{recorded.ledger_index}"
    tide, subject_id = "", f"sha256:{key.key_id}"
    if kind is EventKind.KEY_REVOKED:
        tide = tide_named(Cause.KEY, event_id)
        begin_tide(connection, tide, Cause.KEY, subject=subject_id, event=event_id, why=why, at=at)
    publish(connection, Event(id=event_id, kind=kind, subject=subject_id, time=at, data=told, tide=tide))
    return find_key(connection, gate.trust(connection), key_id)


def check_said(name: str, why: str) -> None:
    """Makes sure that a name and a reason are such.

    Raises:
        InvalidInputError: they are not.
    """
    if not name.strip() or not name.isprintable() or len(name) > MAX_NAME_CHARS:
        raise InvalidInputError(f"a key's name is one line of at most {MAX_NAME_CHARS} characters")
    if not why.strip() or not why.isprintable() or len(why) > MAX_REASON_CHARS:
        raise InvalidInputError(
            "a change of trust needs a reason", remedy=f"say why, in one line of at most {MAX_REASON_CHARS} characters"
        )
