# SPDX-License-Identifier: Apache-2.0
"""Keys as people administer them, on a server and from a command: each act in a transaction of its own."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import uuid4

from tidegate.admission import key_revocation, trust_changes
from tidegate.admission.gate import Gate
from tidegate.admission.key_revocation import MeanwhileError, Revocation, Revoked
from tidegate.admission.key_row import NewKey
from tidegate.assembly.gate import signing_key
from tidegate.clock import Clock
from tidegate.events import Event, EventKind
from tidegate.identity.duties import Actor
from tidegate.settings import Settings
from tidegate.signing.keys import VerifyingKey
from tidegate.storage.database import Database
from tidegate.storage.outbox import publish
from tidegate.storage.shared_keys import adopt_key
from tidegate.trust.followed_key import FollowedKey
from tidegate.trust.key_record import KeyRecord, find_key, list_keys

DEFAULT_OVERLAP: Final = timedelta(days=1)
_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAdministration:
    """What can be done to keys; what an act raises is told in `tidegate.admission.trust_changes`."""

    settings: Settings
    database: Database
    gate: Gate
    clock: Clock

    def listed(self) -> Sequence[KeyRecord]:
        """Every key that is or was trusted."""
        with self.database.read() as connection:
            return list_keys(connection, self.gate.trust(connection))

    def named(self, name: str) -> KeyRecord:
        """One of them."""
        with self.database.read() as connection:
            return find_key(connection, self.gate.trust(connection), name)

    def propose(self, new: NewKey, *, by: Actor, why: str, alone: str = "") -> KeyRecord:
        """Puts a key on record."""
        with self.database.begin() as connection:
            return trust_changes.propose(connection, self.gate, new, by=by, why=why, alone=alone, at=self.clock())

    def confirm(self, name: str, *, by: Actor, why: str = "", alone: str = "") -> KeyRecord:
        """Trusts a key another person proposed."""
        with self.database.begin() as connection:
            return trust_changes.confirm(connection, self.gate, name, by=by, why=why, alone=alone, at=self.clock())

    def refuse(self, name: str, *, by: Actor, why: str) -> KeyRecord:
        """Refuses a key somebody proposed."""
        with self.database.begin() as connection:
            return trust_changes.refuse(connection, self.gate, name, by=by, why=why, at=self.clock())

    def rotate(
        self, name: str, new: VerifyingKey, *, by: Actor, why: str, overlap: timedelta, alone: str = ""
    ) -> KeyRecord:
        """Has a key take the place of another."""
        with self.database.begin() as connection:
            return trust_changes.rotate(
                connection, self.gate, name, new, by=by, why=why, overlap=overlap, alone=alone, at=self.clock()
            )

    def rotate_own(
        self,
        *,
        by: Actor,
        why: str,
        overlap: timedelta = DEFAULT_OVERLAP,
        new: VerifyingKey | None = None,
        alone: str = "",
    ) -> KeyRecord:
        """Gives this server another key to sign with.

        Args:
            by: who wants it.
            why: in one line.
            overlap: how long the one in use still counts: as long as replicas may take to follow.
            new: the public half of a key whose file is distributed otherwise; None has one made here.
            alone: why no second person confirms a key that was made elsewhere.
        """
        file = self.settings.signing.key_file
        followed = FollowedKey(file, signing_key(file))
        made_here = new is None
        if new is None:
            with self.database.read() as connection:
                trust = self.gate.trust(connection)
            new = followed.prepare(trust).verifying
        with self.database.begin() as connection:
            made = trust_changes.rotate_own(
                connection,
                self.gate,
                new,
                by=by,
                why=why,
                overlap=overlap,
                made_here=made_here,
                alone=alone,
                at=self.clock(),
            )
        with self.database.read() as connection:
            followed.choose(self.gate.trust(connection))
        return made

    def adopt(self, purpose: str, *, by: Actor, why: str) -> bool:
        """Lets the replicas of this database have another key of a purpose: the next that starts says which.

        Returns:
            False when none was known.
        """
        at = self.clock()
        with self.database.begin() as connection:
            known = adopt_key(connection, purpose)
            data = {"purpose": purpose, "who": by.name, "why": why}
            kind = EventKind.KEY_ADOPTED
            publish(connection, Event(id=uuid4().hex, kind=kind, subject=purpose, time=at, data=data))
        return known

    def revoke(self, name: str, revocation: Revocation, *, by: Actor) -> Revoked:
        """Makes void what a key signed from a place in the ledger on."""
        for _ in range(_ATTEMPTS):
            with suppress(MeanwhileError), self.database.begin() as connection:
                return key_revocation.revoke(connection, self.gate, name, revocation, by=by, at=self.clock())
        raise MeanwhileError(name)
