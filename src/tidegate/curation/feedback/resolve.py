# SPDX-License-Identifier: Apache-2.0
"""Whose an image or a workload is: one order, the first that says somebody counts.

1. a workload's own label            tidegate.dev/owner, as the execution gate recorded it
2. a rule on record for its namespace
3. a rule on record for the repository   the longest pattern that fits
4. a line of `curation.owners`           the first that fits
5. what the image says of itself         only when it names an owner on record: anybody may write a label
6. a rule on record for the tenant
7. a rule on record for who pushed it
8. `feedback.default_owner`, else nobody
"""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from sqlalchemy import Connection, or_, select

from tidegate.curation.feedback.owner import Owner, list_owners
from tidegate.storage.identity_schema import tenant_prefix
from tidegate.storage.schema import repository_manifest
from tidegate.storage.vending_schema import image_summary
from tidegate.values import Struct


class Asked(Struct, frozen=True, kw_only=True):
    """What is known of a thing whose owner is wanted; "" and empty for what is not."""

    repository: str = ""
    namespace: str = ""
    label: str = ""
    said: str = ""
    tenant: str = ""
    pushers: tuple[str, ...] = ()


class Owned(Struct, frozen=True, kw_only=True):
    """Whose it is; name "" for nobody, and by what that was found."""

    name: str
    by: str


def resolve(asked: Asked, owners: Sequence[Owner], lines: Sequence[tuple[str, str]] = (), default: str = "") -> Owned:
    """Whose a thing is; pure.

    Args:
        asked: the thing.
        owners: on record.
        lines: of `curation.owners`: pattern and name.
        default: for what nobody else has.
    """
    return next(
        _answers(asked, owners, lines), Owned(name=default, by="nobody else: the default" if default else "nobody")
    )


def _answers(asked: Asked, owners: Sequence[Owner], lines: Sequence[tuple[str, str]]) -> Iterator[Owned]:
    if asked.label:
        yield Owned(name=asked.label, by="the workload's label")
    if found := _longest(asked.namespace, [(pattern, one) for one in owners for pattern in one.namespaces]):
        yield Owned(name=found[1], by=f"namespace {found[0]}")
    if found := _longest(asked.repository, [(pattern, one) for one in owners for pattern in one.repositories]):
        yield Owned(name=found[1], by=f"repository {found[0]}")
    for pattern, name in lines:
        if asked.repository and fnmatchcase(asked.repository, pattern):
            yield Owned(name=name, by=f"curation.owners {pattern}")
    if asked.said in {one.name for one in owners}:
        yield Owned(name=asked.said, by="what the image says")
    yield from (Owned(name=one.name, by=f"tenant {asked.tenant}") for one in owners if asked.tenant in one.tenants)
    for one in owners:
        yield from (Owned(name=one.name, by=f"pushed by {who}") for who in asked.pushers if who in one.pushers)


def _longest(text: str, rules: Sequence[tuple[str, Owner]]) -> tuple[str, str] | None:
    fitting = [(-len(pattern), pattern, one.name) for pattern, one in rules if text and fnmatchcase(text, pattern)]
    return min(fitting)[1:] if fitting else None


def asked_of_image(connection: Connection, digest: str, repository: str) -> Asked:
    """What is on record of an image in a repository."""
    held = repository_manifest
    said = connection.scalar(select(image_summary.c.owner).where(image_summary.c.digest == digest))
    pushers = connection.scalars(
        select(held.c.pushed_by).where(held.c.digest == digest, held.c.repository == repository)
    )
    prefix = tenant_prefix.c.prefix
    parts = repository.split("/")
    begins = ["/".join(parts[:number]) for number in range(1, len(parts) + 1)]
    tenant = connection.scalar(select(tenant_prefix.c.tenant).where(or_(*(prefix == one for one in begins))).limit(1))
    return Asked(repository=repository, said=said or "", tenant=tenant or "", pushers=tuple(sorted(set(pushers))))


class Owners:
    """Answers whose things are, as settings and the record say.

    Args:
        lines: of `curation.owners`.
        default: `feedback.default_owner`.
    """

    def __init__(self, lines: Sequence[tuple[str, str]] = (), default: str = "") -> None:
        self._lines = tuple(lines)
        self._default = default

    def of_image(self, connection: Connection, digest: str, repository: str) -> Owned:
        """Whose an image is."""
        asked = asked_of_image(connection, digest, repository)
        return resolve(asked, list_owners(connection), self._lines, self._default)

    def of_workload(self, connection: Connection, namespace: str, *, label: str, repository: str = "") -> Owned:
        """Whose a workload is; `namespace` with its cluster: `prod/shop`."""
        asked = Asked(namespace=namespace, label=label, repository=repository)
        return resolve(asked, list_owners(connection), self._lines, self._default)
