# SPDX-License-Identifier: Apache-2.0
"""Restrictions in force: on one digest, or by rule on the repositories whose names match a pattern.

Every gate asks here: the registry at a pull, the execution gate before a workload runs. All that stand on an artifact
must let it pass. None is ever deleted: it is lifted, and stays on record with who lifted it.
"""

from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, insert, select, update

from tidegate.artifact import Digest
from tidegate.clock import parse_rfc3339, rfc3339
from tidegate.evidence.restriction import Restriction
from tidegate.storage import vending_schema
from tidegate.storage.encryption_schema import encrypted_copy
from tidegate.storage.insert import insert_once
from tidegate.storage.lock_order import Rank, taking
from tidegate.values import Struct
from tidegate.wire import from_json, to_json

MAX_RULES: Final = 1000
_MAX_BYTES: Final = 1 << 20
_ROW: Final = 1
_table = vending_schema.restriction
_revision = vending_schema.restriction_revision


class Imposed(Struct, frozen=True, kw_only=True):
    """A restriction on record.

    Attributes:
        digest: of the one artifact it stands on; "" for a rule.
        pattern: of repository names, of a rule; "" for one artifact.
        statement: digest of the envelope that says so.
    """

    id: int
    digest: str
    pattern: str
    restriction: Restriction
    reason: str
    by: str
    at: str
    statement: str

    def is_for(self, repository: str) -> bool:
        """True when it stands on what is asked for by the name of this repository."""
        return not self.pattern or fnmatchcase(repository, self.pattern)


def restrictions_on(connection: Connection, digest: Digest, repository: str) -> tuple[Imposed, ...]:
    """What stands on an artifact when it is asked for by the name of a repository; the oldest first.

    What stands on an image stands on its encrypted copies.
    """
    return tuple(one for one in restrictions_over(connection, digest) if one.is_for(repository))


def restrictions_over(connection: Connection, digest: Digest) -> tuple[Imposed, ...]:
    """What stands on an artifact by one name or another, rules for any repository included; the oldest first."""
    plain = select(encrypted_copy.c.plain).where(encrypted_copy.c.encrypted == digest)
    query = _in_force().where(
        (_table.c.digest == digest) | (_table.c.digest == "") | (_table.c.digest == plain.scalar_subquery())
    )
    return tuple(_imposed(row) for row in connection.execute(query).mappings())


def restriction_rules(connection: Connection) -> tuple[Imposed, ...]:
    """All rules in force, the oldest first."""
    query = _in_force().where(_table.c.digest == "").limit(MAX_RULES)
    return tuple(_imposed(row) for row in connection.execute(query).mappings())


def impose(
    connection: Connection,
    restriction: Restriction,
    *,
    digest: Digest | None = None,
    pattern: str = "",
    reason: str,
    by: str,
    at: datetime,
    statement: Digest,
) -> int:
    """Puts a restriction in force, in the caller's transaction; on a digest, it takes the place of the one before.

    Args:
        connection: inside a transaction that writes.
        restriction: whom it is kept for.
        digest: the one artifact it stands on; None for a rule.
        pattern: of a rule.
        reason: in one line.
        by: who wants it.
        at: the moment recorded.
        statement: the envelope that says so.

    Returns:
        The number it is lifted by.
    """
    if digest is not None:
        lift(connection, _table.c.digest == digest, by=by, at=at)
    row = {
        "digest": digest or "",
        "pattern": pattern,
        "document": to_json(restriction).decode(),
        "reason": reason,
        "imposed_by": by,
        "imposed_at": rfc3339(at),
        "statement": statement,
    }
    key = connection.execute(insert(_table).values(row)).inserted_primary_key
    _changed(connection)
    return int(key[0]) if key else 0


def lift_from(connection: Connection, digest: Digest, *, by: str, at: datetime) -> bool:
    """Lifts the restriction on one artifact; False when there was none."""
    return lift(connection, _table.c.digest == digest, by=by, at=at)


def lift_rule(connection: Connection, number: int, *, by: str, at: datetime) -> bool:
    """Lifts a rule by its number; False when there was none."""
    return lift(connection, (_table.c.id == number) & (_table.c.digest == ""), by=by, at=at)


def lift(connection: Connection, which: ColumnElement[bool], *, by: str, at: datetime) -> bool:
    """Lifts what is in force among some; False when nothing was."""
    lifted = update(_table).where(which, _table.c.lifted_at == "").values(lifted_at=rfc3339(at), lifted_by=by)
    if connection.execute(lifted).rowcount <= 0:
        return False
    _changed(connection)
    return True


def restrictions_revision(connection: Connection) -> int:
    """A number that grows with every change of what is in force; 0 before the first."""
    return connection.scalar(select(_revision.c.revision).where(_revision.c.id == _ROW)) or 0


def _changed(connection: Connection) -> None:
    taking(connection, Rank.RESTRICTIONS)
    insert_once(connection, _revision, id=_ROW, revision=0)
    connection.execute(update(_revision).where(_revision.c.id == _ROW).values(revision=_revision.c.revision + 1))


def _in_force() -> Any:
    return select(_table).where(_table.c.lifted_at == "").order_by(_table.c.id)


def _imposed(row: Any) -> Imposed:
    # What cannot be read restricts to nobody: the error leaves through whatever asked.
    restriction = from_json(
        row["document"].encode(), _Document, what=f"restriction {row['id']}", max_bytes=_MAX_BYTES
    ).read()
    return Imposed(
        id=row["id"],
        digest=row["digest"],
        pattern=row["pattern"],
        restriction=restriction,
        reason=row["reason"],
        by=row["imposed_by"],
        at=row["imposed_at"],
        statement=row["statement"],
    )


class _Document(Struct, frozen=True, kw_only=True):
    """How a restriction lies in its row."""

    who: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    until: str | None = None

    def read(self) -> Restriction:
        until = parse_rfc3339(self.until) if self.until else None
        return Restriction(who=self.who, where=self.where, until=until)
