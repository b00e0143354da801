# SPDX-License-Identifier: Apache-2.0
"""SSH signatures over files (OpenSSH PROTOCOL.sshsig), as git makes them in the namespace `git`.

The moment a key must be valid at is the commit's own, as with git: nobody else tells when it was signed.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import SSHCertificate, SSHCertificateType, load_ssh_public_identity

from tidegate.development.commits.allowed_signers import GIT, AllowedSigner
from tidegate.development.commits.signature import SignatureFinding
from tidegate.development.commits.ssh_key import Wire, fingerprint, verifies
from tidegate.development.git.objects import Signed
from tidegate.errors import InvalidInputError
from tidegate.evidence.predicates.commits import SignatureState
from tidegate.values import Struct

_BEGIN: Final = b"-----BEGIN SSH SIGNATURE-----"
_END: Final = b"-----END SSH SIGNATURE-----"
_MAGIC: Final = b"SSHSIG"
_VERSION: Final = 1
_HASHES: Final = ("sha256", "sha512")
_CERTIFICATE: Final = b"-cert-v01@openssh.com"


class SshTrust(Struct, frozen=True, kw_only=True):
    """Whose SSH keys count; `revoked` are fingerprints."""

    signers: tuple[AllowedSigner, ...] = ()
    revoked: frozenset[str] = frozenset()


class _Parsed(Struct, frozen=True):
    blob: bytes
    namespace: str
    signature: bytes
    message: bytes


def find_ssh_signature(signed: Signed, trust: SshTrust, *, at: int) -> SignatureFinding:
    """Looks at an SSH signature.

    Args:
        signed: what it is of.
        trust: whose keys count.
        at: when it was made, as it claims itself: seconds since 1970.
    """
    try:
        parsed = _parse(signed)
        certificate = _certificate(parsed.blob)
        blob = certificate[1] if certificate else parsed.blob
        holds = verifies(blob, parsed.signature, parsed.message)
    except InvalidInputError as error:
        return SignatureFinding(state=SignatureState.UNREADABLE, form="ssh", detail=error.what)
    key = fingerprint(blob)
    if not holds or parsed.namespace != GIT:
        detail = "it is not of this" if not holds else f"made for {parsed.namespace[:40]!r}, not for git"
        return SignatureFinding(state=SignatureState.BAD, form="ssh", key=key, detail=detail)
    if key in trust.revoked:
        return SignatureFinding(state=SignatureState.REVOKED, form="ssh", key=key)
    found = _by_authority(certificate[0], trust, at) if certificate else _by_key(blob, trust, at)
    return SignatureFinding(
        state=found[0],
        form="ssh",
        key=key,
        signers=found[1],
        are_patterns=certificate is None,
        detail=found[2],
    )


_Found = tuple[SignatureState, tuple[str, ...], str]


def _by_key(blob: bytes, trust: SshTrust, at: int) -> _Found:
    mine = [it for it in trust.signers if not it.is_authority and it.blob == blob and it.may_sign(GIT)]
    if not mine:
        return SignatureState.UNKNOWN_KEY, (), "no allowed signer has this key"
    valid = [it for it in mine if it.is_valid(at)]
    names = tuple(dict.fromkeys(name for it in valid or mine for name in it.principals))
    return (SignatureState.GOOD, names, "") if valid else (SignatureState.EXPIRED, names, "not valid at that time")


def _by_authority(certificate: SSHCertificate, trust: SshTrust, at: int) -> _Found:
    authority = _wire_of(certificate)
    mine = [it for it in trust.signers if it.is_authority and it.blob == authority and it.may_sign(GIT)]
    if not mine or fingerprint(authority) in trust.revoked:
        state = SignatureState.REVOKED if mine else SignatureState.UNKNOWN_KEY
        return state, (), "no allowed signer is its authority"
    try:
        certificate.verify_cert_signature()
    except (InvalidSignature, ValueError):
        return SignatureState.BAD, (), "its certificate is not by its authority"
    names = [name.decode("utf-8", "replace") for name in certificate.valid_principals]
    allowed = tuple(name for name in names if any(it.signs_for(name) for it in mine if it.is_valid(at)))
    if certificate.type is not SSHCertificateType.USER or certificate.critical_options:
        return SignatureState.UNKNOWN_KEY, (), "its certificate is not for signing"
    if not certificate.valid_after <= at < certificate.valid_before or not any(it.is_valid(at) for it in mine):
        return SignatureState.EXPIRED, tuple(names), "its certificate was not valid at that time"
    if not allowed:
        return SignatureState.UNKNOWN_KEY, (), "its certificate names nobody its authority may speak for"
    return SignatureState.GOOD, allowed, ""


def _parse(signed: Signed) -> _Parsed:
    text = signed.signature.strip()
    if not text.startswith(_BEGIN) or not text.endswith(_END) or text.count(b"-----BEGIN") != 1:
        raise InvalidInputError("not one armoured SSH signature", where="SSH signature")
    try:
        raw = base64.b64decode(b"".join(text[len(_BEGIN) : -len(_END)].split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInputError("malformed base64", where="SSH signature") from error
    wire = Wire(raw, where="SSH signature")
    if wire.take(len(_MAGIC)) != _MAGIC or wire.number() != _VERSION:
        raise InvalidInputError("not version 1 of the form", where="SSH signature")
    blob, namespace, reserved, name = wire.string(), wire.string(), wire.string(), wire.text()
    signature = wire.string()
    wire.end()
    if name not in _HASHES:
        raise InvalidInputError(f"hashed with {name[:20]!r}", where="SSH signature")
    digest = hashlib.new(name, signed.payload).digest()
    parts: Sequence[bytes] = (namespace, reserved, name.encode(), digest)
    message = _MAGIC + b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return _Parsed(blob, namespace.decode("utf-8", "replace"), signature, message)


def _certificate(blob: bytes) -> tuple[SSHCertificate, bytes] | None:
    """A certificate and the key in it, when the signature carries one instead of a plain key."""
    kind = Wire(blob, where="SSH key").string()
    if not kind.endswith(_CERTIFICATE):
        return None
    try:
        found = load_ssh_public_identity(kind + b" " + base64.b64encode(blob))
    except Exception as error:
        raise InvalidInputError("a certificate that cannot be read", where="SSH key") from error
    if not isinstance(found, SSHCertificate):
        raise InvalidInputError("no certificate", where="SSH key")
    return found, _key_wire(found.public_key())


def _wire_of(certificate: SSHCertificate) -> bytes:
    return _key_wire(certificate.signature_key())


def _key_wire(key: object) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    text: bytes = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)  # type: ignore[attr-defined] # all have it
    return base64.b64decode(text.split()[1])
