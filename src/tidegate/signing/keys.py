# SPDX-License-Identifier: Apache-2.0
"""Keys that sign and keys that verify: values over key material, and the files it lies in."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, NewType, Protocol, Self, cast

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tidegate.errors import BoundExceededError, InvalidInputError, UsageError
from tidegate.key_file import HOW_TO_UNLOCK, create_secret_file, parse_private_key, parse_public_key, read_key_file
from tidegate.signing.bounds import MAX_TRUSTED_KEYS
from tidegate.signing.scheme import KINDS, PrivateKey, PublicKey, Scheme, schemes_of

KeyId = NewType("KeyId", str)
"""sha256 hex of the key's SubjectPublicKeyInfo in DER."""
_PEM_BEGINS: Final = b"-----BEGIN"
_PEM_PUBLIC: Final = re.compile(rb"-----BEGIN [A-Z ]*PUBLIC KEY-----.*?-----END [A-Z ]*PUBLIC KEY-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A public key and its id.

    Attributes:
        schemes: the ways of signing that are accepted of it, the one it signs with itself first; never empty.
    """

    key_id: KeyId
    public: PublicKey = field(repr=False, compare=False)
    schemes: tuple[Scheme, ...] = field(repr=False)

    @classmethod
    def of(cls, public: object, *, where: str = "public key") -> Self:
        """Names a public key.

        Raises:
            InvalidInputError: nobody should trust a key of this kind or size.
        """
        schemes = schemes_of(public)
        if not schemes:
            raise InvalidInputError(f"not a key to sign with: {_kind(public)}", where=where, remedy=f"use {KINDS}")
        known = cast("PublicKey", public)
        der = known.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return cls(KeyId(hashlib.sha256(der).hexdigest()), known, schemes)

    @classmethod
    def parse(cls, data: bytes, *, where: str = "public key") -> Self:
        """Reads a public key in PEM or DER.

        Raises:
            InvalidInputError: it is none, or of a kind nobody should trust.
        """
        return cls.of(parse_public_key(data, where=where), where=where)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads a public key from a file.

        Raises:
            NotFoundError: there is no such file.
            InvalidInputError: as `parse`.
        """
        return cls.parse(read_key_file(path), where=str(path))

    @classmethod
    def load_all(cls, path: Path) -> tuple[Self, ...]:
        """Reads every public key of a file: one, or several in PEM one after the other.

        Raises:
            NotFoundError, InvalidInputError: as `load`; of several, one is none.
        """
        data = read_key_file(path)
        blocks = _PEM_PUBLIC.findall(data) or [data]
        if len(blocks) < data.count(_PEM_BEGINS):
            raise InvalidInputError("not every PEM block in it is a whole public key", where=str(path))
        return tuple(cls.parse(block, where=str(path)) for block in blocks)

    def only(self, scheme: Scheme, *, where: str = "public key") -> Self:
        """The same key, of which one way of signing is accepted.

        Raises:
            InvalidInputError: a key of this kind cannot sign so.
        """
        return self.among([scheme], where=where)

    def among(self, schemes: Sequence[Scheme], *, where: str = "public key") -> Self:
        """The same key, of which none but some ways of signing are accepted.

        Raises:
            InvalidInputError: a key of this kind can sign in none of them.
        """
        able = schemes_of(self.public)
        wanted = tuple(scheme for scheme in schemes if scheme in able)
        if not wanted:
            what = f"a key of {_kind(self.public)} cannot sign as {', '.join(schemes)}"
            raise InvalidInputError(what, where=where, remedy=f"it can {', '.join(able)}")
        return replace(self, schemes=wanted)

    def to_pem(self) -> bytes:
        """The SubjectPublicKeyInfo PEM."""
        return self.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def verifies(self, signature: bytes, signed: bytes) -> bool:
        """True when this key made a signature over bytes in a way that is accepted of it."""
        return any(scheme.verifies(self.public, signature, signed) for scheme in self.schemes)


class Signer(Protocol):
    """Whatever signs: a key in a file, in a token or with a key service. Safe to share between threads."""

    @property
    def verifying(self) -> VerifyingKey:
        """The public half; its first scheme is the one signed with."""
        ...

    def sign(self, data: bytes) -> bytes:
        """The raw signature over bytes.

        Raises:
            OutsideError: the token or the service that holds the key failed.
        """
        ...


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key. It never shows in `repr`, an error or a log, and cannot be pickled by accident."""

    verifying: VerifyingKey
    _private: PrivateKey = field(repr=False, compare=False)

    @classmethod
    def generate(cls, scheme: Scheme = Scheme.ECDSA_P256) -> Self:
        """Makes a new key from the system's randomness, to sign in one way; RSA ones of 3072 bits."""
        return cls.of(_generate(scheme)).signing_as(scheme)

    @classmethod
    def load(cls, path: Path, *, password: bytes | None = None) -> Self:
        """Reads a private key from a file: PKCS#8, PKCS#1, SEC 1 in PEM or DER, or as cosign writes it.

        Raises:
            NotFoundError: there is no such file.
            UsageError: somebody else may read it, or it is under a password and none was given.
            InvalidInputError: it holds no private key to sign with, or the password is wrong.
        """
        return cls.parse(read_key_file(path, secret=True), password=password, where=str(path))

    @classmethod
    def parse(cls, data: bytes, *, password: bytes | None = None, where: str = "private key") -> Self:
        """Reads a private key.

        Raises:
            UsageError, InvalidInputError: as `load`.
        """
        from tidegate.signing.cosign_key import is_cosign_key, open_cosign_key

        if is_cosign_key(data):
            if password is None:
                raise UsageError("is under a password", where=where, remedy=HOW_TO_UNLOCK)
            data, password = open_cosign_key(data, password, where=where), None
        return cls.of(parse_private_key(data, password=password, where=where), where=where)

    @classmethod
    def of(cls, private: object, *, where: str = "private key") -> Self:
        """Takes a key of `cryptography`.

        Raises:
            InvalidInputError: it is of a kind nobody should trust.
        """
        if not isinstance(private, PrivateKey):
            raise InvalidInputError(f"not a key to sign with: {_kind(private)}", where=where, remedy=f"use {KINDS}")
        return cls(VerifyingKey.of(private.public_key(), where=where), private)

    @property
    def key_id(self) -> KeyId:
        """The id of the public half."""
        return self.verifying.key_id

    def signing_as(self, scheme: Scheme) -> Self:
        """The same key, signing in one way.

        Raises:
            InvalidInputError: a key of this kind cannot sign so.
        """
        return replace(self, verifying=self.verifying.only(scheme, where="private key"))

    def sign(self, data: bytes) -> bytes:
        """The raw signature over bytes, in the first of its schemes."""
        return self.verifying.schemes[0].sign(self._private, data)

    def save(self, path: Path, *, password: bytes | None = None) -> None:
        """Writes a new PKCS#8 file with mode 0600, whole or not at all; an existing one is never replaced.

        Raises:
            UsageError: the file is already there.
            OutsideError: the disk refused.
        """
        locked: KeySerializationEncryption = BestAvailableEncryption(password) if password else NoEncryption()
        pem = self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked)
        create_secret_file(path, pem, what="private key")

    def save_for_cosign(self, path: Path, *, password: bytes) -> None:
        """Writes a new file as cosign keeps its keys; otherwise as `save`."""
        from tidegate.signing.cosign_key import lock_cosign_key

        der = self._private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        create_secret_file(path, lock_cosign_key(der, password), what="private key")

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
        """Reads public keys from files, one each or several in PEM.

        Raises:
            NotFoundError: a file is missing.
            InvalidInputError: a file holds no public key to trust, or there are too many.
        """
        return cls.of(key for path in paths for key in VerifyingKey.load_all(path))

    @property
    def ids(self) -> frozenset[str]:
        """The key ids, as `tidegate.policy` compares them with evidence's signers."""
        return frozenset(self.keys)


def _generate(scheme: Scheme) -> PrivateKey:
    if scheme in {Scheme.ED25519, Scheme.ED25519_PH}:
        return ed25519.Ed25519PrivateKey.generate()
    if scheme.startswith("rsa-"):
        return rsa.generate_private_key(public_exponent=65537, key_size=3072)
    if scheme is Scheme.ECDSA_P256:
        return ec.generate_private_key(ec.SECP256R1())
    is_384 = scheme in {Scheme.ECDSA_P384, Scheme.ECDSA_P384_SHA256}
    return ec.generate_private_key(ec.SECP384R1() if is_384 else ec.SECP521R1())


def _kind(key: object) -> str:
    """What a key is, for people."""
    if isinstance(key, ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey):
        return f"ECDSA on {key.curve.name}"
    if isinstance(key, rsa.RSAPublicKey | rsa.RSAPrivateKey):
        return f"RSA of {key.key_size} bits"
    return type(key).__name__.removeprefix("_").removesuffix("PublicKey").removesuffix("PrivateKey") + " key"
