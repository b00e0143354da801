# SPDX-License-Identifier: Apache-2.0
"""Sets of rules kept in the database: documents like those of files, each with a name, a version, who and why.

A set is put or removed whole, in one transaction with its event, after all sets were read together with it. Whoever
changes one says which version they saw.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, delete, select, update

from tidegate.artifact import Digest
from tidegate.bounds import KIB
from tidegate.clock import parse_rfc3339, rfc3339
from tidegate.errors import BoundExceededError, InvalidInputError, NotFoundError, RefusedError
from tidegate.events import Event, EventKind
from tidegate.storage.insert import insert_once, insert_or_update
from tidegate.storage.outbox import publish
from tidegate.storage.rule_schema import rule_revision, rule_set
from tidegate.values import Struct

MAX_DOCUMENT_BYTES: Final = 256 * KIB
MAX_SETS: Final = 100
MAX_WHY_CHARS: Final = 500
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
_ROW: Final = 1


class RuleKind(StrEnum):
    """What a set of rules is about."""

    INTAKE = "intake"  # upstreams and internal bases, in TOML
    KEEPING = "keeping"  # immutable tags and retention, in YAML


class RuleSet(Struct, frozen=True, kw_only=True):
    """One set.

    Attributes:
        version: grows with every change of whatever set; 0 is for a set that is not there.
        document: as it was given.
        at: when it was put.
    """

    kind: RuleKind
    name: str
    version: int
    document: str
    who: str
    why: str
    at: datetime


class Change(Struct, frozen=True, kw_only=True):
    """Who changes a set.

    Attributes:
        why: for the record.
        seen: the version that is replaced or removed; 0 for a new set.
    """

    who: str
    why: str
    at: datetime
    seen: int


class RuleSetChangedError(RefusedError):
    """Somebody else changed the set since it was looked at.

    Attributes:
        version: it has now; 0 when it is not there.
    """

    def __init__(self, kind: RuleKind, name: str, version: int) -> None:
        now = f"its version is {version} now" if version else "it is not there"
        super().__init__(f"changed meanwhile: {now}", where=f"{kind} {name}", remedy="look again, and set it anew")
        self.version = version


def list_sets(connection: Connection, kind: RuleKind) -> list[RuleSet]:
    """All sets of a kind, by name."""
    query = select(rule_set).where(rule_set.c.kind == kind).order_by(rule_set.c.name)
    return [_set(row) for row in connection.execute(query).mappings()]


def named(connection: Connection, kind: RuleKind, name: str) -> RuleSet:
    """One set.

    Raises:
        NotFoundError: it is not there.
    """
    found = _find(connection, kind, name)
    if found is None:
        raise NotFoundError("no such set of rules", where=f"{kind} {name[:64]}")
    return found


def put(
    connection: Connection,
    kind: RuleKind,
    name: str,
    document: bytes,
    *,
    change: Change,
    check: Callable[[Mapping[str, str]], object],
) -> RuleSet:
    """Puts a set in place of the one there was.

    Args:
        connection: of the caller's transaction.
        kind: what it is about.
        name: of the set.
        document: the rules, in the form of files.
        change: who makes it, why, when, and over which version.
        check: reads all documents by name, with this one among them; raises for what is wrong.

    Raises:
        RuleSetChangedError: the set has another version.
        InvalidInputError: no reason, no name, or `check` raises: nothing is changed.
        BoundExceededError: it is too long, or there are too many.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInputError(f"no name of a set: {name[:64]!r}", remedy="use lower-case letters, digits, . - and _")
    text, why = text_of(document, name), _reason(change.why)
    version = _next_version(connection)
    _check_seen(connection, kind, name, change.seen)
    others = {one.name: one.document for one in list_sets(connection, kind)}
    if name not in others and len(others) >= MAX_SETS:
        raise BoundExceededError("MAX_SETS", MAX_SETS, where=kind, remedy="remove one, or put rules together")
    check({**others, name: text})
    made = RuleSet(kind=kind, name=name, version=version, document=text, who=change.who, why=why, at=change.at)
    values = {"version": version, "document": text, "who": made.who, "why": why, "at": rfc3339(made.at)}
    insert_or_update(connection, rule_set, kind=kind, name=name, **values)
    told = {"who": made.who, "why": why, "document": str(Digest.of(document))}
    _tell(connection, EventKind.RULES_SET, kind, name, version, at=made.at, told=told)
    return made


