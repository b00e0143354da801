# SPDX-License-Identifier: Apache-2.0
"""Whose signatures count in a bundle: the keys its reader gave, and what those say of others in it. Pure.

A key is never trusted because it is in the bundle. One that a trusted key introduced (a rotation, a key that was
added) counts from there on; a revocation a trusted key signed takes away, from the ledger entry that it names.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tidegate.clock import parse_rfc3339
from tidegate.errors import TidegateError
from tidegate.evidence import Statement
from tidegate.signing.keys import KeyId, VerifyingKey
from tidegate.trust.role import EVERY_ROLE, TRUST_CHANGE, parse_roles
from tidegate.trust.standing import KeyStanding, Origin, Trust
from tidegate.values import Struct, replace

_TRUSTS: Final = frozenset({"trusted", "rotated"})


class Placed(Struct, frozen=True, kw_only=True):
    """A statement whose signatures were checked, and whose place in the ledger was proved.

    Attributes:
        signers: keys whose signatures hold, of all keys in the bundle.
    """

    index: int
    recorded_at: str
    statement: Statement
    signers: tuple[KeyId, ...]


def given(keys: Sequence[VerifyingKey]) -> Mapping[KeyId, KeyStanding]:
    """The keys a reader gave: they count for everything."""
    return {key.key_id: KeyStanding(key=key, name="given", origin=Origin.SETTINGS, roles=EVERY_ROLE) for key in keys}


def trust_in(keys: Mapping[KeyId, KeyStanding], placed: Sequence[Placed]) -> Trust:
    """What counts after every change of trust that counts itself.

    A change signed by a key that a later one revokes from before it is void: so it is gone through again, with all
    revocations that were found, until none is new.
    """
    changes = sorted((one for one in placed if one.statement.predicate_type == TRUST_CHANGE), key=lambda it: it.index)
    revoked: dict[KeyId, int] = {}
    for _ in range(len(changes) + 1):
        standings, found = _go_through(keys, changes, revoked)
        if found == revoked:
            break
        revoked = found
    return Trust(standings=standings)


def _go_through(
    keys: Mapping[KeyId, KeyStanding], changes: Sequence[Placed], revoked: Mapping[KeyId, int]
) -> tuple[dict[KeyId, KeyStanding], dict[KeyId, int]]:
    standings = {name: _with(one, revoked) for name, one in keys.items()}
    found: dict[KeyId, int] = {}
    for change in changes:
        if not _counts(standings, change):
            continue
        predicate = change.statement.predicate
        act, named = predicate.get("act"), predicate.get("key")
        if act in _TRUSTS and isinstance(named, dict):
            added = _added(named, change)
            if added is not None and added.key.key_id not in standings:
                standings[added.key.key_id] = _with(added, revoked)
        if act == "rotated":
            _end(standings, predicate)
        from_entry = predicate.get("fromEntry")
        if act == "revoked" and isinstance(named, dict) and isinstance(from_entry, int) and from_entry >= 0:
            key_id = KeyId(str(named.get("id")))
            found[key_id] = min(from_entry, found.get(key_id, from_entry))
            if key_id in standings:
                standings[key_id] = _with(standings[key_id], found)
    return standings, found


def _counts(standings: Mapping[KeyId, KeyStanding], change: Placed) -> bool:
    at = parse_rfc3339(change.recorded_at)
    known = [standings[name] for name in change.signers if name in standings]
    return any(not one.objection(TRUST_CHANGE, index=change.index, at=at) for one in known)


def _added(named: Mapping[str, Any], change: Placed) -> KeyStanding | None:
    """A key as its change describes it; None for one that the statement is not about."""
    try:
        key = VerifyingKey.parse(str(named.get("publicKey")).encode())
        roles = parse_roles(str(role) for role in named.get("roles") or ())
        before, after = (str(named.get(name) or "") for name in ("notBefore", "notAfter"))
        standing = KeyStanding(
            key=key,
            name=str(named.get("name") or ""),
            origin=Origin.ADDED,
            roles=roles,
            not_before=parse_rfc3339(before) if before else None,
            not_after=parse_rfc3339(after) if after else None,
        )
    except (TidegateError, TypeError):
        return None
    about = {subject.digest for subject in change.statement.subjects}
    return standing if f"sha256:{key.key_id}" in about else None


def _end(standings: dict[KeyId, KeyStanding], predicate: Mapping[str, Any]) -> None:
    old, until = KeyId(str(predicate.get("replaces"))), str(predicate.get("replacedUntil") or "")
    if old in standings and until:
        try:
            standings[old] = replace(standings[old], not_after=parse_rfc3339(until))
        except TidegateError:
            return


def _with(standing: KeyStanding, revoked: Mapping[KeyId, int]) -> KeyStanding:
    from_entry = revoked.get(standing.key.key_id)
    if from_entry is None or (standing.revoked_from is not None and standing.revoked_from <= from_entry):
        return standing
    return replace(standing, revoked_from=from_entry)
