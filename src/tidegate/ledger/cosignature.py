# SPDX-License-Identifier: Apache-2.0
"""What a witness says of a checkpoint, and when: C2SP tlog-cosignature.

Ed25519 cosignatures (type 0x04, `cosignature/v1`) are made and verified, those of ML-DSA-44 (0x06) verified.
"""

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from tidegate.errors import InvalidInputError
from tidegate.ledger.checkpoint import Checkpoint
from tidegate.ledger.note import check_name, key_id_of, signature_line

ED25519_COSIGNATURE: Final = 0x04
MLDSA_COSIGNATURE: Final = 0x06
COSIGNATURE_TYPES: Final = frozenset({ED25519_COSIGNATURE, MLDSA_COSIGNATURE})
_TIME_BYTES: Final = 8
_KEY_BYTES: Final = {ED25519_COSIGNATURE: 32, MLDSA_COSIGNATURE: 1312}
_MAX_TIME: Final = 253_402_300_799  # the last second of the year 9999
_MAX_NAME_BYTES: Final = 255


@dataclass(frozen=True, slots=True)
class CosignerKey:
    """A witness's public key, with the name it cosigns under."""

    name: str
    kind: int
    public: bytes

    @classmethod
    def of(cls, name: str, kind: int, public: bytes) -> Self:
        """Checks the parts.

        Raises:
            InvalidInputError: the key has another length than its type says, or the name is none.
        """
        if len(public) != _KEY_BYTES[kind]:
            raise InvalidInputError(f"needs a key of {_KEY_BYTES[kind]} bytes", where="witness key")
        return cls(check_name(name), kind, public)

    @property
    def key_id(self) -> bytes:
        """The four bytes that tell keys of one name apart."""
        return key_id_of(self.name, self.kind, self.public)

    def holds(self, text: str, signature: bytes) -> bool:
        """True when this witness cosigned the checkpoint with that text."""
        stamp, rest = signature[:_TIME_BYTES], signature[_TIME_BYTES:]
        seconds = int.from_bytes(stamp, "big")
        if len(stamp) != _TIME_BYTES or seconds > _MAX_TIME:
            return False
        try:
            if self.kind == ED25519_COSIGNATURE:
                Ed25519PublicKey.from_public_bytes(self.public).verify(rest, _message(text, seconds))
            else:
                MLDSA44PublicKey.from_public_bytes(self.public).verify(rest, _structure(self.name, text, stamp))
        except (InvalidSignature, InvalidInputError, ValueError):
            return False
        return True

    def __str__(self) -> str:
        encoded = base64.b64encode(bytes([self.kind]) + self.public).decode("ascii")
        return f"{self.name}+{self.key_id.hex()}+{encoded}"


def cosigned_at(signature: bytes) -> datetime:
    """The moment that a cosignature that holds names."""
    return datetime.fromtimestamp(int.from_bytes(signature[:_TIME_BYTES], "big"), UTC)


@dataclass(frozen=True, slots=True)
class Cosigner:
    """A witness's private key (Ed25519); it never shows in `repr`, an error or a log.

    It must not sign anything else: the message does not say which of two cosigners made it.
    """

    name: str
    _private: Ed25519PrivateKey = field(repr=False, compare=False)

    @classmethod
    def from_seed(cls, name: str, seed: bytes) -> Self:
        """Makes the key of a 32-byte secret (RFC 8032 section 5.1.5)."""
        return cls(check_name(name), Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def key(self) -> CosignerKey:
        """The public half."""
        return CosignerKey(self.name, ED25519_COSIGNATURE, self._private.public_key().public_bytes_raw())

    def cosign(self, text: str, at: datetime) -> str:
        """The signature line for a checkpoint's text, which the caller has found consistent with all before."""
        seconds = int(at.timestamp())
        signature = self._private.sign(_message(text, seconds))
        return signature_line(self.name, self.key.key_id, seconds.to_bytes(_TIME_BYTES, "big") + signature)

    def __reduce__(self) -> str:
        raise TypeError("a private key is not serialised")


def _message(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def _structure(name: str, text: str, stamp: bytes) -> bytes:
    """The `cosigned_message` of section "ML-DSA-44 signed message"; extension lines are not in it."""
    checkpoint = Checkpoint.from_text(text)
    cosigner, origin = name.encode(), checkpoint.origin.encode()
    if len(cosigner) > _MAX_NAME_BYTES or len(origin) > _MAX_NAME_BYTES:
        raise InvalidInputError("a name is longer than 255 bytes", where="cosignature")
    parts = (
        b"subtree/v1\n\0",
        bytes([len(cosigner)]) + cosigner,
        stamp,
        bytes([len(origin)]) + origin,
        bytes(8),
        checkpoint.size.to_bytes(8, "big"),
        checkpoint.root,
    )
    return b"".join(parts)
