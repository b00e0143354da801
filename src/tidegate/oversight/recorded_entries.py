# SPDX-License-Identifier: Apache-2.0
"""The lines of a passport that the record itself tells: who pushed, moved, pulled, promoted and runs it.

Every source is asked by an index of the digest: a passport costs what is on record of one image, whatever there is.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, or_, select

from tidegate.artifact import Digest
from tidegate.bounds import MIB
from tidegate.curation.lifecycle import State
from tidegate.events import EventKind
from tidegate.execution.placements import running
from tidegate.oversight.entry import Draft, Entry, EntryKind, Sight
from tidegate.storage import schema
from tidegate.storage.encryption_schema import encrypted_copy, key_release
from tidegate.storage.vending_schema import consumer_pull, promotion, refusal
from tidegate.wire import from_json

MAX_LINES_OF_A_SOURCE: Final = 5_000
_BEFORE, _AFTER, _LAST = 0, 1, 2  # of what happened in one second: begun, claimed and settled, used
_VERDICTS: Final = frozenset({State.ADMITTED, State.REJECTED, State.RECALLED})
_TOLD_BY_OTHERS: Final = (
    EventKind.KEYS_RELEASED,
    EventKind.KEYS_REFUSED,
    EventKind.INTAKE_ARRIVED,
)
"""Events that have a line of their own here."""
_MAX_WORKLOADS: Final = 500
Row = Mapping[str, Any]


def drafts_on_record(connection: Connection, digest: Digest, sight: Sight, seen: tuple[str, ...]) -> Iterator[Draft]:
    """Every line but those of statements.

    Args:
        connection: any.
        digest: of the image.
        sight: what the reader may see.
        seen: the repositories that hold it and that they may see.
    """
    yield from _taken_in(connection, digest, sight)
    yield from _pushes(connection, digest, seen)
    yield from _changes(connection, digest)
    yield from _promotions(connection, digest, sight)
    yield from _copies(connection, digest)
    yield from _events(connection, digest, sight)
    if sight.sees_all:
        yield from _pulls(connection, digest)
        yield from _refusals(connection, digest, seen)
        yield from _releases(connection, digest)
        yield from _workloads(connection, digest)


def _rows(connection: Connection, query: Select[Any]) -> list[Row]:
    return [dict(row) for row in connection.execute(query.limit(MAX_LINES_OF_A_SOURCE)).mappings()]


def _draft(entry: Entry, part: int, number: int = 0, after: int = 0) -> Draft:
    return Draft((entry.at, part, number, after), lambda: entry)


def _taken_in(connection: Connection, digest: Digest, sight: Sight) -> Iterator[Draft]:
    table = schema.intake
    for row in _rows(connection, select(table).where(table.c.digest == digest).order_by(table.c.asked_at)):
        if not sight.sees(row["repository"]):
            continue
        detail = {"repository": row["repository"], "source": row["source"], "outcome": row["outcome"]}
        what = f"{row['source']} as {row['repository']}: {row['outcome']}"
        entry = Entry(
            at=row["asked_at"], kind=EntryKind.TAKEN_IN, what=what, who=row["who"], why=row["reason"], detail=detail
        )
        yield _draft(entry, _BEFORE, -2)


def _pushes(connection: Connection, digest: Digest, seen: tuple[str, ...]) -> Iterator[Draft]:
    table = schema.repository_manifest
    for row in _rows(connection, select(table).where(table.c.digest == digest).order_by(table.c.pushed_at)):
        if row["repository"] in seen:
            detail = {"repository": row["repository"]}
            what = f"to {row['repository']}"
            entry = Entry(at=row["pushed_at"], kind=EntryKind.PUSHED, what=what, who=row["pushed_by"], detail=detail)
            yield _draft(entry, _BEFORE, -1)


def _changes(connection: Connection, digest: Digest) -> Iterator[Draft]:
    table, statement = schema.state_change, schema.statement
    query = (
        select(table, statement.c.ledger_index)
        .outerjoin(statement, statement.c.digest == table.c.evidence)
        .where(table.c.digest == digest)
        .order_by(table.c.id)
    )
    for row in _rows(connection, query):
        what = f"{row['before']} → {row['after']}" if row["before"] else row["after"]
        detail = {"before": row["before"], "after": row["after"], "evidence": row["evidence"]}
        entry = Entry(at=row["at"], kind=EntryKind.STATE, what=what, who=row["who"], why=row["why"], detail=detail)
        index = row["ledger_index"]
        if index is not None and row["after"] in _VERDICTS:
            yield _draft(entry, _AFTER, index, 1)  # right after what it rests on
        else:
            yield _draft(entry, _BEFORE, row["id"])


def _promotions(connection: Connection, digest: Digest, sight: Sight) -> Iterator[Draft]:
    table = promotion
    for row in _rows(connection, select(table).where(table.c.digest == digest).order_by(table.c.asked_at)):
        if not (sight.sees_all or (sight.sees(row["source"]) and sight.sees(row["target"]))):
            continue
        target = f"{row['target']}:{row['tag']}" if row["tag"] else row["target"]
        detail = {name: row[name] for name in ("source", "target", "tag", "state", "problem", "statement", "done_at")}
        what = f"{row['source']} → {target}: {row['state']}"
        entry = Entry(
            at=row["asked_at"], kind=EntryKind.PROMOTION, what=what, who=row["who"], why=row["why"], detail=detail
        )
        yield _draft(entry, _LAST)


def _copies(connection: Connection, digest: Digest) -> Iterator[Draft]:
    table = encrypted_copy
    either = or_(table.c.plain == digest, table.c.encrypted == digest)
    for row in _rows(connection, select(table).where(either).order_by(table.c.made_at)):
        is_plain = row["plain"] == digest
        what = f"encrypted as {row['encrypted']}" if is_plain else f"the encryption of {row['plain']}"
        detail = {"encrypted": row["encrypted"], "plain": row["plain"]}
        yield _draft(Entry(at=row["made_at"], kind=EntryKind.COPY, what=what, who=row["made_by"], detail=detail), _LAST)


def _pulls(connection: Connection, digest: Digest) -> Iterator[Draft]:
    table = consumer_pull
    for row in _rows(connection, select(table).where(table.c.digest == digest).order_by(table.c.first_at)):
        times = "once" if row["pulls"] == 1 else f"{row['pulls']} times, last {row['last_at']}"
        detail = {name: row[name] for name in ("repository", "consumer", "pulls", "last_at")}
        what = f"from {row['repository']}, {times}"
        entry = Entry(at=row["first_at"], kind=EntryKind.PULL, what=what, who=row["consumer"], detail=detail)
        yield _draft(entry, _LAST)


def _refusals(connection: Connection, digest: Digest, seen: tuple[str, ...]) -> Iterator[Draft]:
    table = refusal
    here = and_(table.c.repository.in_(seen), table.c.digest == digest)
    for row in _rows(connection, select(table).where(here).order_by(table.c.first_at)):
        times = "once" if row["pulls"] == 1 else f"{row['pulls']} times, last {row['last_at']}"
        what = (
            f"{'refused' if row['enforced'] else 'served though it would be refused'} from {row['repository']}, {times}"
        )
        detail = {name: row[name] for name in ("repository", "consumer", "state", "pulls", "last_at")}
        entry = Entry(
            at=row["first_at"],
            kind=EntryKind.REFUSAL,
            what=what,
            who=row["consumer"],
            why=row["reason"],
            detail=detail,
        )
        yield _draft(entry, _LAST)


def _releases(connection: Connection, digest: Digest) -> Iterator[Draft]:
    table = key_release
    for row in _rows(connection, select(table).where(table.c.encrypted == digest).order_by(table.c.id)):
        what = f"layer keys {'released' if row['granted'] else 'refused'} to {row['principal']}"
        entry = Entry(
            at=row["at"],
            kind=EntryKind.RELEASE,
            what=what,
            who=row["principal"],
            why=row["why"],
            detail={"key": row["kid"]},
        )
        yield _draft(entry, _LAST, row["id"])


def _workloads(connection: Connection, digest: Digest) -> Iterator[Draft]:
    names: dict[str, None] = {}
    for one in running(connection, digest)[:_MAX_WORKLOADS]:
        name = f"{one.cluster}/{one.namespace}/{one.kind}/{one.name}"
        names[name] = None
        since = one.since.isoformat().replace("+00:00", "Z")
        owner = f", owner {one.owner}" if one.owner else ""
        detail = {"workload": name, "container": one.container, "owner": one.owner, "reference": one.reference}
        what = f"runs in {name}, container {one.container}{owner}"
        yield _draft(Entry(at=since, kind=EntryKind.WORKLOAD, what=what, detail=detail), _LAST, 1)
    table = schema.outbox
    told = table.c.kind == EventKind.WORKLOAD_EXPOSED.value
    for row in _rows(connection, select(table).where(table.c.subject.in_(names), told).order_by(table.c.offset)):
        data = _data(row)
        if data.get("digest") == digest:
            what = f"incident: {row['subject']} ran what was recalled"
            detail = {"workload": row["subject"], "owner": data.get("owner", ""), "event": row["id"]}
            why = str(data.get("why") or "")
            entry = Entry(at=row["time"], kind=EntryKind.WORKLOAD, what=what, why=why, detail=detail)
            yield _draft(entry, _LAST, 2)


def _events(connection: Connection, digest: Digest, sight: Sight) -> Iterator[Draft]:
    """Events about it that have no line of their own."""
    table = schema.outbox
    told = or_(table.c.kind.not_like("curation.image.%"), table.c.kind == EventKind.IMAGE_DELETED)
    query = select(table).where(table.c.subject == digest, told, table.c.kind.not_in(_TOLD_BY_OTHERS))
    for row in _rows(connection, query.order_by(table.c.offset)):
        data = _data(row)
        repository = str(data.get("repository") or "")
        if sight.sees_all or (repository and sight.sees(repository)):
            from_where = f" from {repository}" if repository else ""
            who, why = str(data.get("who") or ""), str(data.get("why") or "")
            detail = {"id": row["id"], "event": row["kind"], "repository": repository}
            what = f"{row['kind']}{from_where}"
            yield _draft(
                Entry(at=row["time"], kind=EntryKind.EVENT, what=what, who=who, why=why, detail=detail),
                _LAST,
                row["offset"],
            )


def _data(row: Row) -> dict[str, Any]:
    return from_json(row["data"], dict[str, Any], what=f"event {row['id']}", max_bytes=MIB)
