# SPDX-License-Identifier: Apache-2.0
"""Where people who want in may log in: OAuth 2.0 Protected Resource Metadata (RFC 9728), open to all.

What `tidegate_…` says goes beyond the standard, which leaves room for it (section 2).
"""

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tidegate.identity.issuer import Issuer
from tidegate.server.authentication import Entrance
from tidegate.server.challenge import own_address

PATH: Final = "/.well-known/oauth-protected-resource"


def login_route(entrance: Entrance) -> Route:
    """The route that tells it."""

    async def tell(request: Request) -> Response:
        by_proxy = entrance.clients.of(request.scope).by_proxy
        address = own_address(request.scope, by_proxy=by_proxy)
        issuers = entrance.access.logins
        told = {
            "resource": address,
            "authorization_servers": [issuer.url for issuer in issuers],
            "bearer_methods_supported": ["header"],
            "tidegate_logins": [_login(issuer) for issuer in issuers],
        }
        return JSONResponse(told, headers={"Cache-Control": "no-store"})

    return Route(PATH, tell, methods=["GET"])


def _login(issuer: Issuer) -> dict[str, Any]:
    scopes = issuer.people.scopes if issuer.people else ()
    # An ID token is for the client that asked for it (OpenID Connect Core 1.0, section 2, `aud`).
    return {"name": issuer.name, "issuer": issuer.url, "client_id": issuer.audience, "scopes": list(scopes)}
