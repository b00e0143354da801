# SPDX-License-Identifier: Apache-2.0
"""Places in lists that may not be told: where a page ended among names that its reader may not see.

Sealed with AES-256-GCM for one reader and one list, all of one length, under a key that every replica derives.
"""

import base64
import binascii
import secrets
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tidegate.errors import InvalidInputError
from tidegate.identity import Access

MAX_CHARS: Final = 400
"""Of a sealed place, and a few more."""
_NONCE_BYTES: Final = 12
_PLACE_BYTES: Final = 256  # a repository's name at its longest
_PURPOSE: Final = "cursors"


class Cursors:
    """Seals and opens places. It never prints.

    Args:
        key: 32 bytes.
    """

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    @classmethod
    def of(cls, access: Access) -> Self:
        """Those of a server, which its replicas open too; of this process alone where there is no key for tokens."""
        return cls(access.tokens.derive(_PURPOSE) if access.tokens is not None else secrets.token_bytes(32))

    def seal(self, place: str, whose: str) -> str:
        """A place as its reader gets it.

        Args:
            place: the name after which the list goes on.
            whose: who reads which list.
        """
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, place.encode().ljust(_PLACE_BYTES, b"\0"), whose.encode())
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def open(self, text: str, whose: str) -> str:
        """The place.

        Raises:
            InvalidInputError: it was not sealed here, or for another reader or list.
        """
        try:
            raw = base64.urlsafe_b64decode(text[:MAX_CHARS] + "=" * (-len(text) % 4))
            place = self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], whose.encode())
        except (binascii.Error, ValueError, InvalidTag) as error:
            raise InvalidInputError("no place in this list", remedy="begin anew, without it") from error
        return place.rstrip(b"\0").decode()
