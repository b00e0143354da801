# SPDX-License-Identifier: Apache-2.0
"""Which image runs where, since when, by whom and under which decision: over nodes and clusters, now and before.

A container that its node and its cluster both tell of is one: the cluster's word, with the node's beside it.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Subquery,
    and_,
    exists,
    literal,
    or_,
    select,
    tuple_,
    union,
    union_all,
)

from tidegate.clock import parse_rfc3339, rfc3339
from tidegate.errors import InvalidInputError
from tidegate.execution.container_record import container_of
from tidegate.execution.observation import Container
from tidegate.execution.report import MAX_LABELS, NodeKind, Owner
from tidegate.execution.standing import ROGUE, Standing, is_swapped, named, ranks, standing_of
from tidegate.storage import schema
from tidegate.storage.node_schema import container_past, node, node_container
from tidegate.values import Struct
from tidegate.wire import from_json

MAX_RUNS: Final = 1000
"""Of one page."""
_MAX_LABEL_BYTES: Final = MAX_LABELS * 2048
_COLUMNS: Final = tuple(column.name for column in container_past.c if column.name not in {"until", "number"})


class Asked(Struct, frozen=True, kw_only=True):
    """What is asked; all that is given must fit.

    Attributes:
        digest: of a manifest, an index and what is in it, or a configuration.
        repository: on the shelf, or as the container's image is called.
        node: a node, as its sensor or its cluster calls it, or a cluster.
        standings: one of these; empty for any.
        rogue: never admitted, not admitted any more, or another image than its pod pins.
        at: what ran then, not what runs now.
        past: what ran and does not any more.
        after: the cursor of the page before.
    """

    digest: str = ""
    repository: str = ""
    namespace: str = ""
    node: str = ""
    standings: frozenset[Standing] = frozenset()
    rogue: bool = False
    at: datetime | None = None
    past: bool = False
    after: str = ""
    limit: int = 100


class SeenBy(Struct, frozen=True, kw_only=True):
    """Whose word it is, and which image they say it runs."""

    node: str
    kind: NodeKind
    digest: str
    config: str


class Run(Struct, frozen=True, kw_only=True):
    """A container that runs, or ran.

    Attributes:
        node: who tells of it: a node, or a cluster.
        container: with its image, its pod and who started it.
        until: when it ended, RFC 3339; "" while it runs.
        standing: of its image, now.
        decision: the envelope that its image's state rests on; "" without one.
        expires_at: when that ends.
        by: who had its workload placed, where an admission is on record; who started it, where not.
        pinned: digest its pod's spec names; `is_swapped`: it runs another.
        glass: the glass was broken for it, its pod says.
        seen_by: everybody who tells of it.
    """

    node: str
    container: Container
    owner: Owner
    labels: Mapping[str, str]
    since: datetime
    until: str
    standing: Standing
    decision: str
    expires_at: str
    by: str
    pinned: str
    is_swapped: bool
    glass: bool
    seen_by: tuple[SeenBy, ...]


class Page(Struct, frozen=True, kw_only=True):
    """Some of them, by node and id; `after` is the cursor of what follows, "" at the end."""

    runs: tuple[Run, ...]
    after: str


def what_runs(connection: Connection, asked: Asked, *, now: datetime) -> Page:
    """A page of what runs, or ran.

    Raises:
        InvalidInputError: no cursor, or no number of a page.
    """
    if not 1 <= asked.limit <= MAX_RUNS:
        raise InvalidInputError(f"a page has 1 to {MAX_RUNS} lines")
    rows = _rows(asked)
    place = tuple_(rows.c.node, rows.c.id, rows.c.since)
    query = (
        select(rows, standing_of(rows.c, now).label("rank"), is_swapped(rows.c).label("swapped"))
        .where(*_conditions(rows, asked, now))
        .order_by(rows.c.node, rows.c.id, rows.c.since)
        .limit(asked.limit + 1)
    )
    if asked.after:
        query = query.where(place > tuple_(*map(literal, _cursor(asked.after))))
    found = [dict(row) for row in connection.execute(query).mappings()]
    page, more = found[: asked.limit], len(found) > asked.limit
    after = "|".join(str(page[-1][name]) for name in ("node", "id", "since")) if more else ""
    return Page(runs=tuple(_runs(connection, page)), after=after)


def _rows(asked: Asked) -> Subquery:
    """What runs, what ran, or both, each container once."""
    now = select(*(node_container.c[name] for name in _COLUMNS), literal("").label("until"))
    before = select(*(container_past.c[name] for name in _COLUMNS), container_past.c.until)
    if asked.at is None:
        chosen = [_not_told_twice(before, container_past) if asked.past else _not_told_twice(now, node_container)]
    else:
        moment = rfc3339(asked.at)
        ran = (container_past.c.since <= moment) & (container_past.c.until > moment)
        chosen = [
            _not_told_twice(now.where(node_container.c.since <= moment), node_container),
            _not_told_twice(before.where(ran), container_past),
        ]
    return union_all(*chosen).subquery("run")


def _not_told_twice(query: Any, table: Any) -> Any:
    other, teller = table.alias(), node.alias()
    is_clusters = (teller.c.name == other.c.node) & (teller.c.kind == NodeKind.CLUSTER.value)
    better = (
        select(other.c.id).join(teller, is_clusters).where((other.c.id == table.c.id) & (other.c.node != table.c.node))
    )
    mine = select(node.c.name).where((node.c.name == table.c.node) & (node.c.kind == NodeKind.CLUSTER.value))
    return query.where(or_(exists(mine), ~exists(better)))


def _conditions(rows: Subquery, asked: Asked, now: datetime) -> Iterator[ColumnElement[bool]]:
    if asked.digest:
        yield rows.c.id.in_(_running_of(asked.digest))
    if asked.repository:
        yield _is_of(rows, asked.repository)
    if asked.namespace:
        yield rows.c.namespace == asked.namespace
    if asked.node:
        yield or_(rows.c.node == asked.node, rows.c.host == asked.node)
    if asked.standings:
        yield standing_of(rows.c, now).in_(ranks(asked.standings))
    if asked.rogue:
        yield or_(standing_of(rows.c, now).in_(ranks(ROGUE)), is_swapped(rows.c))


def _running_of(digest: str) -> CompoundSelect[Any]:
    """Ids of what runs, or ran, a manifest, an index or what is in it, or a configuration; found by their indexes."""
    blob, child = schema.manifest_blob, schema.manifest_child
    children = select(child.c.child).where(child.c.parent == digest)
    manifests = union(select(literal(digest)), children)
    contents = union(select(literal(digest)), select(blob.c.blob).where(blob.c.manifest.in_(manifests)))
    return union(
        *(
            select(table.c.id).where(column.in_(wanted), column != "")
            for table in (node_container, container_past)
            for column, wanted in ((table.c.digest, manifests), (table.c.config, contents))
        )
    )


def _is_of(rows: Subquery, repository: str) -> ColumnElement[bool]:
    held, blob = schema.repository_manifest, schema.manifest_blob
    manifests = select(held.c.digest).where(held.c.repository == repository)
    contents = select(blob.c.blob).where(blob.c.manifest.in_(manifests))
    called = [
        test
        for mark in ("@", ":")
        for test in (
            rows.c.image.startswith(f"{repository}{mark}", autoescape=True),
            rows.c.image.contains(f"/{repository}{mark}", autoescape=True),
        )
    ]
    exact = [rows.c.image == repository, rows.c.image.endswith(f"/{repository}", autoescape=True)]
    return or_(rows.c.digest.in_(manifests), and_(rows.c.config != "", rows.c.config.in_(contents)), *called, *exact)


def _cursor(text: str) -> tuple[str, str, str]:
    parts = text.split("|")
    if len(parts) != 3:  # noqa: PLR2004 - node, id, since
        raise InvalidInputError("no cursor of a page", where=text[:80])
    return (parts[0], parts[1], parts[2])


def _runs(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> Iterator[Run]:
    decisions = _decisions(connection, rows)
    seen = _seen_by(connection, rows)
    placed = _placed_by(connection, rows)
    for row in rows:
        key = (row["node"], row["namespace"], row["owner_kind"], row["owner"])
        decision, expires_at = decisions.get(row["digest"]) or decisions.get(row["config"]) or ("", "")
        yield Run(
            node=row["node"],
            container=container_of(row),
            owner=Owner(kind=row["owner_kind"], name=row["owner"]),
            labels=from_json(row["labels"].encode(), dict[str, str], what="labels", max_bytes=_MAX_LABEL_BYTES),
            since=parse_rfc3339(row["since"]),
            until=row["until"],
            standing=named(row["rank"]),
            decision=decision,
            expires_at=expires_at,
            by=placed.get(key) or row["starter"],
            pinned=row["pinned"],
            is_swapped=bool(row["swapped"]),
            glass=bool(row["glass"]),
            seen_by=tuple(seen.get(row["id"], ())),
        )


def _decisions(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> Mapping[str, tuple[str, str]]:
    """What the states of these images rest on, by digest of manifest or configuration."""
    state, blob = schema.state, schema.manifest_blob
    digests = {row["digest"] for row in rows} - {""}
    configs = {row["config"] for row in rows} - {""}
    by_content = (
        select(blob.c.blob, state.c.decision, state.c.expires_at)
        .join(state, state.c.digest == blob.c.manifest)
        .where(blob.c.blob.in_(sorted(configs)))
        .order_by(state.c.digest)
    )
    own = select(state.c.digest, state.c.decision, state.c.expires_at).where(state.c.digest.in_(sorted(digests)))
    found = {name: (decision, expires) for name, decision, expires in connection.execute(by_content)}
    return found | {name: (decision, expires) for name, decision, expires in connection.execute(own)}


def _seen_by(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> Mapping[str, list[SeenBy]]:
    found: dict[str, list[SeenBy]] = {}
    ids = sorted({row["id"] for row in rows})
    query = (
        select(node_container.c.id, node_container.c.digest, node_container.c.config, node.c.name, node.c.kind)
        .join(node, node.c.name == node_container.c.node)
        .where(node_container.c.id.in_(ids))
        .order_by(node.c.name)
    )
    for row in connection.execute(query):
        one = SeenBy(node=row.name, kind=NodeKind(row.kind), digest=row.digest, config=row.config)
        found.setdefault(row.id, []).append(one)
    return found


def _placed_by(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> Mapping[tuple[str, str, str, str], str]:
    """Who had these workloads placed, as the webhook of their cluster was told."""
    placement = schema.placement
    where = sorted({(row["node"], row["namespace"], row["owner_kind"], row["owner"]) for row in rows if row["owner"]})
    place = tuple_(placement.c.cluster, placement.c.namespace, placement.c.kind, placement.c.name)
    query = select(
        placement.c.cluster, placement.c.namespace, placement.c.kind, placement.c.name, placement.c.placed_by
    ).where(place.in_(where))
    return {(row[0], row[1], row[2], row[3]): row[4] for row in connection.execute(query)} if where else {}
