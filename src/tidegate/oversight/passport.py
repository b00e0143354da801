# SPDX-License-Identifier: Apache-2.0
"""The passport of a digest: all that is on record of it, in order, every signature and ledger entry checked anew."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection, Select, select

from tidegate.admission.records import record_named
from tidegate.artifact import Digest
from tidegate.clock import rfc3339, system_clock
from tidegate.errors import NotFoundError, UsageError
from tidegate.execution.inventory import Asked, what_runs
from tidegate.execution.placements import running
from tidegate.oversight.entry import Draft, Entry, EntryKind, Sight, WholeSight
from tidegate.oversight.recorded_entries import drafts_on_record
from tidegate.oversight.signed_entries import Tree, drafts_of_statements, entry_of
from tidegate.storage import schema
from tidegate.trust.resting_on import keys_signing_for
from tidegate.trust.standing import Trust
from tidegate.values import Struct

MAX_LINES: Final = 1_000
"""Most lines of one page."""
_MAX_KEYS: Final = 32
_MAX_NAMES: Final = 1_000
_WITHHELD: Final = ("consumers", "refusals", "key releases", "workloads", "other repositories")


class Fact(Struct, frozen=True, kw_only=True):
    """One thing the newest evidence of its kind says, for the head of a passport.

    Attributes:
        holds: its signature and its place in the ledger do.
    """

    name: str
    value: str
    holds: bool


class Passport(Struct, frozen=True, kw_only=True):
    """All of one digest, a page of its lines at a time.

    Attributes:
        workloads: where it was placed, as `cluster/namespace/kind/name`.
        running: the containers that run it now, as nodes and clusters tell.
        facts: source, builder, base and what else the newest evidence says.
        sound: every statement among the lines shown verifies and is proved to be in the ledger.
        total: how many lines there are; `skipped` of them stand before those shown.
        withheld: kinds of lines that this reader may not see, if there are any.
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
    running: tuple[Mapping[str, str], ...] = ()
    facts: tuple[Fact, ...]
    ledger_size: int
    ledger_root: str
    sound: bool
    total: int
    skipped: int
    withheld: tuple[str, ...]
    entries: tuple[Entry, ...]


def passport(
    connection: Connection,
    digest: Digest,
    trust: Trust,
    *,
    sight: Sight | None = None,
    skip: int = 0,
    limit: int = MAX_LINES,
) -> Passport:
    """Gathers everything on record of a digest, and checks what is shown of it.

    Args:
        connection: any; all is read of one consistent state.
        digest: of a manifest, an index, or whatever statements are about.
        trust: whose signatures count, for what and from when until when.
        sight: what the reader may see; None for everything.
        skip: lines to leave out, from the beginning.
        limit: lines to show, at most `MAX_LINES`.

    Raises:
        NotFoundError: nothing is on record of it, or nothing the reader may know of.
    """
    if skip < 0 or not 1 <= limit <= MAX_LINES:
        raise UsageError(f"a page has 1 to {MAX_LINES} lines")
    sight = sight or WholeSight()
    manifest = _first(connection, select(schema.manifest).where(schema.manifest.c.digest == digest))
    holding = _texts(connection, schema.repository_manifest, "repository", "digest", digest)
    seen = tuple(name for name in holding if sight.sees_all or sight.sees(name))
    if not (seen or (sight.sees_all and (manifest is not None or _has_statement(connection, digest)))):
        raise NotFoundError("nothing is on record of it", where=digest, remedy="push it, or give its manifest's digest")
    tree = Tree.of(connection)
    drafts = sorted(
        (
            *drafts_of_statements(connection, digest, trust, tree),
            *drafts_on_record(connection, digest, sight, seen),
            *_of_keys(connection, digest, trust, tree),
        ),
        key=lambda draft: draft.place,
    )
    state = _first(connection, select(schema.state).where(schema.state.c.digest == digest)) or {}
    entries = tuple(draft.make() for draft in drafts[skip : skip + limit])
    return Passport(
        digest=digest,
        kind=manifest["kind"] if manifest else "",
        media_type=manifest["media_type"] if manifest else "",
        state=state.get("state", ""),
        expires_at=state.get("expires_at", ""),
        repositories=seen,
        tags=_tags(connection, digest, seen),
        subject=(manifest["subject"] or "") if manifest else "",
        children=_texts(connection, schema.manifest_child, "child", "parent", digest),
        attached=_texts(connection, schema.manifest, "digest", "subject", digest),
        workloads=tuple(_workloads(connection, digest)) if sight.sees_all else (),
        running=tuple(_running(connection, digest)) if sight.sees_all else (),
        facts=_facts(connection, digest, trust, tree),
        ledger_size=tree.size,
        ledger_root=tree.root.hex(),
        sound=all(entry.holds for entry in entries),
        total=len(drafts),
        skipped=min(skip, len(drafts)),
        withheld=() if sight.sees_all else _WITHHELD,
        entries=entries,
    )


