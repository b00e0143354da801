# SPDX-License-Identifier: Apache-2.0
"""Replicas of one database have the same keys: the first says which, and who comes with another one is refused.

Two that sign with different keys would each hold the other's statements for a stranger's; two with different keys for
what is sealed could not open what the other stored. A key changes by its rotation, of which the record or the key file
itself knows; or because somebody says that it does (`adopt_key`).
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from tidegate.clock import rfc3339
from tidegate.errors import UsageError
from tidegate.storage.insert import insert_once
from tidegate.storage.lock_order import Rank, taking
from tidegate.storage.replica_schema import shared_key
from tidegate.values import Struct


class SharedKey(Struct, frozen=True, kw_only=True):
    """A key as one replica has it.

    Attributes:
        purpose: what it is for: `signing`, `webhook`, …
        key_id: tells it from others, and nothing of it.
        before: ids of those whose place it took, as far as this replica knows.
        is_on_record: the record knows it for one of this registry's own, in force.
        where: the setting that names its file.
    """

    purpose: str
    key_id: str
    before: frozenset[str] = frozenset()
    is_on_record: bool = False
    where: str


class OtherKeysError(UsageError):
    """This replica has other keys than those that share its database.

    Args:
        keys: that differ, each with the id of the one the others have.
    """

    def __init__(self, keys: Sequence[tuple[SharedKey, str]]) -> None:
        told = "; ".join(
            f"{key.purpose} key {key.key_id[:12]} ({key.where}), theirs is {known[:12]}" for key, known in keys
        )
        first = keys[0][0].purpose
        super().__init__(
            f"the replicas of this database have other keys: {told}",
            remedy=f"give this one their files; if theirs are gone for good: tidegate keys adopt {first}",
        )


def demand_shared(connection: Connection, keys: Sequence[SharedKey], *, by: str, at: datetime) -> None:
    """Makes sure that a replica has the keys the others have, in the caller's transaction; the first says which.

    A key that took the place of the one on record, by a rotation, is on record from now on.

    Raises:
        OtherKeysError: some are others; all of them are named.
    """
    others: list[tuple[SharedKey, str]] = []
    for key in sorted(keys, key=lambda one: one.purpose):
        taking(connection, Rank.WORK, [f"key {key.purpose}"])
        row = {"purpose": key.purpose, "key_id": key.key_id, "since": rfc3339(at), "told_by": by}
        if insert_once(connection, shared_key, **row):
            continue
        here = shared_key.c.purpose == key.purpose
        known = str(connection.scalar(select(shared_key.c.key_id).where(here).with_for_update()))
        if known == key.key_id:
            continue
        if known in key.before or key.is_on_record:
            connection.execute(update(shared_key).where(here).values(row))
        else:
            others.append((key, known))
    if others:
        raise OtherKeysError(others)


def adopt_key(connection: Connection, purpose: str) -> bool:
    """Forgets which key of a purpose the replicas have: the next that starts says it anew. False when none was known.

    What was signed, sealed or given out with the key before is as good as that is known elsewhere.
    """
    taking(connection, Rank.WORK, [f"key {purpose}"])
    return connection.execute(delete(shared_key).where(shared_key.c.purpose == purpose)).rowcount > 0
