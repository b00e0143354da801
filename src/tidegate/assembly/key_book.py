# SPDX-License-Identifier: Apache-2.0
"""Keys for a command: of the record here, or of a server elsewhere."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from tidegate.admission.key_revocation import Revocation, Revoked
from tidegate.admission.key_row import NewKey
from tidegate.assembly.keeping import local_user
from tidegate.assembly.local import Local, open_local
from tidegate.assembly.remote import here_or_there
from tidegate.assembly.trust import KeyAdministration
from tidegate.clock import rfc3339
from tidegate.identity import Principal
from tidegate.identity.duties import Actor
from tidegate.remote import RemoteServer
from tidegate.remote.server import quoted
from tidegate.settings import Settings
from tidegate.signing.keys import VerifyingKey
from tidegate.trust.key_record import KeyRecord
from tidegate.values import Struct


class KeyBook(Protocol):
    """What a command asks of keys; raises as `tidegate.admission.trust_changes` does."""

    def listed(self) -> Sequence[KeyRecord]:
        """Every key that is or was trusted."""
        ...

    def named(self, name: str) -> KeyRecord:
        """One, by its id, the start of one, or its name."""
        ...

    def propose(self, new: NewKey, *, why: str, alone: str) -> KeyRecord:
        """Puts a key on record."""
        ...

    def confirm(self, name: str, *, why: str, alone: str) -> KeyRecord:
        """Trusts a key another person proposed."""
        ...

    def refuse(self, name: str, *, why: str) -> KeyRecord:
        """Refuses a key somebody proposed."""
        ...

    def rotate(self, name: str, new: VerifyingKey, *, why: str, overlap: timedelta, alone: str) -> KeyRecord:
        """Has a key take the place of another."""
        ...

    def rotate_own(self, new: VerifyingKey | None, *, why: str, overlap: timedelta, alone: str) -> KeyRecord:
        """Gives the server another key to sign with, or has it make one."""
        ...

    def revoke(self, name: str, revocation: Revocation) -> Revoked:
        """Makes void what a key signed from a place in the ledger on."""
        ...


def open_key_book(settings: Settings) -> AbstractContextManager[KeyBook]:
    """The keys of the server that `client.server` names; without one, of the record here.

    Raises:
        TidegateError: the home folder or the database is not usable, or the server's address is none.
    """
    return here_or_there(settings, opens=open_local, here=_recorded, there=_Remote)


@contextmanager
def open_own_keys(settings: Settings) -> Iterator["_Recorded"]:
    """The keys of the record here, whatever server is named.

    Raises:
        TidegateError: the home folder or the database is not usable.
    """
    with open_local(settings) as local:
        yield _recorded(local)


def _recorded(local: Local) -> "_Recorded":
    keys = KeyAdministration(settings=local.settings, database=local.database, gate=local.gate, clock=local.clock)
    return _Recorded(keys, Actor.of(Principal(name=local_user())))


@dataclass(frozen=True, slots=True)
class _Recorded:
    keys: KeyAdministration
    by: Actor

    def listed(self) -> Sequence[KeyRecord]:
        return self.keys.listed()

    def named(self, name: str) -> KeyRecord:
        return self.keys.named(name)

    def propose(self, new: NewKey, *, why: str, alone: str) -> KeyRecord:
        return self.keys.propose(new, by=self.by, why=why, alone=alone)

    def confirm(self, name: str, *, why: str, alone: str) -> KeyRecord:
        return self.keys.confirm(name, by=self.by, why=why, alone=alone)

    def refuse(self, name: str, *, why: str) -> KeyRecord:
        return self.keys.refuse(name, by=self.by, why=why)

    def rotate(self, name: str, new: VerifyingKey, *, why: str, overlap: timedelta, alone: str) -> KeyRecord:
        return self.keys.rotate(name, new, by=self.by, why=why, overlap=overlap, alone=alone)

    def rotate_own(self, new: VerifyingKey | None, *, why: str, overlap: timedelta, alone: str) -> KeyRecord:
        return self.keys.rotate_own(by=self.by, why=why, overlap=overlap, new=new, alone=alone)

    def revoke(self, name: str, revocation: Revocation) -> Revoked:
        return self.keys.revoke(name, revocation, by=self.by)

    def adopt(self, purpose: str, *, why: str) -> bool:
        return self.keys.adopt(purpose, by=self.by, why=why)


class _Listed(Struct, frozen=True):
    keys: tuple[KeyRecord, ...]


@dataclass(frozen=True, slots=True)
class _Remote:
    server: RemoteServer

    def listed(self) -> Sequence[KeyRecord]:
        return self.server.ask("GET", "/keys", _Listed).keys

    def named(self, name: str) -> KeyRecord:
        return self.server.ask("GET", f"/keys/{quoted(name)}", KeyRecord)

    def propose(self, new: NewKey, *, why: str, alone: str) -> KeyRecord:
        body = {
            "name": new.name,
            "public_key": new.key.to_pem().decode(),
            "roles": sorted(new.roles),
            "not_before": rfc3339(new.not_before) if new.not_before else "",
            "not_after": rfc3339(new.not_after) if new.not_after else "",
            "why": why,
            "alone": alone,
        }
        return self.server.ask("POST", "/keys", KeyRecord, body=body)

    def confirm(self, name: str, *, why: str, alone: str) -> KeyRecord:
        return self._do(name, "confirm", {"why": why, "alone": alone})

    def refuse(self, name: str, *, why: str) -> KeyRecord:
        return self._do(name, "refuse", {"why": why})

    def rotate(self, name: str, new: VerifyingKey, *, why: str, overlap: timedelta, alone: str) -> KeyRecord:
        return self._do(name, "rotate", _rotation(new, why=why, overlap=overlap, alone=alone))

    def rotate_own(self, new: VerifyingKey | None, *, why: str, overlap: timedelta, alone: str) -> KeyRecord:
        body = _rotation(new, why=why, overlap=overlap, alone=alone)
        return self.server.ask("POST", "/keys/rotate", KeyRecord, body=body)

    def revoke(self, name: str, revocation: Revocation) -> Revoked:
        body = {
            "why": revocation.why,
            "since": rfc3339(revocation.since) if revocation.since else "",
            "since_entry": revocation.since_entry,
        }
        return self.server.ask("POST", f"/keys/{quoted(name)}/revoke", Revoked, body=body)

    def _do(self, name: str, act: str, body: Mapping[str, Any]) -> KeyRecord:
        return self.server.ask("POST", f"/keys/{quoted(name)}/{act}", KeyRecord, body=body)


def _rotation(new: VerifyingKey | None, *, why: str, overlap: timedelta, alone: str) -> dict[str, Any]:
    hours = overlap / timedelta(hours=1)
    return {
        "why": why,
        "public_key": new.to_pem().decode() if new else "",
        "overlap_hours": hours,
        "alone": alone,
    }
