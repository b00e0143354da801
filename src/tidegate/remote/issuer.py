# SPDX-License-Identifier: Apache-2.0
"""Which OpenID issuers a server's people log in with, and where those are asked.

OAuth 2.0 Protected Resource Metadata (RFC 9728) of the server, OpenID Connect Discovery 1.0 of the issuer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from tidegate.bounds import KIB, printable
from tidegate.errors import NotFoundError, OutsideError, RefusedError, UsageError
from tidegate.outbound import Outbound, check_reply
from tidegate.outbound.address import check_url
from tidegate.remote.token import unverified_claims
from tidegate.values import Struct
from tidegate.wire import from_json

_RESOURCE: Final = "/.well-known/oauth-protected-resource"
_DISCOVERY: Final = "/.well-known/openid-configuration"
_MAX_DOCUMENT_BYTES: Final = 256 * KIB
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
_OK: Final = 200


class Login(Struct, frozen=True, kw_only=True):
    """An issuer that a server's people log in with, and as which client of it."""

    name: str
    issuer: str
    client_id: str
    scopes: tuple[str, ...] = ("openid",)


class _Resource(Struct, frozen=True, kw_only=True):
    tidegate_logins: tuple[Login, ...] = ()


class _Discovered(Struct, frozen=True, kw_only=True):
    issuer: str
    token_endpoint: str = ""
    authorization_endpoint: str = ""
    device_authorization_endpoint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """An issuer, ready to be asked. Addresses are "" where it offers no such thing."""

    login: Login
    token_endpoint: str
    authorization_endpoint: str
    device_endpoint: str
    outbound: Outbound

    def form(self, url: str, fields: Mapping[str, str]) -> tuple[int, Mapping[str, Any]]:
        """Posts a form, once; returns status and document.

        Raises:
            OutsideError: it cannot be reached, or answers something else.
        """
        reply = self.outbound.request(
            "POST",
            url,
            headers=_FORM,
            body=urlencode(fields).encode(),
            max_bytes=_MAX_DOCUMENT_BYTES,
            follow=False,
            retry=False,
        )
        return reply.status, from_json(
            reply.body, dict[str, Any], what=self.login.issuer, max_bytes=_MAX_DOCUMENT_BYTES
        )

    def id_token(self, status: int, told: Mapping[str, Any], *, nonce: str = "") -> str:
        """The ID token of an answer of its token endpoint, for this client and this login.

        It came from the issuer itself over TLS; its signature is verified by the server it is shown to (OpenID Connect
        Core 1.0, 3.1.3.7, point 6).

        Raises:
            RefusedError: the issuer says no.
            OutsideError: there is none, or it is for another client or login.
        """
        where = self.login.issuer
        if status != _OK:
            said = told.get("error_description") or told.get("error") or f"answered {status}"
            raise RefusedError(f"no login: {printable(str(said)[:300])}", where=where)
        token = told.get("id_token")
        claims = unverified_claims(token) if isinstance(token, str) else {}
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if claims.get("iss") != where or self.login.client_id not in audiences:
            raise OutsideError("answered without an ID token for this client", where=where)
        if nonce and claims.get("nonce") != nonce:
            raise OutsideError("answered with the ID token of another login", where=where)
        return str(token)


def logins_of(outbound: Outbound, address: str) -> tuple[Login, ...]:
    """The issuers that a server's people log in with.

    Raises:
        OutsideError: it cannot be reached, or is no tidegate.
    """
    try:
        raw = outbound.get_bytes(address + _RESOURCE, max_bytes=_MAX_DOCUMENT_BYTES)
    except NotFoundError as error:
        raise OutsideError("does not tell who may log in; is it a tidegate?", where=address) from error
    return from_json(raw, _Resource, what=address, max_bytes=_MAX_DOCUMENT_BYTES).tidegate_logins


def discover(outbound: Outbound, login: Login) -> Issuer:
    """Asks an issuer where it is to be asked.

    Raises:
        OutsideError: it cannot be reached, or speaks for another.
        UsageError: an address it names may not be called.
    """
    check_url(login.issuer)
    url = login.issuer.rstrip("/") + _DISCOVERY
    reply = check_reply(outbound.request("GET", url, max_bytes=_MAX_DOCUMENT_BYTES))
    found = from_json(reply.body, _Discovered, what=url, max_bytes=_MAX_DOCUMENT_BYTES)
    if found.issuer != login.issuer:
        raise OutsideError("speaks for another issuer", where=url)
    if not found.token_endpoint:
        raise OutsideError("names no token endpoint", where=url)
    for address in filter(
        None, (found.token_endpoint, found.authorization_endpoint, found.device_authorization_endpoint)
    ):
        check_url(address)
    return Issuer(
        login=login,
        token_endpoint=found.token_endpoint,
        authorization_endpoint=found.authorization_endpoint,
        device_endpoint=found.device_authorization_endpoint,
        outbound=outbound,
    )


def chosen(logins: tuple[Login, ...], name: str, *, where: str) -> Login:
    """The login of a name; the only one when none is named.

    Raises:
        UsageError: there is none of that name, or several to choose from.
    """
    names = ", ".join(login.name for login in logins) or "none"
    found = [login for login in logins if name in {"", login.name}]
    if len(found) != 1:
        what = f"no issuer {name[:40]!r}" if name else "which issuer"
        raise UsageError(what, where=where, remedy=f"--issuer: there is {names}")
    return found[0]
