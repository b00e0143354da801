# SPDX-License-Identifier: Apache-2.0
"""Public keys of notes, of every type that checkpoints of others are signed with.

Ed25519 (0x01) is ours; ECDSA (0x02) is as transparency-dev/witness has it; 0x04 and 0x06 are those of cosigners.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Final, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, SECP384R1, SECP521R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tidegate.errors import InvalidInputError
from tidegate.ledger.cosignature import COSIGNATURE_TYPES, CosignerKey
from tidegate.ledger.note import ED25519, NoteKey, NoteVerifier, split_key

_ECDSA: Final = 0x02
_CURVES: Final = (SECP256R1, SECP384R1, SECP521R1)


@dataclass(frozen=True, slots=True)
class EcdsaNoteKey:
    """An ECDSA key over P-256, P-384 or P-521 with SHA-256; its id is the hash of its SPKI form, without the name."""

    name: str
    public: bytes
    _key: EllipticCurvePublicKey = field(repr=False, compare=False)

    @classmethod
    def of(cls, name: str, spki: bytes) -> Self:
        """Reads a key in DER (SubjectPublicKeyInfo).

        Raises:
            InvalidInputError: it is none, or of another curve.
        """
        try:
            key = load_der_public_key(spki)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise InvalidInputError("holds no public key", where="note key") from error
        if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, _CURVES):
            raise InvalidInputError("holds no ECDSA key of P-256, P-384 or P-521", where="note key")
        return cls(name, spki, key)

    @property
    def key_id(self) -> bytes:
        """The four bytes that tell keys of one name apart."""
        return hashlib.sha256(self.public).digest()[:4]

    def holds(self, text: str, signature: bytes) -> bool:
        """True when this key signed that text."""
        try:
            self._key.verify(signature, text.encode(), ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True


def parse_note_key(text: str) -> NoteKey:
    """Reads a key in the specification's form, `name+hash+key`, of any type known here.

    Raises:
        InvalidInputError: it is not one, of a type not known here, or its hash is another key's.
    """
    name, key_id, kind, public = split_key(text)
    found: NoteKey
    if kind == ED25519:
        found = NoteVerifier(name, public)
    elif kind == _ECDSA:
        found = EcdsaNoteKey.of(name, public)
    elif kind in COSIGNATURE_TYPES:
        found = CosignerKey.of(name, kind, public)
    else:
        raise InvalidInputError(f"of a type not known here: {kind:#04x}", where="note key")
    if found.key_id != key_id:
        raise InvalidInputError("the hash in it is another key's", where="note key")
    return found
