# SPDX-License-Identifier: Apache-2.0
"""Keys that layer keys are wrapped for: RSA of 2048 bits and more, EC on P-256, P-384 and P-521.

Public ones in SubjectPublicKeyInfo or PKCS#1 (PEM or DER) or as a JWK; private ones in PKCS#8, PKCS#1 or SEC 1 (PEM or
DER, also under a password) or as a JWK.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self, cast

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from tidegate.bounds import KIB, read_bounded
from tidegate.errors import InvalidInputError, NotFoundError, OutsideError, UsageError
from tidegate.wire import from_json

MAX_KEY_BYTES: Final = 32 * KIB
"""Longest key file read."""
MIN_RSA_BITS: Final = 2048
MAX_RSA_BITS: Final = 8192
_CURVES: Final = frozenset({"secp256r1", "secp384r1", "secp521r1"})
_READABLE_BY_OTHERS: Final = 0o077
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
    return RecipientKey.parse(_file(path), where=str(path))


def load_decryption_key(text: str) -> DecryptionKey:
    """Reads the private key that `FILE` or `FILE:PASSWORD_FILE` names.

    Raises:
        NotFoundError: there is no such file.
        InvalidInputError: it holds no private key of a known kind, or the password is wrong.
        UsageError: somebody else may read it; or it is under a password, and none is named.
    """
    path, password = Path(text), None
    if not path.exists() and ":" in text:
        head, _, tail = text.rpartition(":")
        if tail.startswith("pass="):
            raise UsageError(
                "a password on the command line can be read by others", where=head, remedy="write FILE:PASSWORD_FILE"
            )
        path, password = Path(head), _file(Path(tail), secret=True).rstrip(b"\r\n")
    return DecryptionKey.parse(_file(path, secret=True), password=password, where=str(path))


def _file(path: Path, *, secret: bool = False) -> bytes:
    try:
        with path.open("rb") as file:
            if secret and os.fstat(file.fileno()).st_mode & _READABLE_BY_OTHERS:
                raise UsageError("others may read this file of a key", where=str(path), remedy="chmod 600 it")
            return read_bounded(file, max_bytes=MAX_KEY_BYTES, what=str(path))
    except FileNotFoundError as error:
        raise NotFoundError("no such key file", where=str(path)) from error
    except OSError as error:
        raise OutsideError(f"cannot read the key: {error.strerror}", where=str(path)) from error


def _read_public(data: bytes, where: str) -> _Public:
    try:
        if _is_json(data):
            return _jwk(data, where, private=False).public_key
        load = load_pem_public_key if b"-----BEGIN" in data else load_der_public_key
        return cast("_Public", _known(load(data), where))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InvalidInputError("no public key in PEM, DER or JWK", where=where, remedy=f"use {_KINDS}") from error


def _read_private(data: bytes, password: bytes | None, where: str) -> _Private:
    # None of these is chained: what the parser says may quote what it read.
    try:
        if _is_json(data):
            return cast("_Private", _known(_jwk(data, where, private=True).private_key, where))
        load = load_pem_private_key if b"-----BEGIN" in data else load_der_private_key
        return cast("_Private", _known(load(data, password or None), where))
    except TypeError:
        if password:
            raise InvalidInputError("is under no password", where=where, remedy="leave the password out") from None
        raise UsageError("is under a password", where=where, remedy="write FILE:PASSWORD_FILE") from None
    except (ValueError, UnsupportedAlgorithm):
        what = "the password is wrong, or it holds no private key" if password else "no private key in PEM, DER or JWK"
        raise InvalidInputError(what, where=where) from None


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
