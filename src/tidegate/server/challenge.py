# SPDX-License-Identifier: Apache-2.0
"""What an unknown client is told to do: log in by Basic, or fetch a token (RFC 6750, Docker token authentication)."""

import re
from typing import Final

from starlette.datastructures import Headers
from starlette.types import Scope

BASIC: Final = 'Basic realm="tidegate", charset="UTF-8"'
TOKEN_PATH: Final = "/token"  # noqa: S105 - a path
_HOST: Final = re.compile(r"[A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::[0-9]{1,5})?")
_NAME: Final = re.compile(r"/v2/([a-z0-9._/-]{1,255}?)/(?:blobs|manifests|tags|referrers)/")
_ACTIONS: Final = {"GET": "pull", "HEAD": "pull", "DELETE": "delete"}


def bearer(scope: Scope, *, service: str, realm: str = "", by_proxy: bool = False, insufficient: bool = False) -> str:
    """The challenge that sends a client for a token.

    Args:
        scope: of the request; says under which name the client knows us.
        service: the audience of the token.
        realm: where tokens are to be had; "" for this server, as the client named it.
        by_proxy: a trusted proxy passed the request on, and says what the client called.
        insufficient: a token was shown, and is for something else.
    """
    fields = {"realm": realm or own_address(scope, by_proxy=by_proxy) + TOKEN_PATH, "service": service}
    if wanted := scope_of(scope):
        fields["scope"] = wanted
    if insufficient:
        fields["error"] = "insufficient_scope"
    return "Bearer " + ",".join(f'{name}="{value}"' for name, value in fields.items())


def scope_of(scope: Scope) -> str:
    """The scope a request needs, as far as its path tells; only a hint for the client."""
    path, method = scope.get("path", ""), scope.get("method", "GET")
    if path.rstrip("/") == "/v2/_catalog":
        return "registry:catalog:*"
    found = _NAME.match(path)
    return f"repository:{found[1]}:{_ACTIONS.get(method, 'pull,push')}" if found else ""


def repository_of(path: str) -> str:
    """The repository a path names, as far as it tells; never what is asked about, only what is told of."""
    found = _NAME.match(path)
    return found[1] if found else ""


def own_address(scope: Scope, *, by_proxy: bool) -> str:
    """This server as the client of a request named it: scheme, host and port."""
    headers = Headers(scope=scope)
    scheme, host = scope.get("scheme", "http"), headers.get("host", "")
    if by_proxy:
        scheme = headers.get("x-forwarded-proto", scheme)
        host = headers.get("x-forwarded-host", host)
    if scheme not in {"http", "https"}:
        scheme = "https"
    if not _HOST.fullmatch(host):  # nobody gets to write into our header
        host = "localhost"
    return f"{scheme}://{host}"
