# SPDX-License-Identifier: Apache-2.0
"""What is here: tags, referrers, repositories (OCI distribution-spec 1.1, end-8, 12; `_catalog` of Docker)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tidegate.artifact import Repository
from tidegate.artifact import media_type as mt
from tidegate.curation.listed import Listed
from tidegate.errors import InvalidInputError
from tidegate.identity import Principal
from tidegate.server.authentication import client_of, principal_of
from tidegate.server.cursors import Cursors
from tidegate.server.registry.errors import RegistryError
from tidegate.server.registry.names import digest, page_in, query_in, repository_in
from tidegate.server.registry.services import RegistryServices
from tidegate.server.visible import Listing, PrincipalSight, visible_tags

_CURSOR: Final = "cursor"


class ListingEndpoints:
    """Endpoints that list."""

    def __init__(self, services: RegistryServices) -> None:
        self._shelf = services.shelf
        self._access = services.access
        self._run = services.offload.run
        self._cursors = Cursors.of(services.access)

    async def base(self, _request: Request) -> Response:
        """Says that this is a registry."""
        return JSONResponse({}, headers={"Docker-Distribution-API-Version": "registry/2.0"})

    async def list_tags(self, request: Request) -> Response:
        """One page of a repository's tags; it may be short of what was asked for and still have a next one."""
        name, who, address = repository_in(request), principal_of(request), client_of(request).address
        reading = _Reading(request, f"{who.identity} tags of {name}", self._cursors)
        part = await self._run(
            visible_tags, self._shelf, self._access, who, name, limit=reading.wanted, last=reading.last, address=address
        )
        return JSONResponse({"name": name, "tags": part.names}, headers=reading.onward(part))

    async def list_repositories(self, request: Request) -> Response:
        """One page of the names of repositories; as of tags."""
        who = principal_of(request)
        reading = _Reading(request, f"{who.identity} repositories", self._cursors)
        listing = self._shelf.list_repositories
        part = await self._run(self._repositories, who, client_of(request).address, listing, reading)
        return JSONResponse({"repositories": part.names}, headers=reading.onward(part))

    async def list_referrers(self, request: Request) -> Response:
        """What hangs on a digest, as an image index; unknown digests have nothing."""
        name, subject = repository_in(request), digest(request.path_params["digest"])
        query = query_in(request)
        wanted, last = query.get("artifactType", ""), query.get("last", "")
        page = await self._run(
            self._shelf.referrers, name, subject, artifact_type=wanted, last=digest(last) if last else ""
        )
        query = {"artifactType": wanted} if wanted else {}
        headers = {"OCI-Filters-Applied": "artifactType"} if wanted else {}
        if page.last:
            headers |= _next(request, {**query, "last": page.last})
        return Response(page.document, status_code=HTTPStatus.OK, media_type=mt.OCI_INDEX, headers=headers)

    def _repositories(self, who: Principal, address: str, listing: Listing, reading: "_Reading") -> Listed[Repository]:
        return PrincipalSight(self._access, who, address).listed(listing, limit=reading.wanted, last=reading.last)


class _Reading:
    """How far somebody has come in a list.

    Args:
        request: for a page.
        whose: who reads which list.
        cursors: of places they may not know.

    Raises:
        RegistryError: PAGINATION_NUMBER_INVALID, or UNSUPPORTED for a place of no such list.
    """

    def __init__(self, request: Request, whose: str, cursors: Cursors) -> None:
        self.wanted, self.last = page_in(request)
        self._request, self._whose, self._cursors = request, whose, cursors
        if sealed := query_in(request).get(_CURSOR, ""):
            try:
                self.last = cursors.open(sealed, whose)
            except InvalidInputError as error:
                raise RegistryError(HTTPStatus.BAD_REQUEST, "UNSUPPORTED", str(error)) from error

    def onward(self, part: Listed[Any]) -> dict[str, str]:
        """The header that leads to the next page, where there may be one."""
        if part.goes_on is None:
            return {}
        is_seen = bool(part.names) and part.names[-1] == part.goes_on
        place = {"last": part.goes_on} if is_seen else {_CURSOR: self._cursors.seal(part.goes_on, self._whose)}
        return _next(self._request, {"n": str(self.wanted), **place})


def _next(request: Request, query: Mapping[str, str]) -> dict[str, str]:
    return {"Link": f'<{request.url.path}?{urlencode(query)}>; rel="next"'}
