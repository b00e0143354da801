# SPDX-License-Identifier: Apache-2.0
"""Whether a key counts for one statement: pure, by the statement's kind and its place in the ledger.

A statement says itself when it was made, and whoever stole a key says what they like. What nobody can choose is where
in the ledger it stands: a revocation names the first entry that no longer counts, and both are proved by the same tree.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

from tidegate.errors import RefusedError
from tidegate.evidence import PredicateType
from tidegate.signing.keys import KeyId, TrustedKeys, VerifyingKey
from tidegate.trust.role import EVERY_ROLE, OF_OTHERS, Role, role_of
from tidegate.values import Struct


class Origin(StrEnum):
    """Where trust in a key comes from."""

    OWN = "own"  # this server signs, or signed, with it
    SETTINGS = "settings"
    ADDED = "added"


class KeyStanding(Struct, frozen=True, kw_only=True):
    """One key, and what it counts for.

    Attributes:
        not_before: statements recorded before this moment do not count; None for always.
        not_after: those recorded at this moment or later do not; None for no end.
        revoked_from: index in the ledger; this entry and all later ones do not count. None while it is not revoked.
    """

    key: VerifyingKey
    name: str
    origin: Origin
    roles: frozenset[Role]
    not_before: datetime | None = None
    not_after: datetime | None = None
    revoked_from: int | None = None

    def objection(self, predicate_type: PredicateType, *, index: int | None, at: datetime) -> str:
        """Why the key does not count for a statement; "" when it does.

        Args:
            predicate_type: the statement's kind.
            index: its place in the ledger; None for one that would be appended now.
            at: when it was recorded.
        """
        named = f"key {self.name or self.key.key_id[:12]}"
        if self.revoked_from is not None and (index is None or index >= self.revoked_from):
            return f"{named} is revoked from ledger entry {self.revoked_from} on"
        if self.not_before is not None and at < self.not_before:
            return f"{named} was not valid yet"
        if self.not_after is not None and at >= self.not_after:
            return f"{named} was no longer valid"
        role = role_of(predicate_type)
        return "" if role in self.roles else f"{named} is not trusted for the role {role}"

    @property
    def depends_on_place(self) -> bool:
        """True when it matters where in the ledger a statement stands."""
        return not (self.revoked_from is None and self.not_before is None and self.not_after is None)

    def is_of_role(self, predicate_type: PredicateType) -> bool:
        """Whether the key signs statements of this kind at all."""
        return role_of(predicate_type) in self.roles


class VoidSignatureError(RefusedError):
    """Only keys signed it that are revoked, or were not valid when it was recorded."""


class Trust(Struct, frozen=True, kw_only=True):
    """All keys, as of one moment of the record."""

    standings: Mapping[KeyId, KeyStanding]

    @classmethod
    def always(cls, keys: Iterable[VerifyingKey]) -> "Trust":
        """Trust in keys as settings name them: in every role but trust itself, without an end."""
        return cls(
            standings={
                key.key_id: KeyStanding(key=key, name="", origin=Origin.SETTINGS, roles=OF_OTHERS) for key in keys
            }
        )

    @property
    def ids(self) -> frozenset[str]:
        """Every key that counts for anything, now or once."""
        return frozenset(self.standings)

    def keys_for(self, predicate_type: PredicateType, *, index: int | None, at: datetime) -> TrustedKeys:
        """The keys that count for a statement; arguments as `KeyStanding.objection`."""
        standings = self.standings.values()
        return TrustedKeys.of(one.key for one in standings if not one.objection(predicate_type, index=index, at=at))

    def every_key(self) -> TrustedKeys:
        """All of them, whatever they count for: to tell a void signature from a stranger's."""
        return TrustedKeys.of(one.key for one in self.standings.values())


def own(key: VerifyingKey, name: str = "own") -> KeyStanding:
    """The standing of a key this server signs with."""
    return KeyStanding(key=key, name=name, origin=Origin.OWN, roles=EVERY_ROLE)
