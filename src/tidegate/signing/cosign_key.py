# SPDX-License-Identifier: Apache-2.0
"""Private keys as cosign keeps them: PKCS#8 DER under scrypt and NaCl's secretbox, in JSON, in PEM.

The form is that of go-securesystemslib's `encrypted` package: `{"kdf": …, "cipher": …, "ciphertext": …}`.
"""

import base64
import binascii
import hashlib
import re
import secrets
from typing import Final

from tidegate.bounds import MIB
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.key_file import MAX_KEY_BYTES
from tidegate.values import Struct
from tidegate.wire import from_json, to_json

MAX_SCRYPT_BYTES: Final = 512 * MIB
"""Memory a key file may ask for (128 · N · r)."""
_LABELS: Final = (b"ENCRYPTED SIGSTORE PRIVATE KEY", b"ENCRYPTED COSIGN PRIVATE KEY")
_PEM: Final = re.compile(rb"-----BEGIN (%s)-----\s+([A-Za-z0-9+/=\s]+)-----END \1-----" % b"|".join(_LABELS))
_COST: Final = (65536, 8, 1)
"""N, r and p of scrypt, as cosign has them today."""
_MAX_P: Final = 16
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 24
_LINE_CHARS: Final = 64


class _Scrypt(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    N: int
    r: int
    p: int


class _Kdf(Struct, frozen=True, kw_only=True):
    name: str
    params: _Scrypt
    salt: str


class _Cipher(Struct, frozen=True, kw_only=True):
    name: str
    nonce: str


class _Locked(Struct, frozen=True, kw_only=True):
    kdf: _Kdf
    cipher: _Cipher
    ciphertext: str


def is_cosign_key(data: bytes) -> bool:
    """True for what begins like one of cosign's private keys."""
    return any(b"-----BEGIN " + label in data for label in _LABELS)


def open_cosign_key(data: bytes, password: bytes, *, where: str = "private key") -> bytes:
    """Opens a private key of cosign.

    Returns:
        The key in PKCS#8 DER.

    Raises:
        InvalidInputError: it is malformed, made in another way, or the password is wrong.
        BoundExceededError: it asks for more memory than 512 MiB.
    """
    from nacl.exceptions import CryptoError
    from nacl.secret import SecretBox

    found = _PEM.search(data)
    if found is None:
        raise InvalidInputError("a private key of cosign that is broken off", where=where)
    locked = from_json(_unbase64(found[2], where), _Locked, what=where, max_bytes=MAX_KEY_BYTES)
    if (locked.kdf.name, locked.cipher.name) != ("scrypt", "nacl/secretbox"):
        raise InvalidInputError(f"locked by {locked.kdf.name} and {locked.cipher.name}"[:120], where=where)
    key = _derive(password, _unbase64(locked.kdf.salt, where), locked.kdf.params, where)
    try:
        # Not chained, and not told: what fails here is a password.
        return bytes(SecretBox(key).decrypt(_unbase64(locked.ciphertext, where), _unbase64(locked.cipher.nonce, where)))
    except (CryptoError, ValueError):
        raise InvalidInputError("the password is wrong, or the key is damaged", where=where) from None


def lock_cosign_key(der: bytes, password: bytes) -> bytes:
    """Writes a private key for cosign.

    Args:
        der: the key in PKCS#8 DER.
        password: what opens it; cosign takes an empty one too.

    Returns:
        PEM, which `cosign sign --key` and `open_cosign_key` read.
    """
    from nacl.secret import SecretBox

    salt, nonce = secrets.token_bytes(_KEY_BYTES), secrets.token_bytes(_NONCE_BYTES)
    params = _Scrypt(N=_COST[0], r=_COST[1], p=_COST[2])
    box = SecretBox(_derive(password, salt, params, "private key"))
    locked = _Locked(
        kdf=_Kdf(name="scrypt", params=params, salt=_base64(salt)),
        cipher=_Cipher(name="nacl/secretbox", nonce=_base64(nonce)),
        ciphertext=_base64(box.encrypt(der, nonce).ciphertext),
    )
    body = _base64(to_json(locked))
    lines = "\n".join(body[at : at + _LINE_CHARS] for at in range(0, len(body), _LINE_CHARS))
    label = _LABELS[0].decode()
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n".encode()


def _derive(password: bytes, salt: bytes, params: _Scrypt, where: str) -> bytes:
    if params.N < 2 or params.N & (params.N - 1) or not 1 <= params.p <= _MAX_P or params.r < 1:  # noqa: PLR2004
        raise InvalidInputError("no parameters of scrypt", where=where)
    if 128 * params.N * params.r > MAX_SCRYPT_BYTES:
        raise BoundExceededError("MAX_SCRYPT_BYTES", MAX_SCRYPT_BYTES, where=where)
    return hashlib.scrypt(
        password,
        salt=salt,
        n=params.N,
        r=params.r,
        p=params.p,
        maxmem=2 * MAX_SCRYPT_BYTES,
        dklen=_KEY_BYTES,
    )


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _unbase64(text: str | bytes, where: str) -> bytes:
    try:
        return base64.b64decode(b"".join((text if isinstance(text, bytes) else text.encode()).split()), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise InvalidInputError("malformed base64", where=where) from error
