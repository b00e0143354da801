# SPDX-License-Identifier: Apache-2.0
"""The catalogue as one principal may see it, a bounded part at a time: what one request looks at has an end.

The cost follows what they may see, not what there is, as far as grants can be told by the beginnings of names. Beyond
that a part ends after so many names, or judgements by conditions, whatever was found by then; the next goes on there.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final, Protocol

from sqlalchemy import Connection
from starlette.requests import Request

from tidegate.artifact import Repository, Tag
from tidegate.curation import tags
from tidegate.curation.listed import Listed
from tidegate.curation.shelf import Shelf
from tidegate.identity import Access, Asked, Principal, Verb
from tidegate.server.audited import trail_of
from tidegate.server.authentication import client_of, principal_of

MAX_JUDGED: Final = 2000
"""Judgements by conditions of grants, for one part of a list."""
MAX_LOOKED_AT: Final = 20_000
"""Names, for one part of a list."""
_PAGE: Final = 200
_LAST_OF_NAMES: Final = "~"  # greater than every character of a repository's name


class Listing(Protocol):
    """Repositories there are, at most `limit` past `last`, in the order of their bytes."""

    def __call__(self, *, limit: int, last: str = "") -> Sequence[Repository]:
        """Reads them."""


class Budget:
    """How much one part may look at still.

    Args:
        each: judgements by conditions that a name takes.
    """

    def __init__(self, each: int) -> None:
        self._each = each
        self._names = MAX_LOOKED_AT
        self._judged = max(MAX_JUDGED, each)  # one name at least, or nobody would ever come further

    @property
    def room(self) -> int:
        """Names that may be looked at."""
        return min(self._names, self._judged // self._each if self._each else self._names)

    def spend(self, names: int, *, each: int | None = None) -> None:
        """Counts names that were looked at."""
        self._names -= names
        self._judged -= names * (self._each if each is None else each)


class PrincipalSight:
    """What a principal may see of the catalogue, for one request: the repositories and tags they may pull from or list.

    Args:
        access: whose grants count.
        principal: who asks.
        address: they ask from.
    """

    def __init__(self, access: Access, principal: Principal, address: str) -> None:
        self._permissions = access.permissions
        self._principal = principal
        self._address = address
        self._repositories = Budget(self._permissions.conditions(principal))
        self._tags = Budget(1)

    @property
    def is_spent(self) -> bool:
        """True when no more tags are to be judged for this request."""
        return self._tags.room <= 0

    def repositories(self, connection: Connection, *, limit: int, last: str) -> Listed[Repository]:
        """At most `limit` past `last`."""
        listing = partial(tags.list_repositories, connection)
        return self.listed(listing, limit=limit, last=last)

    def tags(self, repository: Repository, names: Sequence[Tag]) -> Sequence[Tag]:
        """Those of a repository's tags; none when they may not see the repository."""
        asked = _seeing(repository, self._address)
        if not self._permissions.granted(self._principal, asked):
            return ()
        self._tags.spend(len(names), each=self._permissions.judged_by(self._principal, asked))
        return self._permissions.visible(self._principal, repository, names, address=self._address)

    def listed(self, listing: Listing, *, limit: int, last: str) -> Listed[Repository]:
        """At most `limit` repositories past `last` of whatever lists them."""
        found: list[Repository] = []
        prefixes = self._permissions.prefixes(self._principal)
        for prefix in prefixes:
            at = max(last, _before(prefix))
            while True:
                whole = self._principal.is_administrator
                wanted = min(limit + 1 - len(found) if whole else _PAGE, self._repositories.room)
                if wanted <= 0:
                    return Listed(names=found, goes_on=max(last, at))
                names = listing(limit=wanted, last=at)
                self._repositories.spend(len(names))
                under = [name for name in names if name.startswith(prefix)]
                found += [name for name in under if self._sees(name)]
                if len(found) > limit:
                    return Listed(names=found[:limit], goes_on=found[limit - 1] if limit else None)
                if len(names) < wanted or len(under) < len(names):
                    break
                at = names[-1]
        return Listed(names=found)

    def _sees(self, name: Repository) -> bool:
        return self._permissions.granted(self._principal, _seeing(name, self._address))


def sight_of(request: Request, access: Access, repository: str = "") -> PrincipalSight:
    """What whoever sent a request may see, which is on record as listing."""
    principal, address = principal_of(request), client_of(request).address
    trail_of(request).asked = Asked(verb=Verb.LIST, repository=repository, address=address)
    return PrincipalSight(access, principal, address)


def visible_tags(
    shelf: Shelf, access: Access, principal: Principal, repository: Repository, *, limit: int, last: str, address: str
) -> Listed[Tag]:
    """At most `limit` tags past `last` that a principal may see; those they may not see leave no gap and no name.

    Raises:
        NameUnknownError: there is no such repository.
    """
    each = access.permissions.judged_by(principal, _seeing(repository, address))
    found, at, budget = list[Tag](), last, Budget(each)
    while (wanted := min(max(limit, _PAGE) if each else limit + 1, budget.room)) > 0:
        names = shelf.list_tags(repository, limit=wanted, last=at)
        budget.spend(len(names))
        found += access.permissions.visible(principal, repository, names, address=address)
        if len(found) > limit:
            return Listed(names=found[:limit], goes_on=found[limit - 1] if limit else None)
        if len(names) < wanted:
            return Listed(names=found)
        at = names[-1]
    return Listed(names=found, goes_on=at)


def _seeing(name: Repository, address: str) -> Asked:
    return Asked(verb=Verb.LIST, repository=name, any_content=True, address=address)


def _before(prefix: str) -> str:
    """Less than every name that begins so, greater than every lesser name that does not."""
    return prefix[:-1] + chr(ord(prefix[-1]) - 1) + _LAST_OF_NAMES if prefix else ""
