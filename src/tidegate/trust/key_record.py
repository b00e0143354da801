# SPDX-License-Identifier: Apache-2.0
"""Keys as they are on record, with who did what to them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, func, or_, select

from tidegate.errors import NotFoundError
from tidegate.storage.trust_schema import statement_signer, trusted_key
from tidegate.trust.standing import KeyStanding, Trust
from tidegate.values import Struct, replace

_SHORTEST_START: Final = 8


class KeyRecord(Struct, frozen=True, kw_only=True):
    """One key.

    Attributes:
        state: `trusted`, `proposed` (another person has to confirm it), `refused`, `revoked`.
        origin: `own`, `settings` or `added`.
        revoked_from: the first ledger entry that does not count; -1 while it is not revoked.
        statements: how many it signed that are on record.
    """

    key_id: str
    name: str
    origin: str
    state: str
    roles: tuple[str, ...]
    public_key: str
    not_before: str = ""
    not_after: str = ""
    revoked_from: int = -1
    revoked_at: str = ""
    revoked_by: str = ""
    revoked_why: str = ""
    added_at: str = ""
    added_by: str = ""
    added_why: str = ""
    confirmed_by: str = ""
    statement: str = ""
    statements: int = 0


def list_keys(connection: Connection, trust: Trust) -> Sequence[KeyRecord]:
    """Every key that is or was trusted, by name; at most as many as a verifier takes."""
    rows = connection.execute(select(trusted_key)).mappings().all()
    known = {row["key_id"] for row in rows}
    found = [_of_row(row) for row in rows]
    found += [_of_standing(one) for key_id, one in trust.standings.items() if key_id not in known]
    counted = _statements(connection)
    found = [_counted(one, counted.get(one.key_id, 0)) for one in found]
    return sorted(found, key=lambda one: (one.name, one.key_id))


def find_key(connection: Connection, trust: Trust, text: str) -> KeyRecord:
    """The key of an id, of the start of one, or of a name that only one has.

    Raises:
        NotFoundError: there is none, or several.
    """
    wanted = text.removeprefix("sha256:")
    named = or_(trusted_key.c.key_id.startswith(wanted, autoescape=True), trusted_key.c.name == text)
    rows = connection.execute(select(trusted_key).where(named).limit(10)).mappings().all()
    found = {row["key_id"]: _of_row(row) for row in rows}
    for key_id, one in trust.standings.items():
        if key_id not in found and (key_id.startswith(wanted) or one.name == text):
            found[key_id] = _of_standing(one)
    exact = [one for one in found.values() if wanted == one.key_id or one.name == text]
    few = exact or (list(found.values()) if len(wanted) >= _SHORTEST_START else [])
    if len(few) != 1:
        said = "no such key" if not few else "several keys are called so"
        raise NotFoundError(said, where=text[:80], remedy="see tidegate keys list, and give its id")
    return few[0]


def _statements(connection: Connection) -> Mapping[str, int]:
    query = select(statement_signer.c.key_id, func.count()).group_by(statement_signer.c.key_id)
    return {str(key_id): int(count) for key_id, count in connection.execute(query)}


def _counted(one: KeyRecord, statements: int) -> KeyRecord:
    return replace(one, statements=statements)


def _of_row(row: Mapping[Any, Any]) -> KeyRecord:
    return KeyRecord(
        key_id=row["key_id"],
        name=row["name"],
        origin=row["origin"],
        state="revoked" if row["revoked_from"] >= 0 else row["state"],
        roles=tuple(sorted(row["roles"].split())),
        public_key=row["public_key"],
        **{
            name: row[name]
            for name in (
                *("not_before", "not_after", "revoked_from", "revoked_at", "revoked_by", "revoked_why"),
                *("added_at", "added_by", "added_why", "confirmed_by", "statement"),
            )
        },
    )


def _of_standing(one: KeyStanding) -> KeyRecord:
    return KeyRecord(
        key_id=one.key.key_id,
        name=one.name,
        origin=one.origin,
        state="trusted",
        roles=tuple(sorted(one.roles)),
        public_key=one.key.to_pem().decode(),
    )
