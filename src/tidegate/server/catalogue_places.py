# SPDX-License-Identifier: Apache-2.0
"""Where a page of the catalogue ended, as its reader may know it: a name they saw, or a sealed place after `~`."""

from typing import Final

from starlette.requests import Request

from tidegate.curation.vending.catalogue import Found
from tidegate.identity import Access
from tidegate.server.authentication import principal_of
from tidegate.server.cursors import Cursors

_SEALED: Final = "~"  # no repository's name begins so


class CataloguePlaces:
    """Reads and writes places."""

    def __init__(self, access: Access) -> None:
        self._cursors = Cursors.of(access)

    def read(self, request: Request, after: str) -> str:
        """The name after which a page begins.

        Raises:
            InvalidInputError: a sealed place of another reader, or of nobody.
        """
        return self._cursors.open(after[1:], _whose(request)) if after.startswith(_SEALED) else after

    def written(self, request: Request, found: Found) -> str:
        """Where the next page begins; "" when there is none."""
        if found.goes_on is None:
            return ""
        if found.entries and found.entries[-1].repository == found.goes_on:
            return found.goes_on
        return _SEALED + self._cursors.seal(found.goes_on, _whose(request))


def _whose(request: Request) -> str:
    return f"{principal_of(request).identity} catalogue"
