# SPDX-License-Identifier: Apache-2.0
"""Ways to sign: a kind of key together with a hash and a padding, as sigstore's registry of algorithms has them."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

MIN_RSA_BITS: Final = 2048
MAX_RSA_BITS: Final = 8192


class Scheme(StrEnum):
    """One way to sign. SHA-1, smaller curves and shorter RSA keys have no name here, so nothing can ask for them."""

    ECDSA_P256 = "ecdsa-p256-sha256"
    ECDSA_P384 = "ecdsa-p384-sha384"
    ECDSA_P384_SHA256 = "ecdsa-p384-sha256"
    ECDSA_P521 = "ecdsa-p521-sha512"
    ECDSA_P521_SHA256 = "ecdsa-p521-sha256"
    ED25519 = "ed25519"
    ED25519_PH = "ed25519-ph"
    RSA_PSS = "rsa-pss-sha256"
    RSA_PSS_SHA384 = "rsa-pss-sha384"
    RSA_PSS_SHA512 = "rsa-pss-sha512"
    RSA_PKCS1 = "rsa-pkcs1v15-sha256"

    def verifies(self, public: PublicKey, signature: bytes, signed: bytes) -> bool:
        """True when a key made a signature over bytes in this way."""
        try:
            _VERIFY[self](public, signature, signed)
        except (InvalidSignature, ValueError):
            return False
        return True

    def sign(self, private: PrivateKey, data: bytes) -> bytes:
        """Signs bytes; ECDSA in DER (RFC 3279), Ed25519 as RFC 8032 has it, RSA as RFC 8017."""
        return _SIGN[self](private, data)


def schemes_of(public: object) -> tuple[Scheme, ...]:
    """The ways a public key can sign, the one it should use first; none for one too weak or of another kind."""
    if isinstance(public, ec.EllipticCurvePublicKey):
        return _BY_CURVE.get(public.curve.name, ())
    if isinstance(public, ed25519.Ed25519PublicKey):
        return (Scheme.ED25519, Scheme.ED25519_PH)
    if isinstance(public, rsa.RSAPublicKey) and MIN_RSA_BITS <= public.key_size <= MAX_RSA_BITS:
        return (Scheme.RSA_PSS, Scheme.RSA_PKCS1, Scheme.RSA_PSS_SHA384, Scheme.RSA_PSS_SHA512)
    return ()


KINDS: Final = f"ECDSA on P-256, P-384 or P-521, Ed25519, or RSA of {MIN_RSA_BITS} to {MAX_RSA_BITS} bits"
"""The kinds of keys, for people."""

_BY_CURVE: Final[Mapping[str, tuple[Scheme, ...]]] = MappingProxyType(
    {
        "secp256r1": (Scheme.ECDSA_P256,),
        "secp384r1": (Scheme.ECDSA_P384, Scheme.ECDSA_P384_SHA256),
        "secp521r1": (Scheme.ECDSA_P521, Scheme.ECDSA_P521_SHA256),
    }
)
_SHA256: Final = hashes.SHA256()
_PKCS1: Final = padding.PKCS1v15()


def _ecdsa(hashed: hashes.HashAlgorithm) -> tuple[Callable[..., None], Callable[..., bytes]]:
    algorithm = ec.ECDSA(hashed)

    def verify(public: Any, signature: bytes, signed: bytes) -> None:
        public.verify(signature, signed, algorithm)

    def sign(private: Any, data: bytes) -> bytes:
        return bytes(private.sign(data, algorithm))

    return verify, sign


def _pss(hashed: hashes.HashAlgorithm) -> tuple[Callable[..., None], Callable[..., bytes]]:
    mask = padding.MGF1(hashed)
    made, accepted = (padding.PSS(mask, length) for length in (padding.PSS.DIGEST_LENGTH, padding.PSS.AUTO))

    def verify(public: Any, signature: bytes, signed: bytes) -> None:
        public.verify(signature, signed, accepted, hashed)

    def sign(private: Any, data: bytes) -> bytes:
        return bytes(private.sign(data, made, hashed))

    return verify, sign


def _verify_prehashed(public: Any, signature: bytes, signed: bytes) -> None:
    """Ed25519ph (RFC 8032 §5.1), which cosign signs with; `cryptography` has no interface to it."""
    from nacl import bindings
    from nacl.exceptions import BadSignatureError

    if len(signature) != bindings.crypto_sign_BYTES:
        raise InvalidSignature
    state = bindings.crypto_sign_ed25519ph_state()
    bindings.crypto_sign_ed25519ph_update(state, signed)
    try:
        bindings.crypto_sign_ed25519ph_final_verify(state, signature, public.public_bytes_raw())
    except BadSignatureError as error:
        raise InvalidSignature from error


def _sign_prehashed(private: Any, data: bytes) -> bytes:
    from nacl import bindings

    state = bindings.crypto_sign_ed25519ph_state()
    bindings.crypto_sign_ed25519ph_update(state, data)
    secret = private.private_bytes_raw() + private.public_key().public_bytes_raw()
    return bytes(bindings.crypto_sign_ed25519ph_final_create(state, secret))


_PAIRS: Final = {
    Scheme.ECDSA_P256: _ecdsa(_SHA256),
    Scheme.ECDSA_P384: _ecdsa(hashes.SHA384()),
    Scheme.ECDSA_P384_SHA256: _ecdsa(_SHA256),
    Scheme.ECDSA_P521: _ecdsa(hashes.SHA512()),
    Scheme.ECDSA_P521_SHA256: _ecdsa(_SHA256),
    Scheme.RSA_PSS: _pss(_SHA256),
    Scheme.RSA_PSS_SHA384: _pss(hashes.SHA384()),
    Scheme.RSA_PSS_SHA512: _pss(hashes.SHA512()),
}
_VERIFY: Final[Mapping[Scheme, Callable[..., None]]] = {
    **{scheme: verify for scheme, (verify, _) in _PAIRS.items()},
    Scheme.ED25519: lambda public, signature, signed: public.verify(signature, signed),
    Scheme.ED25519_PH: _verify_prehashed,
    Scheme.RSA_PKCS1: lambda public, signature, signed: public.verify(signature, signed, _PKCS1, _SHA256),
}
_SIGN: Final[Mapping[Scheme, Callable[..., bytes]]] = {
    **{scheme: sign for scheme, (_, sign) in _PAIRS.items()},
    Scheme.ED25519: lambda private, data: private.sign(data),
    Scheme.ED25519_PH: _sign_prehashed,
    Scheme.RSA_PKCS1: lambda private, data: private.sign(data, _PKCS1, _SHA256),
}
