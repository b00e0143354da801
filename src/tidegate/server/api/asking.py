# SPDX-License-Identifier: Apache-2.0
"""May this principal do a thing with these repositories? For routes whose need depends on what they are about."""

from collections.abc import Iterable

from starlette.requests import Request

from tidegate.assembly.server import Server
from tidegate.errors import RefusedError
from tidegate.identity import Asked, Verb
from tidegate.server.authentication import client_of, principal_of


def require(
    server: Server, request: Request, verb: Verb, repositories: Iterable[str], *, tag: str = "", digest: str = ""
) -> None:
    """Lets pass who may do it in each repository; with none, in all.

    Args:
        server: whose grants count.
        request: who asks.
        verb: what for.
        repositories: where.
        tag: that it is about, where it is known.
        digest: the same.

    Raises:
        RefusedError: they may not.
    """
    principal, address = principal_of(request), client_of(request).address
    if principal.is_administrator and principal.scope is None:
        return
    for name in tuple(repositories) or ("",):
        asked = Asked(
            verb=verb,
            repository=name,
            tag=tag,
            digest=digest,
            any_content=not (tag or digest),
            address=address,
        )
        if not server.access.permissions.ruling(principal, asked).allowed:
            raise RefusedError(f"you may not {verb} here", where=name, remedy="ask for a grant")
