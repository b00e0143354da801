# SPDX-License-Identifier: Apache-2.0
"""ECDSA P-256 keys in files: PKCS#8 PEM (RFC 5958, RFC 7468) the private one, SubjectPublicKeyInfo PEM the public."""

import hashlib
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NewType, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from securesystemslib.signer import (  # type: ignore[attr-defined]  # public, but it names no __all__
    CryptoSigner,
    SSlibKey,
)

from tidegate.bounds import read_bounded
from tidegate.errors import BoundExceededError, InvalidInputError, NotFoundError, OutsideError, UsageError
from tidegate.signing.bounds import MAX_KEY_FILE_BYTES, MAX_TRUSTED_KEYS

KeyId = NewType("KeyId", str)
"""sha256 hex of the key's SubjectPublicKeyInfo in DER."""

_READABLE_BY_OTHERS = 0o077


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A public key and its id."""

    key_id: KeyId
    public: ec.EllipticCurvePublicKey = field(repr=False, compare=False)

    @classmethod
    def of(cls, public: ec.EllipticCurvePublicKey) -> Self:
        """Names a public key."""
        der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return cls(KeyId(hashlib.sha256(der).hexdigest()), public)

    @classmethod
    def from_pem(cls, pem: bytes, *, where: str = "public key") -> Self:
        """Reads a SubjectPublicKeyInfo PEM.

        Raises:
            InvalidInputError: it is no P-256 public key.
        """
        try:
            public = load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise InvalidInputError("not a public key in PEM", where=where) from error
        if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
            raise InvalidInputError("not an ECDSA P-256 key", where=where)
        return cls.of(public)

    def to_pem(self) -> bytes:
        """The SubjectPublicKeyInfo PEM."""
        return self.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def verifier(self) -> SSlibKey:
        """The same key as securesystemslib verifies with."""
        return SSlibKey.from_crypto(self.public, keyid=self.key_id)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key. It never shows in `repr`, an error or a log, and cannot be pickled by accident."""

    verifying: VerifyingKey
    _private: ec.EllipticCurvePrivateKey = field(repr=False, compare=False)

    @classmethod
    def generate(cls) -> Self:
        """Makes a new key from the system's randomness."""
        return cls._of(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads a PKCS#8 PEM file.

        Raises:
            NotFoundError: there is no such file.
            UsageError: somebody else may read it.
            InvalidInputError: it is no unencrypted P-256 private key.
        """
        try:
            private = load_pem_private_key(_read(path, secret=True), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            # Not chained: what the parser says may quote what it read.
            raise InvalidInputError("not an unencrypted PKCS#8 private key in PEM", where=str(path)) from None
        if not isinstance(private, ec.EllipticCurvePrivateKey) or not isinstance(private.curve, ec.SECP256R1):
            raise InvalidInputError("not an ECDSA P-256 key", where=str(path))
        return cls._of(private)

    @classmethod
    def _of(cls, private: ec.EllipticCurvePrivateKey) -> Self:
        return cls(VerifyingKey.of(private.public_key()), private)

    @property
    def key_id(self) -> KeyId:
        """The id of the public half."""
        return self.verifying.key_id

    def save(self, path: Path) -> None:
        """Writes a new file with mode 0600, whole or not at all; an existing one is never replaced.

        Raises:
            UsageError: the file is already there.
            OutsideError: the disk refused.
        """
        create_secret_file(
            path, self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), what="private key"
        )

    def signer(self) -> CryptoSigner:
        """The same key as securesystemslib signs with."""
        return CryptoSigner(self._private, self.verifying.verifier())

    def __reduce__(self) -> str:
        raise TypeError("a private key is not serialised")


@dataclass(frozen=True, slots=True)
class TrustedKeys:
    """The keys a verifier accepts, by id."""

    keys: Mapping[KeyId, VerifyingKey]

    @classmethod
    def of(cls, keys: Iterable[VerifyingKey]) -> Self:
        """Collects keys.

        Raises:
            BoundExceededError: more than `MAX_TRUSTED_KEYS`.
        """
        found = {key.key_id: key for key in keys}
        if len(found) > MAX_TRUSTED_KEYS:
            raise BoundExceededError("MAX_TRUSTED_KEYS", MAX_TRUSTED_KEYS, where="trusted keys")
        return cls(found)

    @classmethod
    def load(cls, paths: Iterable[Path]) -> Self:
        """Reads public keys from PEM files, one each.

        Raises:
            NotFoundError: a file is missing.
            InvalidInputError: a file holds no P-256 public key, or there are too many.
        """
        return cls.of(VerifyingKey.from_pem(_read(path), where=str(path)) for path in paths)

    @property
    def ids(self) -> frozenset[str]:
        """The key ids, as `tidegate.policy` compares them with evidence's signers."""
        return frozenset(self.keys)


def create_secret_file(path: Path, content: bytes, *, what: str) -> None:
    """Creates a file only its owner can read: durable before it has its name, never over another.

    Raises:
        UsageError: the file is already there.
        OutsideError: the disk refused.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)  # unlike a rename, fails when the name is taken
        finally:
            draft.unlink()
        _sync_folder(path.parent)
    except FileExistsError as error:
        raise UsageError(f"the {what} is already there", where=str(path), remedy="name another file") from error
    except OSError as error:
        raise OutsideError(f"cannot write the {what}: {error.strerror}", where=str(path)) from error


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read(path: Path, *, secret: bool = False) -> bytes:
    try:
        with path.open("rb") as file:
            if secret and os.fstat(file.fileno()).st_mode & _READABLE_BY_OTHERS:
                raise UsageError("others may read this private key", where=str(path), remedy="chmod 600 it")
            return read_bounded(file, max_bytes=MAX_KEY_FILE_BYTES, what=str(path))
    except FileNotFoundError as error:
        raise NotFoundError("no such key file", where=str(path)) from error
    except OSError as error:
        raise OutsideError(f"cannot read the key: {error.strerror}", where=str(path)) from error
