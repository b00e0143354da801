# SPDX-License-Identifier: Apache-2.0
"""The keys of one replica, as those that share its database must have them too."""

import hashlib
from datetime import datetime

from sqlalchemy import Connection, select

from tidegate.admission.gate import Gate
from tidegate.assembly.encryption import server_keys
from tidegate.assembly.notes import handovers_of
from tidegate.assembly.stores import database_urls, replica_name
from tidegate.clock import Clock
from tidegate.curation.vending.webhook_key import WebhookKey
from tidegate.evidence import VSA
from tidegate.identity.token import TokenKey
from tidegate.ledger.handover import read_handovers
from tidegate.ledger.note import NoteSigner, NoteVerifier
from tidegate.settings import Settings
from tidegate.storage.database import Database
from tidegate.storage.shared_keys import SharedKey, demand_shared
from tidegate.storage.trust_schema import trusted_key
from tidegate.trust.standing import Origin


def demand_same_keys(
    settings: Settings, database: Database, gate: Gate, notes: NoteSigner, webhook: WebhookKey, clock: Clock
) -> None:
    """Makes sure that this replica has the keys of the others; a server that shares no database has no others.

    Raises:
        OtherKeysError: it has not; says which differ, and the way out.
    """
    if not database_urls(settings).is_shared:
        return
    at = clock()
    with database.begin() as connection:
        keys = [
            _signing(connection, gate, at),
            _encryption(settings),
            _ledger(settings, notes),
            SharedKey(
                purpose="token",
                key_id=TokenKey.load(settings.identity.token_key_file).derive("key id").hex(),
                where="identity.token_key_file",
            ),
            SharedKey(purpose="webhook", key_id=webhook.key_id, where="signing.webhook_key_file"),
        ]
        demand_shared(connection, keys, by=replica_name(settings), at=at)


def _signing(connection: Connection, gate: Gate, at: datetime) -> SharedKey:
    """One that was rotated is on record as the registry's own; one that was changed by hand trusts the one before."""
    trust = gate.trust(connection)
    own = gate.signing_key(trust).key_id
    standing = trust.standings.get(own)
    on_record = connection.scalar(select(trusted_key.c.key_id).where(trusted_key.c.key_id == own)) is not None
    counts = standing is not None and standing.origin is Origin.OWN and not standing.objection(VSA, index=None, at=at)
    return SharedKey(
        purpose="signing",
        key_id=own,
        before=frozenset(gate.trusted.keys) - {own},
        is_on_record=on_record and counts,
        where="signing.key_file",
    )


def _ledger(settings: Settings, notes: NoteSigner) -> SharedKey:
    """Those before have handed over."""
    before = frozenset(_note_key_id(one.old) for one in read_handovers(handovers_of(settings)))
    where = "signing.ledger_key_file"
    return SharedKey(purpose="ledger", key_id=_note_key_id(notes.verifier), before=before, where=where)


def _note_key_id(key: NoteVerifier) -> str:
    return hashlib.sha256(str(key).encode()).hexdigest()


def _encryption(settings: Settings) -> SharedKey:
    """Those before lie beside the one in force."""
    file = settings.signing.encryption_key_file
    kids = [key.recipient.kid for key in server_keys(file)]
    where = "signing.encryption_key_file"
    return SharedKey(purpose="encryption", key_id=kids[0], before=frozenset(kids[1:]), where=where)
