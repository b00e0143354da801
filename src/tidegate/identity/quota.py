# SPDX-License-Identifier: Apache-2.0
"""What tenants use, counted in the transaction that changes it, and refused there when it is over their quota.

A blob counts once for a tenant, however many of its repositories hold it. The cost follows what is changed. The
counts are touched as the first of a transaction's last parts, in the order of names: no two wait for each other.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Table, bindparam, delete, select, update

from tidegate.errors import RefusedError
from tidegate.storage.database import first_at_commit
from tidegate.storage.identity_schema import tenant, tenant_blob, tenant_prefix, tenant_repository
from tidegate.storage.insert import insert_once
from tidegate.storage.lock_order import Rank, taking

OWN_HAND: Final = "tidegate"
"""By whom things are done that the server does by itself, alone or before a slash; no user has such a name."""
# Built once: building a query takes longer than running it, and every upload runs it twice.
_OWNER: Final = (
    select(tenant_prefix.c.tenant).where(tenant_prefix.c.prefix.in_(bindparam("prefixes", expanding=True))).limit(1)
)


class QuotaExceededError(RefusedError):
    """A tenant would use more than it may.

    Args:
        name: of the tenant.
        unit: `bytes`, `repositories` or `manifests`.
        most: how many it may have.
    """

    def __init__(self, name: str, unit: str, most: int) -> None:
        super().__init__(
            f"tenant {name} may have {most} {unit} and no more", remedy="delete what is not needed, or ask for more"
        )
        self.tenant = name
        self.unit = unit
        self.most = most


def blob_held(connection: Connection, repository: str, digest: str, size: int, *, by: str) -> None:
    """A repository holds a blob from now on; checked when the transaction ends.

    What the server itself hangs on images is counted, and never refused: evidence does not wait for room.

    Args:
        connection: inside a transaction that writes.
        repository: which holds it.
        digest: of the blob.
        size: of the blob, in bytes.
        by: whose doing it is.

    Raises:
        QuotaExceededError: then.
    """
    account = _account(connection)
    account.blobs.append((repository, digest, size, 1))
    account.is_bound |= not _is_own_hand(by)


def blob_let_go(connection: Connection, repository: str, digest: str) -> None:
    """A repository holds a blob no longer."""
    _account(connection).blobs.append((repository, digest, 0, -1))


def manifest_held(connection: Connection, repository: str, *, by: str) -> None:
    """A repository holds one manifest more; checked when the transaction ends, as `blob_held`.

    Raises:
        QuotaExceededError: then.
    """
    account = _account(connection)
    account.manifests.append((repository, 1))
    account.is_bound |= not _is_own_hand(by)


def manifest_let_go(connection: Connection, repository: str) -> None:
    """A repository holds one manifest less."""
    _account(connection).manifests.append((repository, -1))


def refuse_when_full(connection: Connection, repository: str) -> bool:
    """Lets an upload begin, if there is any room for it.

    Returns:
        True when a tenant owns the repository; others have all the room there is.

    Raises:
        QuotaExceededError: there is none.
    """
    name = owner_of(connection, repository)
    if name is None:
        return False
    row = connection.execute(select(tenant).where(tenant.c.name == name)).first()
    if row is not None and row.max_bytes and row.used_bytes >= row.max_bytes:
        raise QuotaExceededError(name, "bytes", row.max_bytes)
    return True


def owner_of(connection: Connection, repository: str) -> str | None:
    """The tenant that owns a repository; None for nobody."""
    parts = repository.split("/")
    prefixes = ["/".join(parts[: end + 1]) for end in range(len(parts))]
    found = connection.scalar(_OWNER, {"prefixes": prefixes})
    return None if found is None else str(found)


@dataclass(slots=True)
class Account:
    """What a transaction changes, put on record when it ends.

    Attributes:
        is_bound: by a quota: somebody else than the server has a hand in it.
    """

    connection: Connection
    blobs: list[tuple[str, str, int, int]] = field(default_factory=list)
    manifests: list[tuple[str, int]] = field(default_factory=list)
    is_bound: bool = False

    def __call__(self) -> None:
        """Counts, and refuses what is over a quota."""
        owners = {name: owner_of(self.connection, name) for name in sorted(set(self._repositories()))}
        changes: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for name in sorted({owner for owner in owners.values() if owner}):
            taking(self.connection, Rank.QUOTA, [name])
            # Locked first, so that the rows below have one writer at a time.
            held = select(tenant.c.name).where(tenant.c.name == name).with_for_update()
            if self.connection.scalar(held) is None:  # removed since it was looked up
                owners = {repository: owner for repository, owner in owners.items() if owner != name}
        for repository, digest, size, by in self.blobs:
            if owner := owners.get(repository):
                changes[owner]["bytes"] += _count_blob(self.connection, owner, digest, size, by)
        for repository, by in self.manifests:
            if owner := owners.get(repository):
                changes[owner]["repositories"] += _count_manifest(self.connection, owner, repository, by)
                changes[owner]["manifests"] += by
        for owner in sorted(changes):
            _add(self.connection, owner, changes[owner], is_bound=self.is_bound)

    def _repositories(self) -> Iterator[str]:
        yield from (entry[0] for entry in self.blobs)
        yield from (entry[0] for entry in self.manifests)


def _account(connection: Connection) -> Account:
    return first_at_commit(connection, lambda: Account(connection))


def _count_blob(connection: Connection, owner: str, digest: str, size: int, by: int) -> int:
    """Returns by how many bytes the tenant has more."""
    table = tenant_blob
    here = (table.c.tenant == owner) & (table.c.digest == digest)
    if by > 0 and insert_once(connection, table, tenant=owner, digest=digest, size=size, holders=1):
        return size
    return _moved(connection, table, here, "holders", by)


def _count_manifest(connection: Connection, owner: str, repository: str, by: int) -> int:
    """Returns by how many repositories the tenant has more."""
    table = tenant_repository
    here = (table.c.tenant == owner) & (table.c.repository == repository)
    if by > 0 and insert_once(connection, table, tenant=owner, repository=repository, manifests=1):
        return 1
    return _moved(connection, table, here, "manifests", by)


def _moved(connection: Connection, table: Table, here: Any, column: str, by: int) -> int:
    """Moves a count; a row whose count is gone goes too. Returns what the tenant has less, below zero, or 0."""
    row = connection.execute(select(table).where(here)).first()
    if row is None:  # from before the tenant was there
        return 0
    left = getattr(row, column) + by
    if left > 0:
        connection.execute(update(table).where(here).values({column: left}))
        return 0
    connection.execute(delete(table).where(here))
    return -row.size if table is tenant_blob else -1


def _is_own_hand(by: str) -> bool:
    return by == OWN_HAND or by.startswith(f"{OWN_HAND}/")


def _add(connection: Connection, owner: str, changed: dict[str, int], *, is_bound: bool) -> None:
    row = connection.execute(select(tenant).where(tenant.c.name == owner)).one()
    values = {}
    for what, by in changed.items():
        most, used = getattr(row, f"max_{what}"), getattr(row, f"used_{what}") + by
        if is_bound and by > 0 and most and used > most:
            raise QuotaExceededError(owner, what, most)
        values[f"used_{what}"] = max(0, used)
    connection.execute(update(tenant).where(tenant.c.name == owner).values(**values))
