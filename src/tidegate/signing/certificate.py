# SPDX-License-Identifier: Apache-2.0
"""Certificates of signers (RFC 5280): who they name, and whether trusted roots vouch for them at a moment."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier
from cryptography.x509.verification import (
    ClientVerifier,
    Criticality,
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from tidegate.bounds import printable
from tidegate.errors import BoundExceededError, InvalidInputError, RefusedError
from tidegate.key_file import read_key_file
from tidegate.signing.bounds import MAX_CERTIFICATE_BYTES, MAX_CHAIN
from tidegate.signing.keys import VerifyingKey

_ISSUER_V1: Final = ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
_ISSUER_V2: Final = ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
_SHORT_DER: Final = 0x80
_UTF8_STRING: Final = 0x0C


@dataclass(frozen=True, slots=True)
class SignerCertificate:
    """A certificate that came with a signature, and those that came with it.

    Attributes:
        leaf: the signer's own.
        intermediates: what shall lead to a root; nobody has looked at them.
    """

    leaf: x509.Certificate = field(repr=False)
    intermediates: tuple[x509.Certificate, ...] = field(default=(), repr=False)

    @classmethod
    def from_der(cls, chain: Sequence[bytes], *, where: str = "certificate") -> Self:
        """Reads a chain, the signer's certificate first.

        Raises:
            InvalidInputError: a certificate is malformed, or there is none.
            BoundExceededError: there are more than ten.
        """
        if not chain:
            raise InvalidInputError("carries no certificate", where=where)
        if len(chain) > MAX_CHAIN:
            raise BoundExceededError("MAX_CHAIN", MAX_CHAIN, where=where)
        try:
            first, *rest = (x509.load_der_x509_certificate(one) for one in chain)
            len(first.extensions)  # they are parsed when they are asked for, and may be malformed too
        except (ValueError, TypeError) as error:
            raise InvalidInputError("not a certificate", where=where) from error
        return cls(first, tuple(rest))

    @property
    def key(self) -> VerifyingKey:
        """The key it certifies.

        Raises:
            InvalidInputError: it is of a kind nobody should trust.
        """
        try:
            return VerifyingKey.of(self.leaf.public_key(), where="certificate")
        except ValueError as error:
            raise InvalidInputError("certifies no key that is known", where="certificate") from error

    @property
    def identities(self) -> tuple[str, ...]:
        """Whom it names: its alternative names (mail, URI, DNS), then its subject (RFC 4514)."""
        return (*_alternative_names(self.leaf), self.leaf.subject.rfc4514_string())

    @property
    def issuer(self) -> str:
        """Who vouched for the identity before the authority (Fulcio's OIDC issuer), else the authority's own name."""
        for oid in (_ISSUER_V2, _ISSUER_V1):
            try:
                raw = self.leaf.extensions.get_extension_for_oid(oid).value
            except x509.ExtensionNotFound:
                continue
            if isinstance(raw, x509.UnrecognizedExtension):
                return _text(raw.value if oid is _ISSUER_V1 else _utf8_string(raw.value))
        return self.leaf.issuer.rfc4514_string()

    @property
    def fingerprint(self) -> str:
        """sha256 hex of its DER."""
        return self.leaf.fingerprint(hashes.SHA256()).hex()

    def to_der(self) -> bytes:
        """The certificate alone."""
        return self.leaf.public_bytes(Encoding.DER)

    def to_pem(self) -> bytes:
        """The certificate alone."""
        return self.leaf.public_bytes(Encoding.PEM)

    def chain_pem(self) -> bytes:
        """What came with it, without itself."""
        return b"".join(one.public_bytes(Encoding.PEM) for one in self.intermediates)


@dataclass(frozen=True, slots=True)
class Roots:
    """Certificates of authorities that are trusted of themselves."""

    certificates: tuple[x509.Certificate, ...] = field(repr=False)

    @classmethod
    def load(cls, paths: Sequence[Path]) -> Self:
        """Reads PEM files, any number of certificates each.

        Raises:
            NotFoundError: a file is missing.
            InvalidInputError: a file holds no certificate.
        """
        return cls(tuple(one for path in paths for one in load_certificates(path)))

    def verify(
        self, signer: SignerCertificate, at: datetime, *, must_say_code: bool = True
    ) -> tuple[x509.Certificate, ...]:
        """Demands that a chain leads to a root, valid at a moment, for signing code.

        Args:
            signer: the certificate and what came with it.
            at: when the signature was made, as far as somebody trusted says; else now.
            must_say_code: refuse a certificate that does not say what it is for.

        Returns:
            The chain, the signer's certificate first.

        Raises:
            RefusedError: expired, not yet valid, not for signing, or no root vouches for it; it says which.
        """
        _demand_validity(signer.leaf, at)
        _demand_usage(signer.leaf, must_say_code=must_say_code)
        try:
            return tuple(self._verifier(at).verify(signer.leaf, list(signer.intermediates)).chain)
        except (VerificationError, x509.UnsupportedGeneralNameType, ValueError) as error:
            detail = printable(str(error))[:200]
            raise RefusedError(f"no trusted root vouches for the certificate: {detail}") from error

    def _verifier(self, at: datetime) -> ClientVerifier:
        authorities = (
            ExtensionPolicy.permit_all()
            .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, _is_authority)
            .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _may_certify)
            .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _may_certify_code)
        )
        return (
            PolicyBuilder()
            .store(Store(list(self.certificates)))
            .time(at)
            .max_chain_depth(MAX_CHAIN)
            .extension_policies(ca_policy=authorities, ee_policy=ExtensionPolicy.permit_all())
            .build_client_verifier()
        )


def load_certificates(path: Path) -> tuple[x509.Certificate, ...]:
    """Reads the certificates of a PEM file, in its order.

    Raises:
        NotFoundError: there is no such file.
        InvalidInputError: it holds none.
    """
    return parse_certificates(read_key_file(path), where=str(path))


def parse_certificates(pem: bytes, *, where: str) -> tuple[x509.Certificate, ...]:
    """Reads certificates in PEM.

    Raises:
        InvalidInputError: there is none, or one is malformed.
        BoundExceededError: they are longer than 64 KiB.
    """
    if len(pem) > MAX_CERTIFICATE_BYTES:
        raise BoundExceededError("MAX_CERTIFICATE_BYTES", MAX_CERTIFICATE_BYTES, where=where)
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except ValueError as error:
        raise InvalidInputError("no certificate in PEM", where=where) from error


def _demand_validity(certificate: x509.Certificate, at: datetime) -> None:
    if at < certificate.not_valid_before_utc:
        raise RefusedError(f"the certificate is not valid before {certificate.not_valid_before_utc.isoformat()}")
    if at > certificate.not_valid_after_utc:
        raise RefusedError(f"the certificate expired at {certificate.not_valid_after_utc.isoformat()}")


def _demand_usage(certificate: x509.Certificate, *, must_say_code: bool) -> None:
    """Digital signatures, code signing, and no authority itself."""
    extensions = certificate.extensions
    try:
        purposes: x509.ExtendedKeyUsage | None = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        purposes = None
    if purposes is None and must_say_code:
        raise RefusedError("the certificate does not say that it is for signing code")
    if purposes is not None and ExtendedKeyUsageOID.CODE_SIGNING not in purposes:
        raise RefusedError("the certificate is not for signing code")
    for extension in extensions:
        value = extension.value
        if isinstance(value, x509.KeyUsage) and not value.digital_signature:
            raise RefusedError("the certificate's key is not for signatures")
        if isinstance(value, x509.BasicConstraints) and value.ca:
            raise RefusedError("the certificate is an authority's, not a signer's")


def _is_authority(_policy: object, _certificate: x509.Certificate, extension: x509.BasicConstraints) -> None:
    if not extension.ca:
        raise ValueError("an issuer is no authority")


def _may_certify(_policy: object, _certificate: x509.Certificate, extension: x509.KeyUsage | None) -> None:
    if extension is not None and not extension.key_cert_sign:
        raise ValueError("an issuer may not sign certificates")


def _may_certify_code(_policy: object, _certificate: x509.Certificate, extension: x509.ExtendedKeyUsage | None) -> None:
    """An authority that says what it issues for binds what it issues, as Go and sigstore have it."""
    allowed = {ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    if extension is not None and allowed.isdisjoint(extension):
        raise ValueError("an issuer is not for signing code")


def _alternative_names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.UnsupportedGeneralNameType, ValueError):
        return []
    plain = (x509.RFC822Name, x509.UniformResourceIdentifier, x509.DNSName)
    return [str(name.value) for name in names if isinstance(name, plain)]


def _utf8_string(der: bytes) -> bytes:
    """The content of a DER UTF8String; b"" for anything else."""
    if len(der) < 2 or der[0] != _UTF8_STRING:  # noqa: PLR2004
        return b""
    if der[1] < _SHORT_DER:
        return der[2:] if len(der) == 2 + der[1] else b""
    width = der[1] & 0x7F
    length = int.from_bytes(der[2 : 2 + width])
    return der[2 + width :] if len(der) == 2 + width + length else b""


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", errors="replace")
