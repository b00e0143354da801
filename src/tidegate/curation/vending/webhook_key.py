# SPDX-License-Identifier: Apache-2.0
"""The key that secrets of webhooks are kept under: AES-256-GCM, bound to the subscription that each belongs to."""

import base64
import binascii
import hashlib
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tidegate.bounds import read_bounded
from tidegate.curation.vending.webhook import WebhookSecret
from tidegate.errors import InvalidInputError, OutsideError, UsageError
from tidegate.key_file import create_secret_file

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_MAX_FILE_BYTES: Final = 1024
_FORM: Final = "aes-256-gcm."


class WebhookKey:
    """Every replica has the same one. It never prints.

    Args:
        key: 32 bytes.

    Attributes:
        key_id: tells it from others, and nothing of it.
    """

    __slots__ = ("_cipher", "key_id")

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self.key_id = hashlib.sha256(b"tidegate webhook key id\0" + key).hexdigest()

    @classmethod
    def load(cls, file: Path) -> Self:
        """Reads the key, 32 bytes in base64, from a file for its owner alone; makes one when there is no file yet.

        Raises:
            InvalidInputError: the file holds something else.
            OutsideError: the disk refused.
        """
        if not file.exists():
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            made = base64.b64encode(secrets.token_bytes(_KEY_BYTES)) + b"\n"
            with suppress(UsageError):  # another process was first: its key is the one
                create_secret_file(file, made, what="key of webhooks")
        try:
            with file.open("rb") as source:
                raw = read_bounded(source, max_bytes=_MAX_FILE_BYTES, what=str(file))
        except OSError as error:
            raise OutsideError(f"cannot read the key of webhooks: {error.strerror}", where=str(file)) from error
        try:
            key = base64.b64decode(raw.strip(), validate=True)
        except binascii.Error:
            key = b""
        if len(key) != _KEY_BYTES:
            raise InvalidInputError(
                "holds no key of webhooks", where=str(file), remedy="bring back the file that secrets were kept under"
            )
        return cls(key)

    def seal(self, secret: WebhookSecret, number: str) -> str:
        """A secret as it is stored for the subscription of this number."""
        return self.seal_text(secret.reveal(), number)

    def seal_text(self, text: str, bound_to: str) -> str:
        """Any secret as it is stored for what it belongs to."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, text.encode(), bound_to.encode())
        return _FORM + base64.b64encode(sealed).decode()

    def open(self, sealed: str, number: str) -> WebhookSecret:
        """The secret of the subscription of this number.

        Raises:
            InvalidInputError: it was sealed by another key, for another subscription, or not at all.
        """
        return WebhookSecret(self._open(sealed, number, where=f"subscription {number}", instead="subscribe anew"))

    def open_text(self, sealed: str, bound_to: str) -> str:
        """The secret of what it belongs to.

        Raises:
            InvalidInputError: it was sealed by another key, for something else, or not at all.
        """
        return self._open(sealed, bound_to, where=bound_to.rpartition(" ")[0], instead="give the secret anew")

    def _open(self, sealed: str, bound_to: str, *, where: str, instead: str) -> str:
        form, dot, rest = sealed.partition(".")
        try:
            raw = base64.b64decode(rest if form + dot == _FORM else "", validate=True)  # nothing opens as nothing
            return self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], bound_to.encode()).decode()
        except (ValueError, InvalidTag) as error:
            raise InvalidInputError(
                "the secret cannot be opened with this key",
                where=where,
                remedy=f"bring back the file of signing.webhook_key_file, or {instead}",
            ) from error

    def __repr__(self) -> str:
        return "WebhookKey(…)"
