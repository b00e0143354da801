# SPDX-License-Identifier: Apache-2.0
"""Tenants: who owns which repositories, how much they may have, and how much they use."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, delete, func, insert, literal, or_, select, update

from tidegate.artifact import Repository
from tidegate.clock import rfc3339
from tidegate.errors import InvalidInputError, NotFoundError, UsageError
from tidegate.events import Event, EventKind
from tidegate.storage.identity_schema import tenant, tenant_blob, tenant_prefix, tenant_repository
from tidegate.storage.insert import insert_once
from tidegate.storage.lock_order import Rank, taking
from tidegate.storage.outbox import publish
from tidegate.storage.schema import blob, repository_blob, repository_manifest
from tidegate.values import Struct

MAX_PREFIXES: Final = 100
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_MOST: Final = 1 << 62


class Quota(Struct, frozen=True, kw_only=True):
    """How much a tenant may have; 0 for as much as it wants.

    Attributes:
        bytes: of blobs, each counted once.
    """

    bytes: int = 0
    repositories: int = 0
    manifests: int = 0


class Tenant(Struct, frozen=True, kw_only=True):
    """A tenant, and what it uses."""

    name: str
    prefixes: tuple[str, ...]
    quota: Quota
    used: Quota
    created_at: str
    created_by: str


def create(
    connection: Connection, name: str, prefixes: Iterable[str], quota: Quota, *, by: str, at: datetime
) -> Tenant:
    """Adds a tenant, and counts what lies under its prefixes already; the cost follows that.

    Raises:
        InvalidInputError: the name, a prefix or a quota is none.
        UsageError: the name is taken, or a prefix lies within another tenant's or the other way round.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInputError(f"not a tenant's name: {name[:80]!r}", remedy="use lower-case letters, digits and -")
    _check(quota)
    used = {"used_bytes": 0, "used_repositories": 0, "used_manifests": 0}
    values = {**_limits(quota), **used, "created_at": rfc3339(at), "created_by": by}
    if not insert_once(connection, tenant, name=name, **values):
        raise UsageError("there is such a tenant already", where=name)
    wanted = sorted({Repository(prefix.rstrip("/")) for prefix in prefixes})
    if not 0 < len(wanted) <= MAX_PREFIXES:
        raise InvalidInputError(f"a tenant owns 1 to {MAX_PREFIXES} prefixes of repositories", where=name)
    for prefix in wanted:
        _own(connection, name, prefix)
    recount(connection, name)
    return _told(connection, EventKind.TENANT_CREATED, name, by=by, at=at)


def limit(connection: Connection, name: str, quota: Quota, *, by: str, at: datetime) -> Tenant:
    """Gives a tenant another quota; what is over it stays, and nothing more comes.

    Raises:
        NotFoundError: no such tenant.
        InvalidInputError: the quota is none.
    """
    _check(quota)
    taking(connection, Rank.QUOTA, [name])
    if not connection.execute(update(tenant).where(tenant.c.name == name).values(**_limits(quota))).rowcount:
        raise NotFoundError("no such tenant", where=name)
    return _told(connection, EventKind.TENANT_CHANGED, name, by=by, at=at)


def remove(connection: Connection, name: str, *, by: str, at: datetime) -> None:
    """Removes a tenant; its repositories stay, and belong to nobody.

    Raises:
        NotFoundError: no such tenant.
    """
    _hold(connection, name)
    _told(connection, EventKind.TENANT_REMOVED, name, by=by, at=at)
    for table in (tenant_blob, tenant_repository, tenant_prefix):
        connection.execute(delete(table).where(table.c.tenant == name))
    connection.execute(delete(tenant).where(tenant.c.name == name))


def find(connection: Connection, name: str) -> Tenant:
    """One tenant.

    Raises:
        NotFoundError: there is none of this name.
    """
    row = connection.execute(select(tenant).where(tenant.c.name == name)).first()
    if row is None:
        raise NotFoundError("no such tenant", where=name[:80])
    return _tenant(connection, row)


def list_tenants(connection: Connection) -> Sequence[Tenant]:
    """All tenants, by name."""
    return [_tenant(connection, row) for row in connection.execute(select(tenant).order_by(tenant.c.name)).all()]