def _of_keys(connection: Connection, digest: Digest, trust: Trust, tree: Tree) -> Iterator[Draft]:
    """What was said of the keys that signed for it."""
    for key_id in keys_signing_for(connection, digest)[:_MAX_KEYS]:
        yield from drafts_of_statements(connection, Digest(f"sha256:{key_id}"), trust, tree)


def _facts(connection: Connection, digest: Digest, trust: Trust, tree: Tree) -> tuple[Fact, ...]:
    """The newest of each type that is no decision; what does not hold says nothing but that."""
    table = schema.statement
    query = select(table.c.predicate_type, table.c.digest).where(table.c.subject == digest)
    newest = {row.predicate_type: row.digest for row in connection.execute(query.order_by(table.c.ledger_index))}
    found: list[Fact] = []
    for name in list(newest.values())[:_MAX_KEYS]:
        item = record_named(connection, Digest(name))
        entry = entry_of(connection, item, trust, tree) if item is not None else None
        if entry is not None and entry.kind is EntryKind.STATEMENT and entry.detail.get("kind"):
            found += _facts_of(entry)
    return tuple(found)


def _facts_of(entry: Entry) -> Iterator[Fact]:
    provenance, base = entry.detail.get("provenance"), entry.detail.get("base")
    if isinstance(provenance, dict):
        source = " at ".join(filter(None, (provenance["source"], provenance["commit"])))
        yield from (
            Fact(name=name, value=value, holds=entry.holds)
            for name, value in (("source", source), ("builder", provenance["builder"]))
            if value
        )
        return
    if isinstance(base, dict) and any(base.values()):
        value = " ".join(filter(None, (base["name"] or base["part_of"], base["digest"])))
        yield Fact(name="base", value=value, holds=entry.holds)
    yield Fact(name=str(entry.detail["kind"]), value=entry.what, holds=entry.holds)


def _has_statement(connection: Connection, digest: Digest) -> bool:
    table = schema.statement
    return connection.execute(select(table.c.digest).where(table.c.subject == digest).limit(1)).first() is not None


def _tags(connection: Connection, digest: Digest, seen: Sequence[str]) -> tuple[str, ...]:
    table = schema.tag
    rows = connection.execute(
        select(table.c.repository, table.c.name).where(table.c.digest == digest).limit(_MAX_NAMES)
    )
    return tuple(sorted(f"{row.repository}:{row.name}" for row in rows if row.repository in set(seen)))


def _texts(connection: Connection, table: Any, column: str, where: str, digest: Digest) -> tuple[str, ...]:
    query = select(table.c[column]).where(table.c[where] == digest).order_by(table.c[column]).limit(_MAX_NAMES)
    return tuple(connection.scalars(query))


def _workloads(connection: Connection, digest: Digest) -> Iterator[Mapping[str, str]]:
    for one in islice(running(connection, digest), _MAX_NAMES):
        yield {
            "workload": f"{one.cluster}/{one.namespace}/{one.kind}/{one.name}",
            "container": one.container,
            "owner": one.owner,
            "since": one.since.isoformat().replace("+00:00", "Z"),
        }


def _running(connection: Connection, digest: Digest) -> Iterator[Mapping[str, str]]:
    page = what_runs(connection, Asked(digest=digest, limit=_MAX_NAMES), now=system_clock())
    for one in page.runs:
        yield {
            "container": one.container.workload,
            "where": "/".join(filter(None, (one.node, one.container.host))),
            "by": one.by,
            "since": rfc3339(one.since),
        }


def _first(connection: Connection, query: Select[Any]) -> Mapping[str, Any] | None:
    row = connection.execute(query).mappings().first()
    return dict(row) if row is not None else None
