# SPDX-License-Identifier: Apache-2.0
"""What is here: tags, referrers, repositories (OCI distribution-spec 1.1, end-8, 12; `_catalog` of Docker)."""

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tidegate.artifact import media_type as mt
from tidegate.server.authentication import client_of, principal_of
from tidegate.server.registry.names import digest, page_in, query_in, repository_in
from tidegate.server.registry.services import RegistryServices
from tidegate.server.visible import visible_repositories, visible_tags


class ListingEndpoints:
    """Endpoints that list."""

    def __init__(self, services: RegistryServices) -> None:
        self._shelf = services.shelf
        self._access = services.access
        self._run = services.offload.run

    async def base(self, _request: Request) -> Response:
        """Says that this is a registry."""
        return JSONResponse({}, headers={"Docker-Distribution-API-Version": "registry/2.0"})

    async def list_tags(self, request: Request) -> Response:
        """One page of a repository's tags."""
        name, (wanted, last) = repository_in(request), page_in(request)
        shelf, access, who = self._shelf, self._access, principal_of(request)
        address = client_of(request).address
        # One more than wanted tells whether there is a next page.
        found = await self._run(visible_tags, shelf, access, who, name, limit=wanted + 1, last=last, address=address)
        page = found[:wanted]
        headers = _next(request, {"n": str(wanted), "last": page[-1]}) if page and len(found) > wanted else {}
        return JSONResponse({"name": name, "tags": page}, headers=headers)

    async def list_repositories(self, request: Request) -> Response:
        """One page of the names of repositories."""
        wanted, last = page_in(request)
        listing, access, who = self._shelf.list_repositories, self._access, principal_of(request)
        address = client_of(request).address
        found = await self._run(
            visible_repositories, listing, access, who, limit=wanted + 1, last=last, address=address
        )
        page = found[:wanted]
        headers = _next(request, {"n": str(wanted), "last": page[-1]}) if page and len(found) > wanted else {}
        return JSONResponse({"repositories": page}, headers=headers)

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


def _next(request: Request, query: Mapping[str, str]) -> dict[str, str]:
    return {"Link": f'<{request.url.path}?{urlencode(query)}>; rel="next"'}