def recount(connection: Connection, name: str) -> Tenant:
    """Counts all that a tenant has anew; the cost follows that. Nothing of it may change meanwhile, so others wait.

    Raises:
        NotFoundError: no such tenant.
    """
    _hold(connection, name)
    prefixes = find(connection, name).prefixes
    for table in (tenant_blob, tenant_repository):
        connection.execute(delete(table).where(table.c.tenant == name))
    blobs = (
        select(literal(name), blob.c.digest, blob.c.size, func.count())
        .join(repository_blob, repository_blob.c.digest == blob.c.digest)
        .where(_under(repository_blob.c.repository, prefixes))
        .group_by(blob.c.digest, blob.c.size)
    )
    manifests = (
        select(literal(name), repository_manifest.c.repository, func.count())
        .where(_under(repository_manifest.c.repository, prefixes))
        .group_by(repository_manifest.c.repository)
    )
    connection.execute(insert(tenant_blob).from_select(["tenant", "digest", "size", "holders"], blobs))
    connection.execute(insert(tenant_repository).from_select(["tenant", "repository", "manifests"], manifests))
    used = {
        "used_bytes": _sum(connection, tenant_blob, tenant_blob.c.size, name),
        "used_manifests": _sum(connection, tenant_repository, tenant_repository.c.manifests, name),
        "used_repositories": connection.scalar(
            select(func.count()).select_from(tenant_repository).where(tenant_repository.c.tenant == name)
        ),
    }
    connection.execute(update(tenant).where(tenant.c.name == name).values(**used))
    return find(connection, name)


def _hold(connection: Connection, name: str) -> None:
    """Keeps everybody else from what a tenant uses; before its rows of blobs and repositories are touched."""
    taking(connection, Rank.QUOTA, [name])
    connection.execute(select(tenant.c.name).where(tenant.c.name == name).with_for_update())


def _own(connection: Connection, name: str, prefix: str) -> None:
    parts = prefix.split("/")
    above = ["/".join(parts[: end + 1]) for end in range(len(parts))]
    within = or_(tenant_prefix.c.prefix.in_(above), _under(tenant_prefix.c.prefix, [prefix]))
    other = connection.execute(select(tenant_prefix).where(within)).first()
    if other is not None:
        raise UsageError(f"{other.prefix} is tenant {other.tenant}'s", where=prefix, remedy="prefixes do not overlap")
    connection.execute(insert(tenant_prefix).values(prefix=prefix, tenant=name))


def _under(column: ColumnElement[str], prefixes: Iterable[str]) -> ColumnElement[bool]:
    return or_(*(or_(column == prefix, column.startswith(f"{prefix}/", autoescape=True)) for prefix in prefixes))


def _sum(connection: Connection, table: Any, column: ColumnElement[int], name: str) -> int:
    return int(connection.scalar(select(func.sum(column)).where(table.c.tenant == name)) or 0)


def _check(quota: Quota) -> None:
    if not all(0 <= value <= _MOST for value in (quota.bytes, quota.repositories, quota.manifests)):
        raise InvalidInputError("a quota below zero, or too large", remedy="0 is for no limit")


def _limits(quota: Quota) -> dict[str, int]:
    return {
        "max_bytes": quota.bytes,
        "max_repositories": quota.repositories,
        "max_manifests": quota.manifests,
    }


def _told(connection: Connection, kind: EventKind, name: str, *, by: str, at: datetime) -> Tenant:
    found = find(connection, name)
    data = {"tenant": name, "prefixes": list(found.prefixes), "bytes": found.quota.bytes, "by": by}
    publish(connection, Event(id=uuid4().hex, kind=kind, subject=name, time=at, data=data))
    return found


def _tenant(connection: Connection, row: Any) -> Tenant:
    query = select(tenant_prefix.c.prefix).where(tenant_prefix.c.tenant == row.name).order_by(tenant_prefix.c.prefix)
    return Tenant(
        name=row.name,
        prefixes=tuple(connection.scalars(query)),
        quota=Quota(bytes=row.max_bytes, repositories=row.max_repositories, manifests=row.max_manifests),
        used=Quota(bytes=row.used_bytes, repositories=row.used_repositories, manifests=row.used_manifests),
        created_at=row.created_at,
        created_by=row.created_by,
    )
