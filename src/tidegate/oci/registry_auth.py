# SPDX-License-Identifier: Apache-2.0
"""Answers a registry's challenge: Docker token authentication (Bearer) and Basic (RFC 7235, RFC 7617)."""

import re
import threading
from typing import Any, Final
from urllib.parse import urlencode

from tidegate.bounds import MIB, printable
from tidegate.errors import OutsideError, UsageError
from tidegate.oci.credentials import Credentials
from tidegate.outbound import Outbound, Reply, check_reply
from tidegate.outbound.address import check_url, join, origin, split_url
from tidegate.wire import from_json

_MAX_TOKEN_BYTES: Final = MIB
_MAX_CHALLENGE_CHARS: Final = 8192
_SCHEME: Final = re.compile(r"(?:^|,)\s*([A-Za-z]+)\s+(?=[a-z_]+=)")
_PARAMETER: Final = re.compile(r'([a-z_]+)=(?:"([^"]*)"|([^\s,"]*))')
_CLIENT: Final = "tidegate"


class RegistryAuthorizer:
    """The `Authorization` for one repository of one registry (a `tidegate.outbound.Authorizer`).

    Args:
        outbound: asks the token server.
        base: the registry's address; decides whether its token server may be plain HTTP.
        scope: `repository:NAME:pull` or the like, several parted by blanks.
        credentials: None asks for anonymous tokens.
        token_servers: hosts besides the registry's own that may see the credentials; None for any, as Docker's
            clients do.
    """

    def __init__(
        self,
        outbound: Outbound,
        *,
        base: str,
        scope: str,
        credentials: Credentials | None,
        token_servers: frozenset[str] | None = None,
    ) -> None:
        self._outbound = outbound
        self._token_servers = token_servers
        self._base = base
        self._scope = scope
        self._credentials = credentials
        self._header = ""
        self._lock = threading.Lock()

    def header(self) -> str:
        """The header in force; "" before the first challenge."""
        return self._header

    def renew(self, challenge: str) -> bool:
        """Gets a new token, or falls back to the password itself where the registry asks for it.

        Raises:
            OutsideError: the token server refuses or fails.
        """
        offers = parse_challenge(challenge)
        with self._lock:
            if "bearer" in offers:
                self._header = f"Bearer {self._token(offers['bearer'])}"
                return True
            if "basic" in offers and self._credentials is not None and self._header != self._credentials.basic:
                self._header = self._credentials.basic
                return True
        return False

    def _token(self, offer: dict[str, str]) -> str:
        realm = join(self._base, offer.get("realm", ""))
        insecure = self._outbound.options.insecure
        try:
            check_url(realm, insecure=insecure)
        except UsageError as error:
            raise OutsideError(f"its token server may not be called: {error}", where=self._base) from error
        if realm.startswith("http:") and self._base.startswith("https:") and not insecure:
            raise OutsideError("its token server is plain http", where=self._base)
        self._check_trusted(realm)
        reply = check_reply(self._ask(realm, offer))
        document = from_json(reply.body, dict[str, Any], what=f"{self._base} token", max_bytes=_MAX_TOKEN_BYTES)
        token = document.get("token") or document.get("access_token")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise OutsideError("its token server gave no token", where=self._base)
        return token

    def _check_trusted(self, realm: str) -> None:
        """Whoever answers for a registry may name any token server; a password goes only where it was meant to go."""
        if self._credentials is None or self._token_servers is None or origin(realm) == origin(self._base):
            return
        host = split_url(realm).netloc
        if host not in self._token_servers:
            raise OutsideError(
                f"names {printable(host[:80])} as its token server, which may not see our credentials",
                where=self._base,
                remedy="name it among the token servers of this upstream, if that is meant",
            )

    def _ask(self, realm: str, offer: dict[str, str]) -> Reply:
        own = self._credentials
        asked = {"service": offer.get("service", ""), "scope": self._scope}
        if own is not None and own.identity_token:
            form = {**asked, "grant_type": "refresh_token", "client_id": _CLIENT, "refresh_token": own.identity_token}
            return self._outbound.request(
                "POST",
                realm,
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                body=urlencode(form).encode(),
                max_bytes=_MAX_TOKEN_BYTES,
                follow=False,
            )
        query = [("service", asked["service"]), *(("scope", scope) for scope in self._scope.split())]
        address = f"{realm}{'&' if '?' in realm else '?'}{urlencode(query)}"
        headers = {"Authorization": own.basic} if own is not None else {}
        return self._outbound.request("GET", address, headers=headers, max_bytes=_MAX_TOKEN_BYTES)


def parse_challenge(text: str) -> dict[str, dict[str, str]]:
    """Reads `WWW-Authenticate`: schemes in lower case, each with its parameters."""
    text = text[:_MAX_CHALLENGE_CHARS]
    marks = list(_SCHEME.finditer(text))
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    return {
        mark[1].lower(): {name: quoted or bare for name, quoted, bare in _PARAMETER.findall(text[mark.end() : end])}
        for mark, end in zip(marks, ends, strict=False)  # no mark at all leaves one end
    }
