# SPDX-License-Identifier: Apache-2.0
"""Who is let in: one access token from a file, or, where none is configured, this machine's own users.

The token comes as the password of HTTP Basic (RFC 7617), as container clients send it, or as a Bearer (RFC 6750).
"""

import base64
import hmac
import ipaddress
import re
from hashlib import sha256
from pathlib import Path
from typing import Final, Self

from tidegate.errors import InvalidInputError, OutsideError, RefusedError
from tidegate.identity.principal import ANONYMOUS, Principal

_MIN_TOKEN_CHARS: Final = 16
_MAX_TOKEN_BYTES: Final = 4096
_MAX_HEADER_CHARS: Final = 16384
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}")
_HOLDER: Final = "token"


class UnauthenticatedError(RefusedError):
    """Nobody we know."""


class AccessToken:
    """A secret compared in constant time; only its digest is kept, and it never prints.

    Raises:
        InvalidInputError: it is shorter than 16 characters, or has white space inside.
    """

    __slots__ = ("_digest",)

    def __init__(self, secret: str) -> None:
        if len(secret) < _MIN_TOKEN_CHARS or secret.split() != [secret]:
            raise InvalidInputError(
                "the access token is too short or has white space inside",
                remedy=f"use at least {_MIN_TOKEN_CHARS} random characters",
            )
        self._digest = sha256(secret.encode()).digest()

    @classmethod
    def load(cls, file: Path) -> Self:
        """Reads the token from a file; white space around it does not count.

        Raises:
            OutsideError: the file cannot be read.
            InvalidInputError: there is no such token in it.
        """
        try:
            with file.open("rb") as source:
                raw = source.read(_MAX_TOKEN_BYTES + 1)
        except OSError as error:
            raise OutsideError(
                "the access token cannot be read", where=str(file), remedy=str(error.strerror)
            ) from error
        if len(raw) > _MAX_TOKEN_BYTES or not raw.isascii():
            raise InvalidInputError("not an access token", where=str(file), remedy="put one line of ASCII there")
        return cls(raw.decode("ascii").strip())

    def matches(self, candidate: str) -> bool:
        """True for the same secret; takes as long for any other."""
        return hmac.compare_digest(sha256(candidate.encode(errors="replace")).digest(), self._digest)

    def __repr__(self) -> str:
        return "AccessToken(…)"


class Access:
    """Decides who is let in.

    Args:
        token: what everybody must show; None to let in whoever comes from this machine.
    """

    def __init__(self, token: AccessToken | None = None) -> None:
        self._token = token

    def authenticate(self, authorization: str, *, peer: str) -> Principal:
        """Turns an `Authorization` header into a principal.

        Args:
            authorization: the header; "" when there was none.
            peer: the address the connection came from.

        Raises:
            UnauthenticatedError: no token, a wrong one, or none is configured and the peer is another machine.
        """
        if self._token is None:
            if is_loopback(peer):
                return ANONYMOUS
            raise UnauthenticatedError(
                "only this machine's own users are let in", remedy="configure an access token to serve others"
            )
        name, secret = _credentials(authorization[:_MAX_HEADER_CHARS])
        if not self._token.matches(secret):
            raise UnauthenticatedError("an access token is needed", remedy="log in with it as the password")
        return Principal(name=name if _NAME.fullmatch(name) else _HOLDER)


def is_loopback(address: str) -> bool:
    """True for addresses that never leave this machine."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return bool((mapped or parsed).is_loopback)


def _credentials(authorization: str) -> tuple[str, str]:
    scheme, _, rest = authorization.partition(" ")
    rest = rest.strip()
    if scheme.lower() == "bearer":
        return _HOLDER, rest
    if scheme.lower() == "basic":
        try:
            name, _, secret = base64.b64decode(rest, validate=True).decode().partition(":")
        except ValueError:  # broken base64, not ASCII or not UTF-8
            return "", ""
        return name, secret
    return "", ""
