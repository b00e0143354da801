# SPDX-License-Identifier: Apache-2.0
"""The passport of a digest: all that is on record of it, in order, every signature and ledger entry checked anew."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, or_, select

from tidegate import ledger
from tidegate.admission.records import Recorded, ledger_line, records_of, verify_recorded
from tidegate.artifact import Digest
from tidegate.clock import rfc3339
from tidegate.errors import NotFoundError, TidegateError
from tidegate.events import EventKind
from tidegate.evidence import Boundary
from tidegate.evidence.predicates.gist import gist_of
from tidegate.evidence.predicates.kinds import kind_of
from tidegate.execution.placements import running
from tidegate.policy.vsa import from_vsa
from tidegate.storage import schema
from tidegate.trust.standing import Trust
from tidegate.wire import from_json, to_builtins

_MAX_EVENT_BYTES: Final = 1 << 20
_STEPS: Final = {"state": 0, "statement": 1, "decision": 2, "event": 5}
_VERDICTS: Final = ("admitted", "rejected", "recalled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a passport.

    Attributes:
        at: RFC 3339.
        kind: `state`, `statement`, `decision` or `event`.
        what: in a few words.
        detail: the rest, as plain data.
    """

    at: str
    kind: str
    what: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passport:
    """All of one digest.

    Attributes:
        sound: every statement verifies and is proved to be in the ledger.
        workloads: where it runs now, as `cluster/namespace/kind/name`.
    """

    digest: Digest
    kind: str
    media_type: str
    state: str
    expires_at: str
    repositories: tuple[str, ...]
    tags: tuple[str, ...]
    subject: str
    children: tuple[str, ...]
    attached: tuple[str, ...]
    workloads: tuple[Mapping[str, str], ...]
    ledger_size: int
    ledger_root: str
    sound: bool
    entries: tuple[Entry, ...]


def passport(connection: Connection, digest: Digest, trust: Trust) -> Passport:
    """Gathers and checks everything on record of a digest.

    Raises:
        NotFoundError: nothing at all is on record of it.
    """
    manifest = _first(connection, select(schema.manifest).where(schema.manifest.c.digest == digest))
    records = records_of(connection, digest)
    if manifest is None and not records:
        raise NotFoundError("nothing is on record of it", where=digest, remedy="push it, or give its manifest's digest")
    state = _first(connection, select(schema.state).where(schema.state.c.digest == digest))
    size = ledger.size(connection)
    root = ledger.root(connection, size)
    statements = [_statement_entry(connection, item, trust, size, root) for item in records]
    entries = [*_changes(connection, digest), *statements, *_events(connection, digest)]
    return Passport(
        digest=digest,
        kind=manifest["kind"] if manifest else "",
        media_type=manifest["media_type"] if manifest else "",
        state=state["state"] if state else "",
        expires_at=state["expires_at"] if state else "",
        repositories=_texts(connection, schema.repository_manifest, "repository", "digest", digest),
        tags=_tags(connection, digest),
        subject=(manifest["subject"] or "") if manifest else "",
        children=_texts(connection, schema.manifest_child, "child", "parent", digest),
        attached=_texts(connection, schema.manifest, "digest", "subject", digest),
        workloads=tuple(_workload(item) for item in running(connection, digest)),
        ledger_size=size,
        ledger_root=root.hex(),
        sound=all(entry.detail["verified"] and entry.detail["in_ledger"] for entry in statements),
        entries=tuple(sorted(entries, key=_order)),
    )


def _order(entry: Entry) -> tuple[str, int]:
    """By the second; within one, as the work goes: taken in, examined, decided, the state that follows, and its use."""
    if entry.kind == "state" and entry.what.endswith(_VERDICTS):
        return entry.at, 3
    if entry.kind == "decision" and entry.what.startswith(Boundary.EXECUTION):
        return entry.at, 4
    return entry.at, _STEPS[entry.kind]


