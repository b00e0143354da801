# SPDX-License-Identifier: Apache-2.0
"""Which digest runs where: the record that tells, when an image is recalled, whom it concerns."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, delete, insert, select

from tidegate.artifact import Digest
from tidegate.clock import parse_rfc3339, rfc3339
from tidegate.execution.workload import Workload
from tidegate.storage.schema import placement


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


def place(connection: Connection, workload: Workload, digests: Mapping[str, Digest | None], at: datetime) -> None:
    """Records a workload as it runs from now on; containers it no longer has are forgotten.

    Saying the same again changes nothing: a container keeps the moment it first ran that digest.

    Args:
        connection: in a transaction of the caller's.
        workload: what was admitted.
        digests: of its images by container name; containers without one are not recorded.
        at: now, aware.
    """
    known = {row.container: row for row in _of(connection, workload)}
    remove(connection, workload)
    rows = []
    for container in workload.containers:
        digest = digests.get(container.name)
        if digest is None:
            continue
        before = known.get(container.name)
        since = before.since if before and before.digest == digest else at
        rows.append(
            _key(workload)
            | {
                "container": container.name,
                "digest": str(digest),
                "reference": str(container.image),
                "owner": workload.owner,
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
    result = connection.execute(delete(placement).where(_is(workload)))
    return bool(result.rowcount)


def _of(connection: Connection, workload: Workload) -> Iterator[Placement]:
    rows = connection.execute(select(placement).where(_is(workload))).mappings()
    return map(_placement, rows)


def _is(workload: Workload) -> ColumnElement[bool]:
    return and_(*(placement.c[name] == value for name, value in _key(workload).items()))


def _key(workload: Workload) -> dict[str, str]:
    return {
        "cluster": workload.cluster,
        "namespace": workload.namespace,
        "kind": workload.kind,
        "name": workload.name,
    }


def _placement(row: RowMapping) -> Placement:
    return Placement(
        **{name: row[name] for name in ("cluster", "namespace", "kind", "name", "container", "reference", "owner")},
        digest=Digest(row["digest"]),
        since=parse_rfc3339(row["since"]),
    )
