# SPDX-License-Identifier: Apache-2.0
"""What is shown to prove who one is, as HTTP carries it."""

import base64
from dataclasses import dataclass
from typing import Final

from tidegate.errors import RefusedError

HOLDER: Final = "token"
"""The name of who shows a bare token."""
_MAX_HEADER_CHARS: Final = 16384


class UnauthenticatedError(RefusedError):
    """Nobody we know.

    Attributes:
        tried: credentials were shown, and they were wrong; an expired token is not.
    """

    def __init__(self, what: str, *, remedy: str = "", tried: bool = False) -> None:
        super().__init__(what, remedy=remedy)
        self.tried = tried


@dataclass(frozen=True, slots=True)
class Credentials:
    """What was shown: a name with its secret, or a bare token. Never prints its secret."""

    name: str
    secret: str
    is_bearer: bool = False

    @classmethod
    def parse(cls, authorization: str) -> "Credentials | None":
        """Reads an `Authorization` header; None when there is none that can be read."""
        scheme, _, rest = authorization[:_MAX_HEADER_CHARS].partition(" ")
        rest = rest.strip()
        if scheme.lower() == "bearer":
            return cls(HOLDER, rest, is_bearer=True) if rest else None
        if scheme.lower() != "basic":
            return None
        try:
            name, _, secret = base64.b64decode(rest, validate=True).decode().partition(":")
        except ValueError:  # broken base64, not ASCII or not UTF-8
            return None
        return cls(name, secret) if secret else None

    def __repr__(self) -> str:
        return f"Credentials({self.name!r}, …)"
