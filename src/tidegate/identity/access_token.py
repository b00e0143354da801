# SPDX-License-Identifier: Apache-2.0
"""The one access token of a server, from a file: who shows it is the administrator. The first way in, and the last."""

import hmac
from hashlib import sha256
from pathlib import Path
from typing import Final, Self

from tidegate.errors import InvalidInputError, OutsideError

_MIN_TOKEN_CHARS: Final = 16
_MAX_TOKEN_BYTES: Final = 4096


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
