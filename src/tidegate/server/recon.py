# SPDX-License-Identifier: Apache-2.0
"""What a request says to the watch on looking around, and how an address that is kept out is answered."""

from typing import Final

from starlette.responses import Response
from starlette.types import Scope

from tidegate.identity import PrincipalKind
from tidegate.identity.recon import ReconWatch, Seen, Sign
from tidegate.identity.throttle import ThrottledError
from tidegate.server.audited import Trail
from tidegate.server.challenge import repository_of
from tidegate.server.client_address import ClientAddresses
from tidegate.server.registry.errors import refusal

_REFUSED: Final = frozenset({401, 403, 404})
_BAD: Final = 400
_MISSING: Final = 404


class ReconDoor:
    """Tells a watch of requests, and keeps out whom it says (a `tidegate.server.audited.Watch`).

    Args:
        watch: on looking around.
        clients: where requests come from.
    """

    def __init__(self, watch: ReconWatch, clients: ClientAddresses) -> None:
        self._watch = watch
        self._clients = clients

    def kept_out(self, scope: Scope) -> Response | None:
        """The answer to an address that is kept out; None for all others."""
        if not self._watch.may_block:
            return None
        seconds = self._watch.blocked_for(self._clients.of(scope).address)
        return refusal(ThrottledError(seconds)) if seconds else None

    def observe(self, scope: Scope, trail: Trail, status: int) -> None:
        """Tells the watch of a request that was answered."""
        if trail.principal is not None and trail.principal.kind is PrincipalKind.ANONYMOUS:
            return  # nothing is set up: there is nothing to find out
        for repository in trail.ungranted:
            self._watch.saw(
                Seen(
                    sign=Sign.REFUSED,
                    address=trail.address,
                    who=trail.principal.name if trail.principal else "",
                    repository=repository,
                    status=status,
                )
            )
        path = scope["path"]
        sign, who = _sign(path, trail, status), trail.principal.name if trail.principal else ""
        if sign is not None:
            who = trail.tried if sign is Sign.FAILED_LOGIN else who
            repository = repository_of(path)
            self._watch.saw(Seen(sign=sign, address=trail.address, who=who, repository=repository, status=status))


def _sign(path: str, trail: Trail, status: int) -> Sign | None:
    if trail.failed_login:
        return Sign.FAILED_LOGIN
    if path.startswith("/v2/_catalog"):
        return Sign.CATALOGUE
    if status in _REFUSED:
        is_missing_blob = status == _MISSING and "/blobs/" in path
        return Sign.REFUSED if repository_of(path) and not is_missing_blob else None
    if status >= _BAD or trail.principal is None:
        return None
    if path.endswith("/tags/list"):
        return Sign.TAGS
    return Sign.OPENED
