# SPDX-License-Identifier: Apache-2.0
"""SSH public keys and signatures on the wire (RFC 4253 6.6, RFC 5656, RFC 8332, RFC 8709; OpenSSH PROTOCOL.u2f).

Kinds: Ed25519, ECDSA on NIST curves, RSA of 2048 bits or more with SHA-2, and the security keys' Ed25519 and ECDSA.
DSA, and RSA with SHA-1, verify nothing.
"""

import base64
import hashlib
from collections.abc import Callable, Mapping
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tidegate.errors import InvalidInputError

MIN_RSA_BITS: Final = 2048
MAX_RSA_BITS: Final = 16_384

_CURVES: Final[Mapping[str, tuple[ec.EllipticCurve, hashes.HashAlgorithm]]] = {
    "nistp256": (ec.SECP256R1(), hashes.SHA256()),
    "nistp384": (ec.SECP384R1(), hashes.SHA384()),
    "nistp521": (ec.SECP521R1(), hashes.SHA512()),
}
_RSA_HASHES: Final[Mapping[str, hashes.HashAlgorithm]] = {
    "rsa-sha2-256": hashes.SHA256(),
    "rsa-sha2-512": hashes.SHA512(),
}
_USER_PRESENT: Final = 1
_WORD: Final = 4


class Wire:
    """Strings and numbers of the SSH wire, taken off one after the other.

    Raises:
        InvalidInputError: it ends too early.
    """

    def __init__(self, data: bytes, *, where: str) -> None:
        self._rest = data
        self._where = where

    def take(self, count: int) -> bytes:
        """So many bytes."""
        if count > len(self._rest):
            raise InvalidInputError("ends too early", where=self._where)
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken

    def number(self) -> int:
        """A uint32."""
        return int.from_bytes(self.take(_WORD), "big")

    def string(self) -> bytes:
        """A string: its length, and its bytes."""
        return self.take(self.number())

    def text(self) -> str:
        """A string of ASCII."""
        return self.string().decode("ascii", "replace")

    def end(self) -> None:
        """Nothing may follow."""
        if self._rest:
            raise InvalidInputError("has something behind its end", where=self._where)


def fingerprint(blob: bytes) -> str:
    """`SHA256:…`, as OpenSSH writes it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def verifies(blob: bytes, signature: bytes, message: bytes) -> bool:
    """True when a signature is by this key of this message.

    Args:
        blob: the public key on the wire.
        signature: on the wire: the name of its algorithm and what the algorithm has.
        message: what was signed.

    Raises:
        InvalidInputError: key or signature are malformed, or of a kind that verifies nothing.
    """
    key, wire = Wire(blob, where="SSH key"), Wire(signature, where="SSH signature")
    kind, algorithm = key.text(), wire.text()
    check = _KINDS.get(kind)
    if check is None or not (algorithm == kind or (kind == "ssh-rsa" and algorithm in _RSA_HASHES)):
        raise InvalidInputError(
            f"{algorithm[:40]!r} by a key of kind {kind[:40]!r} proves nothing", where="SSH signature"
        )
    try:
        check(key, wire, algorithm, message)
    except InvalidSignature:
        return False
    except ValueError as error:
        raise InvalidInputError("a malformed key", where="SSH key") from error
    return True


def _ed25519(key: Wire, wire: Wire, _algorithm: str, message: bytes) -> None:
    public = ed25519.Ed25519PublicKey.from_public_bytes(key.string())
    raw = wire.string()
    _both_end(key, wire)
    public.verify(raw, message)


def _ecdsa(key: Wire, wire: Wire, _algorithm: str, message: bytes) -> None:
    public, digest = _point(key)
    der = _dss(wire.string())
    _both_end(key, wire)
    public.verify(der, message, ec.ECDSA(digest))


def _rsa(key: Wire, wire: Wire, algorithm: str, message: bytes) -> None:
    exponent, modulus = int.from_bytes(key.string(), "big"), int.from_bytes(key.string(), "big")
    raw = wire.string()
    _both_end(key, wire)
    if not MIN_RSA_BITS <= modulus.bit_length() <= MAX_RSA_BITS:
        raise InvalidInputError(f"an RSA key of {modulus.bit_length()} bits", where="SSH key")
    rsa.RSAPublicNumbers(exponent, modulus).public_key().verify(
        raw, message, padding.PKCS1v15(), _RSA_HASHES[algorithm]
    )


def _sk_ed25519(key: Wire, wire: Wire, _algorithm: str, message: bytes) -> None:
    public = ed25519.Ed25519PublicKey.from_public_bytes(key.string())
    application, raw = key.string(), wire.string()
    public.verify(raw, _touched(key, wire, application, message))


def _sk_ecdsa(key: Wire, wire: Wire, _algorithm: str, message: bytes) -> None:
    public, digest = _point(key)
    application, der = key.string(), _dss(wire.string())
    public.verify(der, _touched(key, wire, application, message), ec.ECDSA(digest))


def _touched(key: Wire, wire: Wire, application: bytes, message: bytes) -> bytes:
    """What a security key signs; somebody must have touched it."""
    flags, counter = wire.take(1), wire.take(_WORD)
    _both_end(key, wire)
    if not flags[0] & _USER_PRESENT:
        raise InvalidSignature
    return hashlib.sha256(application).digest() + flags + counter + hashlib.sha256(message).digest()


def _point(key: Wire) -> tuple[ec.EllipticCurvePublicKey, hashes.HashAlgorithm]:
    name = key.text()
    if name not in _CURVES:
        raise InvalidInputError(f"a curve nobody knows: {name[:40]!r}", where="SSH key")
    curve, digest = _CURVES[name]
    return ec.EllipticCurvePublicKey.from_encoded_point(curve, key.string()), digest


def _dss(blob: bytes) -> bytes:
    wire = Wire(blob, where="SSH signature")
    first, second = int.from_bytes(wire.string(), "big"), int.from_bytes(wire.string(), "big")
    wire.end()
    return encode_dss_signature(first, second)


def _both_end(key: Wire, wire: Wire) -> None:
    key.end()
    wire.end()


_KINDS: Final[Mapping[str, Callable[[Wire, Wire, str, bytes], None]]] = {
    "ssh-ed25519": _ed25519,
    "ecdsa-sha2-nistp256": _ecdsa,
    "ecdsa-sha2-nistp384": _ecdsa,
    "ecdsa-sha2-nistp521": _ecdsa,
    "ssh-rsa": _rsa,
    "sk-ssh-ed25519@openssh.com": _sk_ed25519,
    "sk-ecdsa-sha2-nistp256@openssh.com": _sk_ecdsa,
}
