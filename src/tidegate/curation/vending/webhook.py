# SPDX-License-Identifier: Apache-2.0
"""Signatures of webhooks after Standard Webhooks 1.0: HMAC-SHA256 over `id.timestamp.body`, keys as `whsec_…`."""

import base64
import binascii
import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Final

from tidegate.errors import InvalidInputError

_PREFIX: Final = "whsec_"
_NEW_BYTES: Final = 32
_MIN_BYTES: Final = 24
_MAX_BYTES: Final = 64


class WebhookSecret:
    """A key shared with a receiver; it never prints.

    Args:
        text: `whsec_` and 24 to 64 bytes in base64.

    Raises:
        InvalidInputError: it is none.
    """

    __slots__ = ("_key", "_text")

    def __init__(self, text: str) -> None:
        try:
            key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidInputError("not a webhook secret", remedy="write whsec_ and base64") from error
        if not text.startswith(_PREFIX) or not _MIN_BYTES <= len(key) <= _MAX_BYTES:
            raise InvalidInputError("not a webhook secret", remedy="write whsec_ and 24 to 64 bytes in base64")
        self._text, self._key = text, key

    @classmethod
    def generate(cls) -> "WebhookSecret":
        """A new one, of 32 random bytes."""
        return cls(_PREFIX + base64.b64encode(secrets.token_bytes(_NEW_BYTES)).decode())

    def reveal(self) -> str:
        """The secret itself: to be stored, and told once to whoever asked for it."""
        return self._text

    def headers(self, message: str, body: bytes, *, at: datetime) -> Mapping[str, str]:
        """What a receiver verifies a message by.

        Args:
            message: its id, the same at every try.
            body: as it is sent.
            at: the moment of this try.
        """
        moment = str(int(at.timestamp()))
        signed = hmac.new(self._key, f"{message}.{moment}.".encode() + body, sha256).digest()
        signature = base64.b64encode(signed).decode()
        return {"webhook-id": message, "webhook-timestamp": moment, "webhook-signature": f"v1,{signature}"}

    def __repr__(self) -> str:
        return "WebhookSecret(…)"
