# SPDX-License-Identifier: Apache-2.0
"""ocicrypt's cipher `AES_256_CTR_HMAC_SHA256` over streams: encrypt, then authenticate the ciphertext.

The same key serves AES and HMAC and the nonce is not authenticated: that is the format. A wrong nonce gives another
plaintext, which its digest under the wrapped key tells.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Final, Self

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from tidegate.bounds import Readable
from tidegate.errors import InvalidInputError

CIPHER: Final = "AES_256_CTR_HMAC_SHA256"
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 16
HMAC_BYTES: Final = 32


class TamperedError(InvalidInputError):
    """A ciphertext is not the one its key's holder made: changed, cut or grown."""

    def __init__(self, *, where: str) -> None:
        super().__init__(
            "the ciphertext was changed or cut short: its HMAC is another", where=where, remedy="fetch the layer again"
        )


@dataclass(frozen=True, slots=True)
class LayerKey:
    """The key of one layer. It never shows in `repr`, and cannot be pickled by accident."""

    key: bytes = field(repr=False)
    nonce: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.key) != KEY_BYTES or len(self.nonce) != NONCE_BYTES:
            raise ValueError("a layer key has 32 bytes and its nonce 16")

    @classmethod
    def generate(cls) -> Self:
        """Makes a new one from the system's randomness: a layer never shares its key or nonce with another."""
        return cls(secrets.token_bytes(KEY_BYTES), secrets.token_bytes(NONCE_BYTES))

    def __reduce__(self) -> str:
        raise TypeError("a layer key is not serialised")


class Encrypting:
    """A reader that encrypts what it reads, as many bytes out as in."""

    def __init__(self, source: Readable, key: LayerKey) -> None:
        self._source = source
        self._cipher: CipherContext = Cipher(AES(key.key), CTR(key.nonce)).encryptor()
        self._mac = hmac.new(key.key, digestmod=hashlib.sha256)

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes of ciphertext, b"" at the end."""
        data = self._cipher.update(self._source.read(size))
        self._mac.update(data)
        return data

    @property
    def hmac(self) -> bytes:
        """Of the ciphertext read so far; of the whole once `read` gave b""."""
        return self._mac.digest()


class Decrypting:
    """A reader that decrypts what it reads; only when it has given b"" is what it gave before proved.

    Args:
        source: the ciphertext.
        key: the layer's.
        expected_hmac: of the whole ciphertext.
        where: the layer's name in errors.
    """

    def __init__(self, source: Readable, key: LayerKey, *, expected_hmac: bytes, where: str) -> None:
        self._source = source
        self._cipher: CipherContext = Cipher(AES(key.key), CTR(key.nonce)).decryptor()
        self._mac = hmac.new(key.key, digestmod=hashlib.sha256)
        self._expected = expected_hmac
        self._where = where

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes of plaintext, b"" at the end.

        Raises:
            TamperedError: at the end, the ciphertext is another than was made.
        """
        data = self._source.read(size)
        self._mac.update(data)
        if (not data or size < 0) and not hmac.compare_digest(self._mac.digest(), self._expected):
            raise TamperedError(where=self._where)
        return self._cipher.update(data)
