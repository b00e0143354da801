# SPDX-License-Identifier: Apache-2.0
"""Which digest runs where: the record that tells, when an image is recalled, whom it concerns."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, delete, insert, select

from tidegate.artifact import Digest
from tidegate.clock import parse_rfc3339, rfc3339
from tidegate.execution.workload import Workload
from tidegate.storage.schema import placement
from tidegate.values import Struct


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """One container of one workload, and the image it runs.

    Attributes:
        reference: as the manifest wrote it.
        owner: who answers for it; "" when nobody says.
        since: when this container was first placed with this digest.
    """

    cluster: str
    namespace: str
    kind: str
    name: str
    container: str
    digest: Digest
    reference: str
    owner: str
    since: datetime


class Place(Struct, frozen=True, kw_only=True):
    """What a workload is called, and where it runs."""

    cluster: str
    namespace: str
    kind: str
    name: str


class Placed(Struct, frozen=True, kw_only=True):
    """One container that is to be recorded: its image by digest, and as it was written."""

    container: str
    digest: Digest
    reference: str


def place(connection: Connection, workload: Workload, digests: Mapping[str, Digest | None], at: datetime) -> None:
    """Records a workload as it runs from now on; containers it no longer has are forgotten.

    Saying the same again changes nothing: a container keeps the moment it first ran that digest.

    Args:
        connection: in a transaction of the caller's.
        workload: what was admitted.
        digests: of its images by container name; containers without one are not recorded.
        at: now, aware.
    """
    found = [
        Placed(container=container.name, digest=digest, reference=str(container.image))
        for container in workload.containers
        if (digest := digests.get(container.name)) is not None
    ]
    place_containers(connection, _place(workload), found, owner=workload.owner, at=at)


def place_containers(
    connection: Connection, where: Place, containers: Sequence[Placed], *, owner: str, at: datetime, by: str = ""
) -> None:
    """As `place`, for a workload of which no more is known."""
    known = {row.container: row for row in _of(connection, where)}
    connection.execute(delete(placement).where(_is(where)))
    rows = []
    for one in containers:
        before = known.get(one.container)
        since = before.since if before and before.digest == one.digest else at
        rows.append(
            _key(where)
            | {
                "container": one.container,
                "digest": str(one.digest),
                "reference": one.reference,
                "owner": owner,
                "placed_by": by,
                "since": rfc3339(since),
            }
        )
    if rows:
        connection.execute(insert(placement), rows)


def running(connection: Connection, digest: Digest | None = None) -> tuple[Placement, ...]:
    """Where a digest runs, sorted by place; every placement when no digest is named."""
    query = select(placement).order_by(
        placement.c.cluster, placement.c.namespace, placement.c.kind, placement.c.name, placement.c.container
    )
    if digest is not None:
        query = query.where(placement.c.digest == str(digest))
    return tuple(_placement(row) for row in connection.execute(query).mappings())


def remove(connection: Connection, workload: Workload) -> bool:
    """Forgets a workload.

    Returns:
        True when it had been known.
    """
    result = connection.execute(delete(placement).where(_is(_place(workload))))
    return bool(result.rowcount)


def _place(workload: Workload) -> Place:
    return Place(cluster=workload.cluster, namespace=workload.namespace, kind=workload.kind, name=workload.name)


def _of(connection: Connection, where: Place) -> Iterator[Placement]:
    rows = connection.execute(select(placement).where(_is(where))).mappings()
    return map(_placement, rows)


def _is(where: Place) -> ColumnElement[bool]:
    return and_(*(placement.c[name] == value for name, value in _key(where).items()))


def _key(where: Place) -> dict[str, str]:
    return {"cluster": where.cluster, "namespace": where.namespace, "kind": where.kind, "name": where.name}


def _placement(row: RowMapping) -> Placement:
    return Placement(
        **{name: row[name] for name in ("cluster", "namespace", "kind", "name", "container", "reference", "owner")},
        digest=Digest(row["digest"]),
        since=parse_rfc3339(row["since"]),
    )
