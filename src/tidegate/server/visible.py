# SPDX-License-Identifier: Apache-2.0
"""The catalogue as one principal may see it; the cost follows what they may see, not what there is."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from sqlalchemy import Connection
from starlette.requests import Request

from tidegate.artifact import Repository, Tag
from tidegate.curation import tags
from tidegate.curation.shelf import Shelf
from tidegate.identity import Access, Asked, Principal, Verb
from tidegate.server.audited import trail_of
from tidegate.server.authentication import client_of, principal_of

_PAGE: Final = 200
_LAST_OF_NAMES: Final = "~"  # greater than every character of a repository's name


class Listing(Protocol):
    """Repositories there are, at most `limit` past `last`, in the order of their bytes."""

    def __call__(self, *, limit: int, last: str = "") -> Sequence[Repository]:
        """Reads them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrincipalSight:
    """What a principal may see of the catalogue: the repositories and tags they may pull from or list."""

    access: Access
    principal: Principal
    address: str

    def repositories(self, connection: Connection, *, limit: int, last: str) -> Sequence[Repository]:
        """At most `limit` past `last`, in the order of their bytes."""
        listing = partial(tags.list_repositories, connection)
        return visible_repositories(listing, self.access, self.principal, limit=limit, last=last, address=self.address)

    def tags(self, repository: Repository, names: Sequence[Tag]) -> Sequence[Tag]:
        """Those of a repository's tags; none when they may not see the repository."""
        permissions = self.access.permissions
        if not permissions.granted(self.principal, _seeing(repository, self.address)):
            return ()
        return permissions.visible(self.principal, repository, names, address=self.address)


def sight_of(request: Request, access: Access, repository: str = "") -> PrincipalSight:
    """What whoever sent a request may see, which is on record as listing."""
    principal, address = principal_of(request), client_of(request).address
    trail_of(request).asked = Asked(verb=Verb.LIST, repository=repository, address=address)
    return PrincipalSight(access=access, principal=principal, address=address)


def visible_tags(
    shelf: Shelf, access: Access, principal: Principal, repository: Repository, *, limit: int, last: str, address: str
) -> list[Tag]:
    """At most `limit` tags past `last` that a principal may see; those they may not see leave no gap and no name.

    Raises:
        NameUnknownError: there is no such repository.
    """
    found: list[Tag] = []
    at, wanted = last, limit
    while len(found) < limit:
        names = shelf.list_tags(repository, limit=wanted, last=at)
        found += access.permissions.visible(principal, repository, names, address=address)
        if len(names) < wanted:
            break
        at, wanted = names[-1], max(limit, _PAGE)
    return found[:limit]


def visible_repositories(
    listing: Listing, access: Access, principal: Principal, *, limit: int, last: str, address: str
) -> list[Repository]:
    """At most `limit` repositories past `last` that a principal may pull from or list, in the order of their bytes."""
    found: list[Repository] = []
    for prefix in access.permissions.prefixes(principal):
        at = max(last, _before(prefix))
        while len(found) < limit:
            wanted = limit - len(found) if principal.is_administrator else _PAGE
            names = listing(limit=wanted, last=at)
            under = [name for name in names if name.startswith(prefix)]
            found += [name for name in under if access.permissions.granted(principal, _seeing(name, address))]
            if len(names) < wanted or len(under) < len(names):
                break
            at = names[-1]
    return found[:limit]


def _seeing(name: Repository, address: str) -> Asked:
    return Asked(verb=Verb.LIST, repository=name, any_content=True, address=address)


def _before(prefix: str) -> str:
    """The greatest name that comes before all that begin with a prefix."""
    return prefix[:-1] + chr(ord(prefix[-1]) - 1) + _LAST_OF_NAMES if prefix else ""
