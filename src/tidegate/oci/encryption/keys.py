# SPDX-License-Identifier: Apache-2.0
"""Keys that layer keys are wrapped for: RSA of 2048 bits and more, EC on P-256, P-384 and P-521.

Public ones in SubjectPublicKeyInfo or PKCS#1 (PEM or DER) or as a JWK; private ones in PKCS#8, PKCS#1 or SEC 1 (PEM or
DER, also under a password) or as a JWK.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self, cast

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from tidegate.errors import InvalidInputError, UsageError
from tidegate.key_file import MAX_KEY_BYTES, parse_private_key, parse_public_key, read_key_file, read_private_key_file
from tidegate.wire import from_json

MIN_RSA_BITS: Final = 2048
MAX_RSA_BITS: Final = 8192
_CURVES: Final = frozenset({"secp256r1", "secp384r1", "secp521r1"})
_KINDS: Final = f"RSA of {MIN_RSA_BITS} to {MAX_RSA_BITS} bits, EC on P-256, P-384 or P-521"
_SCHEME: Final = "jwe"
_UNKNOWN_SCHEMES: Final = frozenset({"pkcs7", "pkcs11", "pgp", "provider"})

_Public = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
_Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class RecipientKey:
    """The public key of one who shall be able to decrypt.

    Attributes:
        kid: the key's thumbprint (RFC 7638), by which a wrapped key says whose it is.
        algorithm: how a secret is wrapped for it.
    """

    kid: str
    algorithm: str
    jose: RSAKey | ECKey = field(repr=False, compare=False)

    @classmethod
    def parse(cls, data: bytes, *, where: str = "public key") -> Self:
        """Reads a public key in any of the forms.

        Raises:
            BoundExceededError: it is over 32 KiB.
            InvalidInputError: it is none, or of a kind that nothing can be wrapped for.
        """
        return cls.of(_read_public(data, where), where=where)

    @classmethod
    def of(cls, public: _Public, *, where: str = "public key") -> Self:
        """Takes a key of `cryptography`.

        Raises:
            InvalidInputError: it is of a kind that nothing can be wrapped for.
        """
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        if isinstance(public, rsa.RSAPublicKey):
            if not MIN_RSA_BITS <= public.key_size <= MAX_RSA_BITS:
                raise InvalidInputError(f"RSA of {public.key_size} bits", where=where, remedy=f"use {_KINDS}")
            key: RSAKey | ECKey = RSAKey.import_key(pem)
            return cls(key.thumbprint(), "RSA-OAEP", key)
        if public.curve.name not in _CURVES:
            raise InvalidInputError(f"EC on {public.curve.name}", where=where, remedy=f"use {_KINDS}")
        key = ECKey.import_key(pem)
        return cls(key.thumbprint(), "ECDH-ES+A256KW", key)

    def to_pem(self) -> bytes:
        """The SubjectPublicKeyInfo PEM."""
        return self.jose.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@dataclass(frozen=True, slots=True)
class DecryptionKey:
    """A private key. It never shows in `repr`, an error or a log, and cannot be pickled by accident."""

    recipient: RecipientKey
    jose: RSAKey | ECKey = field(repr=False, compare=False)

    @classmethod
    def parse(cls, data: bytes, *, password: bytes | None = None, where: str = "private key") -> Self:
        """Reads a private key in any of the forms.

        Raises:
            BoundExceededError: it is over 32 KiB.
            InvalidInputError: it is none, of a kind that nothing can be wrapped for, or the password is wrong.
            UsageError: it is under a password and none was given.
        """
        return cls.of(_read_private(data, password, where), where=where)

    @classmethod
    def of(cls, private: _Private, *, where: str = "private key") -> Self:
        """Takes a key of `cryptography`.

        Raises:
            InvalidInputError: it is of a kind that nothing can be wrapped for.
        """
        recipient = RecipientKey.of(private.public_key(), where=where)
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return cls(recipient, (RSAKey if isinstance(private, rsa.RSAPrivateKey) else ECKey).import_key(pem))

    def __reduce__(self) -> str:
        raise TypeError("a private key is not serialised")


def load_recipient(text: str) -> RecipientKey:
    """Reads the public key that `jwe:FILE` names; the scheme may be left out.

    Raises:
        NotFoundError: there is no such file.
        InvalidInputError: it holds no public key of a known kind.
        UsageError: another scheme is asked for.
    """
    scheme, colon, rest = text.partition(":")
    if colon and scheme in _UNKNOWN_SCHEMES and not Path(text).exists():
        raise UsageError(f"recipients by {scheme} are not known here", where=text, remedy="use jwe:PUBLIC_KEY_FILE")
    path = Path(rest if colon and scheme == _SCHEME else text)
    return RecipientKey.parse(read_key_file(path), where=str(path))


def load_decryption_key(text: str) -> DecryptionKey:
    """Reads the private key that `FILE` or `FILE:PASSWORD_FILE` names.

    Raises:
        NotFoundError: there is no such file.
        InvalidInputError: it holds no private key of a known kind, or the password is wrong.
        UsageError: somebody else may read it; or it is under a password, and none is named.
    """
    data, password, where = read_private_key_file(text)
    return DecryptionKey.parse(data, password=password, where=where)


def _read_public(data: bytes, where: str) -> _Public:
    if _is_json(data):
        return _jwk(data, where, private=False).public_key
    return cast("_Public", _known(parse_public_key(data, where=where), where))


def _read_private(data: bytes, password: bytes | None, where: str) -> _Private:
    if _is_json(data):
        return cast("_Private", _known(_jwk(data, where, private=True).private_key, where))
    return cast("_Private", _known(parse_private_key(data, password=password, where=where), where))


def _is_json(data: bytes) -> bool:
    return data.lstrip()[:1] == b"{"


def _jwk(data: bytes, where: str, *, private: bool) -> RSAKey | ECKey:
    document = from_json(data, dict[str, Any], what=where, max_bytes=MAX_KEY_BYTES)
    kinds: dict[object, type[RSAKey | ECKey]] = {"RSA": RSAKey, "EC": ECKey}
    kind = kinds.get(str(document.get("kty")))
    key: RSAKey | ECKey | None = None
    try:
        key = kind.import_key(document) if kind else None
    except (JoseError, ValueError, TypeError, KeyError):
        key = None
    if key is None or key.is_private is not private:
        raise InvalidInputError(f"no {'private' if private else 'public'} JWK of RSA or EC", where=where)
    return key


def _known(key: object, where: str) -> Any:
    kinds = (rsa.RSAPublicKey, rsa.RSAPrivateKey, ec.EllipticCurvePublicKey, ec.EllipticCurvePrivateKey)
    if not isinstance(key, kinds):
        raise InvalidInputError(f"a {type(key).__name__} cannot decrypt", where=where, remedy=f"use {_KINDS}")
    return key