def _statement_entry(connection: Connection, item: Recorded, trust: Trust, size: int, root: bytes) -> Entry:
    detail: dict[str, Any] = {
        "envelope": item.digest,
        "predicate_type": item.predicate_type,
        "ledger_index": item.ledger_index,
        "in_ledger": _in_ledger(connection, item, size, root),
    }
    try:
        verified = verify_recorded(connection, item, trust)
    except TidegateError as error:
        return _entry(item, "statement nobody trusted vouches for", detail | {"verified": False, "problem": str(error)})
    detail |= {"verified": True, "signers": list(verified.signers)}
    if kind_of(item.predicate_type, verified.statement.predicate) == "vsa":
        decision = to_builtins(from_vsa(verified.statement))
        said = f"{decision['boundary']}: {decision['verdict']}"
        return Entry(at=rfc3339(item.recorded_at), kind="decision", what=said, detail=detail | {"decision": decision})
    return _entry(item, gist_of(verified.statement.predicate_type, verified.statement.predicate), detail)


def _entry(item: Recorded, what: str, detail: Mapping[str, Any]) -> Entry:
    return Entry(at=rfc3339(item.recorded_at), kind="statement", what=what, detail=detail)


def _in_ledger(connection: Connection, item: Recorded, size: int, root: bytes) -> bool:
    """Recomputes the leaf from the envelope itself and proves it to be under the root of now."""
    leaf = ledger.leaf_hash(ledger_line(Digest.of(item.envelope), item.subject, item.predicate_type))
    try:
        proof = ledger.inclusion_proof(connection, item.ledger_index, size)
        ledger.verify_inclusion(index=item.ledger_index, size=size, leaf=leaf, proof=proof, root=root)
    except TidegateError:
        return False
    return True


def _changes(connection: Connection, digest: Digest) -> list[Entry]:
    table = schema.state_change
    rows = connection.execute(select(table).where(table.c.digest == digest).order_by(table.c.id)).mappings()
    return [
        Entry(
            at=row["at"],
            kind="state",
            what=f"{row['before']} → {row['after']}" if row["before"] else row["after"],
            detail={"who": row["who"], "why": row["why"]},
        )
        for row in rows
    ]


def _events(connection: Connection, digest: Digest) -> list[Entry]:
    """Events about it that are no change of its state: those stand above already."""
    table = schema.outbox
    query = select(table.c.kind, table.c.time, table.c.id, table.c.data).where(table.c.subject == digest)
    told = or_(table.c.kind.not_like("curation.image.%"), table.c.kind == EventKind.IMAGE_DELETED)
    rows = connection.execute(query.where(told).order_by(table.c.offset)).mappings()
    return [
        Entry(at=row["time"], kind="event", what=row["kind"], detail={"id": row["id"], **_left(row)}) for row in rows
    ]


def _left(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Of a deletion: from where, by whom and why."""
    if row["kind"] != EventKind.IMAGE_DELETED:
        return {}
    data = from_json(row["data"], dict[str, Any], what=f"event {row['id']}", max_bytes=_MAX_EVENT_BYTES)
    return {name: data.get(name, "") for name in ("repository", "who", "why")}


def _tags(connection: Connection, digest: Digest) -> tuple[str, ...]:
    table = schema.tag
    query = select(table.c.repository, table.c.name).where(table.c.digest == digest)
    return tuple(sorted(f"{row.repository}:{row.name}" for row in connection.execute(query)))


def _texts(connection: Connection, table: Any, column: str, where: str, digest: Digest) -> tuple[str, ...]:
    query = select(table.c[column]).where(table.c[where] == digest).order_by(table.c[column])
    return tuple(connection.scalars(query))


def _workload(placement: Any) -> Mapping[str, str]:
    return {
        "workload": f"{placement.cluster}/{placement.namespace}/{placement.kind}/{placement.name}",
        "container": placement.container,
        "owner": placement.owner,
        "since": placement.since,
    }


def _first(connection: Connection, query: Any) -> Mapping[str, Any] | None:
    row = connection.execute(query).mappings().first()
    return dict(row) if row is not None else None
