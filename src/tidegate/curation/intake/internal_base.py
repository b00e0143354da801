# SPDX-License-Identifier: Apache-2.0
"""Internal bases: images of ours that others are built upon, renewed when their upstream moves, with their history.

    upstream moves ──► fetched, examined, admitted ──► [built by an outside builder] ──► current version
                                                                                          │
    the version before ◄── deprecated, pointing at the new one ───────────────────────────┘

A version without a builder is the upstream's image as it is, byte for byte, so that its signatures still hold; each has
a tag of its own, which no later version gets, and the base's own tag points to the current one.
"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from tidegate.artifact import Digest, Reference, Repository, Tag
from tidegate.clock import rfc3339
from tidegate.curation import tags
from tidegate.storage.intake_schema import base_version
from tidegate.storage.lock_order import Rank, taking
from tidegate.values import Struct

BUILDING: Final = "building"
CURRENT: Final = "current"
REPLACED: Final = "replaced"
_MAX_TAG_CHARS: Final = 100


class InternalBase(Struct, frozen=True, kw_only=True):
    """One base, as the intake file says it.

    Attributes:
        name: what its owner calls it.
        source: where it comes from.
        repository, tag: what it is called here.
        owner: who answers for it.
        is_built: an outside builder makes it of what the upstream has.
    """

    name: str
    source: Reference
    repository: Repository
    tag: Tag
    owner: str = ""
    is_built: bool = False

    @property
    def taken_as(self) -> Tag:
        """The tag the upstream's image is taken in under."""
        return Tag(f"upstream-{self.tag}") if self.is_built else self.tag


class BaseVersion(Struct, frozen=True, kw_only=True):
    """What a base was from a moment on.

    Attributes:
        state: building, current or replaced.
        tag: its own.
        upstream_digest: what it was made of.
        digest: what it is; "" while it is being built.
        since: RFC 3339.
        why: what made it.
    """

    base: str
    number: int
    state: str
    repository: str
    tag: str
    upstream_digest: str
    digest: str
    since: str
    why: str


def versions_of(connection: Connection, base: str, *, limit: int = 100) -> list[BaseVersion]:
    """The versions of a base, newest first."""
    query = select(base_version).where(base_version.c.base == base).order_by(base_version.c.number.desc()).limit(limit)
    return [BaseVersion(**row) for row in connection.execute(query).mappings()]


def version_being_built(connection: Connection, names: set[tuple[Repository, Tag]]) -> BaseVersion | None:
    """The version that waits for one of these tags; None when none does."""
    for repository, tag in sorted(names):
        query = select(base_version).where(
            base_version.c.repository == repository, base_version.c.tag == tag, base_version.c.state == BUILDING
        )
        row = connection.execute(query).mappings().first()
        if row is not None:
            return BaseVersion(**row)
    return None


def add_version(
    connection: Connection, base: InternalBase, upstream_digest: Digest, *, state: str, at: datetime
) -> BaseVersion | None:
    """Adds a version in the caller's transaction; None when the newest is made of the same."""
    taking(connection, Rank.WORK, [f"base {base.name}"])
    known = versions_of(connection, base.name, limit=1)
    if known and known[0].upstream_digest == upstream_digest:
        return None
    version = BaseVersion(
        base=base.name,
        number=known[0].number + 1 if known else 1,
        state=state,
        repository=base.repository,
        tag=_own_tag(connection, base, at),
        upstream_digest=upstream_digest,
        digest="" if state == BUILDING else upstream_digest,
        since=rfc3339(at),
        why=f"{base.source} means {upstream_digest}",
    )
    connection.execute(insert(base_version).values(_row(version)))
    return version


def hold_base(connection: Connection, base: str) -> None:
    """Keeps the versions of a base from everybody else until the transaction ends; before anything else is held."""
    taking(connection, Rank.WORK, [f"base {base}"])
    query = select(base_version.c.number).where(base_version.c.base == base).order_by(base_version.c.number)
    connection.execute(query.with_for_update()).all()


def set_state(connection: Connection, version: BaseVersion, state: str, *, digest: str) -> None:
    """Changes a version, in the caller's transaction."""
    taking(connection, Rank.WORK, [f"base {version.base}"])
    here = (base_version.c.base == version.base) & (base_version.c.number == version.number)
    connection.execute(update(base_version).where(here).values(state=state, digest=digest))


def _own_tag(connection: Connection, base: InternalBase, at: datetime) -> str:
    """The base's tag with the day, and a number from the second of a day on."""
    stem = f"{base.tag[:_MAX_TAG_CHARS]}-{at:%Y%m%d}"
    number = 1
    while True:
        tag = Tag(stem if number == 1 else f"{stem}.{number}")
        taken = connection.scalar(
            select(base_version.c.tag).where(base_version.c.repository == base.repository, base_version.c.tag == tag)
        )
        if taken is None and tags.resolve(connection, base.repository, tag) is None:
            return tag
        number += 1


def _row(version: BaseVersion) -> dict[str, Any]:
    return {name: getattr(version, name) for name in version.__struct_fields__}
