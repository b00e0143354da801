# SPDX-License-Identifier: Apache-2.0
"""What runs, workload by workload: what clusters and nodes tell, and what was admitted where nobody tells."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Select, select

from tidegate.artifact import Digest, Reference
from tidegate.clock import parse_rfc3339, rfc3339
from tidegate.errors import InvalidInputError
from tidegate.execution.updates.known import Runs
from tidegate.storage.node_schema import node, node_container
from tidegate.storage.schema import manifest_blob, manifest_child, placement, repository_manifest, tag
from tidegate.values import replace

CLUSTER: Final = "cluster"
MAX_RUNNING: Final = 100_000
_AT_ONCE: Final = 500


def running_images_of(connection: Connection, repositories: Collection[str] | None = None) -> list[Runs]:
    """Containers that run images of repositories, or all of them, once for each workload and image, in order.

    Args:
        connection: for reading.
        repositories: whose images; found by one join from them to what runs.
    """
    held = repository_manifest
    wanted: Any = None
    if repositories is not None:
        wanted = select(held.c.digest).where(held.c.repository.in_(sorted(repositories)))
    told = _as_indexes(connection, list(_of_inventory(connection, wanted)))
    clusters = set(connection.scalars(select(node.c.name).where(node.c.kind == CLUSTER)))
    placed = [one for one in _of_placements(connection, wanted) if one.cluster not in clusters]
    return _without_pods_of(placed, _once([*told, *placed]))


def running_at(connection: Connection, cluster: str, namespace: str, kind: str, name: str) -> list[Runs]:
    """Containers of one workload."""
    query = select(placement).where(
        placement.c.cluster == cluster,
        placement.c.namespace == namespace,
        placement.c.kind == kind,
        placement.c.name == name,
    )
    return _once(_placed(connection.execute(query).mappings()))


def repositories_since(connection: Connection, moment: datetime) -> set[str]:
    """Repositories of what nodes and clusters began to run since a moment."""
    table, held = node_container, repository_manifest
    by_digest = select(held.c.repository).join(table, table.c.digest == held.c.digest)
    by_config = (
        select(held.c.repository)
        .join(manifest_blob, manifest_blob.c.manifest == held.c.digest)
        .join(table, table.c.config == manifest_blob.c.blob)
    )
    came = table.c.since >= rfc3339(moment)
    return set(connection.scalars(by_digest.where(came).union(by_config.where(came, table.c.digest == ""))))


def _of_placements(connection: Connection, wanted: Any) -> Iterator[Runs]:
    query = select(placement).limit(MAX_RUNNING)
    if wanted is not None:
        query = query.where(placement.c.digest.in_(wanted))
    return _placed(connection.execute(query).mappings())


def _placed(rows: Iterable[Any]) -> Iterator[Runs]:
    for row in rows:
        place = {name: row[name] for name in ("cluster", "namespace", "kind", "name", "container", "owner")}
        yield from _runs(row["reference"], row["digest"], row["since"], place)


def _of_inventory(connection: Connection, wanted: Any) -> Iterator[Runs]:
    table = node_container
    query: Select[Any] = select(table, node.c.kind.label("of_kind")).join(node, node.c.name == table.c.node)
    query = query.limit(MAX_RUNNING)
    if wanted is not None:
        # A runtime may know the configuration's digest alone.
        configured = select(manifest_blob.c.blob).where(manifest_blob.c.manifest.in_(wanted))
        query = query.where(table.c.digest.in_(wanted) | table.c.config.in_(configured))
    # A container that its node and its cluster both tell of is one: the cluster knows its workload.
    told = table.alias()
    teller = select(node.c.name).where(node.c.kind == CLUSTER)
    by_cluster = select(told.c.id).where(told.c.node.in_(teller))
    query = query.where((node.c.kind == CLUSTER) | table.c.id.not_in(by_cluster))
    for row in connection.execute(query).mappings():
        if row["owner_kind"]:
            kind, name = row["owner_kind"], row["owner"]
        else:
            kind, name = ("Pod", row["pod"]) if row["pod"] else ("Container", row["name"])
        place = {
            "cluster": row["node"],
            "namespace": row["namespace"],
            "kind": kind,
            "name": name,
            "container": row["name"],
        }
        # What its pod's spec pins is one digest on every platform.
        digest = row["pinned"] or row["digest"] or _manifest_of(connection, row["config"])
        yield from _runs(row["image"], digest, row["since"], place)


def _manifest_of(connection: Connection, config: str) -> str:
    query = select(manifest_blob.c.manifest).where(manifest_blob.c.blob == config).limit(1)
    return str(connection.scalar(query) or "") if config else ""


def _as_indexes(connection: Connection, found: list[Runs]) -> list[Runs]:
    """With the index in the place of its image of one platform: that is what a tag means, and what is proposed."""
    digests = sorted({one.digest for one in found if one.digest})
    parents: dict[str, set[str]] = {}
    names: dict[str, set[str]] = {}
    for start in range(0, len(digests), _AT_ONCE):
        some = digests[start : start + _AT_ONCE]
        query = select(manifest_child.c.child, manifest_child.c.parent, tag.c.name)
        query = query.outerjoin(tag, tag.c.digest == manifest_child.c.parent).where(manifest_child.c.child.in_(some))
        for row in connection.execute(query):
            parents.setdefault(row.child, set()).add(row.parent)
            names.setdefault(row.parent, set()).add(row.name or "")
    made = []
    for one in found:
        above = parents.get(one.digest or "", set())
        meant = sorted(above, key=lambda parent, own=one: (own.tag not in names[parent], parent))  # type: ignore[misc] # likewise
        made.append(replace(one, digest=Digest(meant[0])) if meant else one)
    return made


def _runs(image: str, digest: str, since: str, place: dict[str, str]) -> Iterator[Runs]:
    try:
        named = Reference.parse(image)
        known = Digest(digest) if digest else named.digest
    except InvalidInputError:
        return
    yield Runs(
        **place,
        registry=named.registry,
        repository=named.repository,
        tag=named.tag,
        digest=known,
        since=parse_rfc3339(since),
    )


def _once(found: Iterable[Runs]) -> list[Runs]:
    """One for each container of a workload and image, with the first moment."""
    first: dict[tuple[str, ...], Runs] = {}
    for one in found:
        key = (one.cluster, one.namespace, one.kind, one.name, one.container, one.digest or "")
        before = first.get(key)
        if before is None or (one.since and before.since and one.since < before.since):
            first[key] = one
    return [first[key] for key in sorted(first)]


def _without_pods_of(placed: list[Runs], found: list[Runs]) -> list[Runs]:
    """Without pods a node tells of, where their workload is on record itself."""
    names = {(one.namespace, one.container, one.name) for one in placed}

    def is_placed(one: Runs) -> bool:
        parts = one.name.split("-")
        starts = ("-".join(parts[:end]) for end in range(1, len(parts)))
        return one.kind == "Pod" and any((one.namespace, one.container, start) in names for start in starts)

    return [one for one in found if not is_placed(one)]
