# SPDX-License-Identifier: Apache-2.0
"""The catalogue as one principal may see it; the cost follows what they may see, not what there is."""

from typing import Final

from tidegate.artifact import Repository
from tidegate.curation.shelf import Shelf
from tidegate.identity import Access, Asked, Principal, Verb

_PAGE: Final = 200
_LAST_OF_NAMES: Final = "~"  # greater than every character of a repository's name


def visible_repositories(
    shelf: Shelf, access: Access, principal: Principal, *, limit: int, last: str, address: str
) -> list[Repository]:
    """At most `limit` repositories past `last` that a principal may pull from or list, in the order of their bytes."""
    found: list[Repository] = []
    for prefix in access.permissions.prefixes(principal):
        at = max(last, _before(prefix))
        while len(found) < limit:
            wanted = limit - len(found) if principal.is_administrator else _PAGE
            names = shelf.list_repositories(limit=wanted, last=at)
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