def remove(
    connection: Connection,
    kind: RuleKind,
    name: str,
    *,
    change: Change,
    check: Callable[[Mapping[str, str]], object],
) -> None:
    """Removes a set; arguments as for `put`, `check` reads what is left.

    Raises:
        NotFoundError: it is not there.
        RuleSetChangedError: it has another version.
        InvalidInputError: no reason, or what is left cannot stand without it.
    """
    why = _reason(change.why)
    version = _next_version(connection)
    named(connection, kind, name)
    _check_seen(connection, kind, name, change.seen)
    check({one.name: one.document for one in list_sets(connection, kind) if one.name != name})
    connection.execute(delete(rule_set).where(rule_set.c.kind == kind, rule_set.c.name == name))
    told = {"who": change.who, "why": why}
    _tell(connection, EventKind.RULES_REMOVED, kind, name, version, at=change.at, told=told)


def revision(connection: Connection) -> int:
    """The number that grows with every change of a set; 0 before the first."""
    return connection.scalar(select(rule_revision.c.revision).where(rule_revision.c.id == _ROW)) or 0


def _next_version(connection: Connection) -> int:
    """Raises the number; whoever changes another set waits here until this transaction ends."""
    insert_once(connection, rule_revision, id=_ROW, revision=0)
    grown = update(rule_revision).where(rule_revision.c.id == _ROW).values(revision=rule_revision.c.revision + 1)
    connection.execute(grown)
    return revision(connection)


def _check_seen(connection: Connection, kind: RuleKind, name: str, seen: int) -> None:
    found = _find(connection, kind, name)
    version = found.version if found else 0
    if version != seen:
        raise RuleSetChangedError(kind, name, version)


def _find(connection: Connection, kind: RuleKind, name: str) -> RuleSet | None:
    query = select(rule_set).where(rule_set.c.kind == kind, rule_set.c.name == name)
    row = connection.execute(query).mappings().first()
    return _set(row) if row else None


def _set(row: Any) -> RuleSet:
    return RuleSet(**{**row, "kind": RuleKind(row["kind"]), "at": parse_rfc3339(row["at"])})


def text_of(document: bytes, name: str) -> str:
    """A document as text.

    Raises:
        BoundExceededError: it is too long.
        InvalidInputError: it is not UTF-8.
    """
    if len(document) > MAX_DOCUMENT_BYTES:
        raise BoundExceededError("MAX_DOCUMENT_BYTES", MAX_DOCUMENT_BYTES, where=name)
    try:
        text = document.decode()
    except UnicodeDecodeError as error:
        raise InvalidInputError("is not UTF-8", where=name) from error
    if "\0" in text:
        raise InvalidInputError("has a NUL in it", where=name)
    return text


def _reason(why: str) -> str:
    why = " ".join(why.split())
    if not why or len(why) > MAX_WHY_CHARS:
        raise InvalidInputError(f"a reason of 1 to {MAX_WHY_CHARS} characters is needed", remedy="say why")
    return why


def _tell(
    connection: Connection,
    event: EventKind,
    kind: RuleKind,
    name: str,
    version: int,
    *,
    at: datetime,
    told: Mapping[str, str],
) -> None:
    data = {"kind": kind.value, "name": name, "version": version, **told}
    publish(
        connection,
        Event(id=f"rules:{version}", kind=event, subject=f"rules/{kind}/{name}", time=at, data=data),
    )
