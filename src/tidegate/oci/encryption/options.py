# SPDX-License-Identifier: Apache-2.0
"""What is said of a layer's cipher: openly in an annotation, and the secret half wrapped for recipients (JSON)."""

from collections.abc import Mapping
from typing import Final

from tidegate.artifact import Digest
from tidegate.bounds import KIB
from tidegate.errors import InvalidInputError
from tidegate.oci.encryption.block_cipher import CIPHER, HMAC_BYTES, KEY_BYTES, NONCE_BYTES, LayerKey
from tidegate.values import Struct, field
from tidegate.wire import from_json, to_json

MAX_OPTIONS_BYTES: Final = 16 * KIB
"""Longest document of either half."""
_NONCE: Final = "nonce"


class LayerSecret(Struct, frozen=True, kw_only=True):
    """All it takes to decrypt one layer.

    Attributes:
        key: the layer's.
        digest: of the layer before it was encrypted, as its maker said; None when nothing was said.
        hmac: of the whole ciphertext.
    """

    key: LayerKey
    digest: Digest | None
    hmac: bytes

    def private_options(self) -> bytes:
        """The half that is wrapped for recipients."""
        return to_json(
            {
                "symkey": self.key.key,
                "digest": self.digest or "",
                "cipheroptions": {_NONCE: self.key.nonce},
            }
        )

    def public_options(self) -> bytes:
        """The half that everybody may read."""
        return to_json({"cipher": CIPHER, "hmac": self.hmac, "cipheroptions": {}})


class _Private(Struct, frozen=True, kw_only=True):
    symkey: bytes = b""
    digest: str = ""
    cipheroptions: Mapping[str, bytes] | None = field(default_factory=dict)


class _Public(Struct, frozen=True, kw_only=True):
    cipher: str = ""
    hmac: bytes | None = None
    cipheroptions: Mapping[str, bytes] | None = field(default_factory=dict)


def read_options(private: bytes, public: bytes, *, where: str) -> LayerSecret:
    """Puts the halves together.

    Args:
        private: as it came out of its wrapping.
        public: as the annotation carried it.
        where: the layer's name in errors.

    Raises:
        BoundExceededError: a half is over 16 KiB.
        InvalidInputError: a half is malformed, of another cipher, or without a key, nonce or HMAC of the right length.
    """
    hidden, shown = _read_private(private, where), read_public(public, where=where)
    # As ocicrypt looks for it: the open half first. One that was changed there gives bytes of another digest.
    nonce = (shown.cipheroptions or {}).get(_NONCE) or (hidden.cipheroptions or {}).get(_NONCE) or b""
    if len(hidden.symkey) != KEY_BYTES or len(nonce) != NONCE_BYTES:
        raise InvalidInputError(
            f"the unwrapped key or its nonce has another length than {CIPHER} asks for", where=where
        )
    digest = Digest(hidden.digest) if hidden.digest else None
    return LayerSecret(key=LayerKey(hidden.symkey, nonce), digest=digest, hmac=shown.hmac or b"")


def read_public(document: bytes, *, where: str) -> _Public:
    """Reads the open half and checks that it is of the one cipher there is.

    Raises:
        BoundExceededError: it is over 16 KiB.
        InvalidInputError: it is malformed, of another cipher, or has no HMAC.
    """
    public = from_json(document, _Public, what=f"{where}: public options", max_bytes=MAX_OPTIONS_BYTES)
    if public.cipher != CIPHER:
        raise InvalidInputError(f"encrypted with {public.cipher[:80]!r}; known is {CIPHER}", where=where)
    if len(public.hmac or b"") != HMAC_BYTES:
        raise InvalidInputError("carries no HMAC of its ciphertext", where=where)
    return public


def _read_private(document: bytes, where: str) -> _Private:
    try:
        return from_json(document, _Private, what=f"{where}: private options", max_bytes=MAX_OPTIONS_BYTES)
    except InvalidInputError:
        # Not chained, and without the parser's words: they may quote what it read.
        raise InvalidInputError("what its wrapped key holds is malformed", where=where) from None
