# SPDX-License-Identifier: Apache-2.0
"""The webhook's own certificate: an authority that is made once, and a certificate it signs anew before it ends.

What the API server is told (`caBundle`) is the authority, so a new certificate needs no new configuration.
"""

import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tidegate.clock import Clock
from tidegate.errors import OutsideError
from tidegate.key_file import create_secret_file, parse_private_key, read_key_file

_AUTHORITY_DAYS: Final = 3650
_CERTIFICATE_DAYS: Final = 365
_RENEW_DAYS: Final = 60
_EARLY: Final = dt.timedelta(hours=1)
"""Clocks differ: a certificate is valid a little before it is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFiles:
    """Where a certificate lies, its key, and the authority that signed it."""

    certificate: Path
    key: Path
    authority: Path


def own_certificate(folder: Path, names: Sequence[str], clock: Clock) -> CertificateFiles:
    """The certificate in a folder; made where there is none, or it ends soon, or names others.

    Args:
        folder: made where it is not there.
        names: DNS names and addresses, one or more.
        clock: when it ends.

    Raises:
        OutsideError: the disk failed.
        InvalidInputError, UsageError: what lies there is no key, or others may read it.
    """
    files = CertificateFiles(
        certificate=folder / "certificate.pem", key=folder / "key.pem", authority=folder / "authority.pem"
    )
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        authority, authority_key = _authority(folder, files.authority, clock)
        if not _is_good(files.certificate, files.key, names, authority, clock):
            key = ec.generate_private_key(ec.SECP256R1())
            made = _sign(names, key, authority, authority_key, clock)
            files.key.unlink(missing_ok=True)
            create_secret_file(files.key, _private_pem(key), what="key of the certificate")
            files.certificate.write_bytes(_pem(made) + _pem(authority))
    except OSError as error:
        raise OutsideError(f"the certificate cannot be kept: {error.strerror}", where=str(folder)) from error
    return files


def _authority(folder: Path, path: Path, clock: Clock) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key_path = folder / "authority-key.pem"
    if not key_path.exists() or not path.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tidegate webhook authority")])
        made = (
            _builder(name, name, key, clock, _AUTHORITY_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        key_path.unlink(missing_ok=True)
        create_secret_file(key_path, _private_pem(key), what="key of the authority")
        path.write_bytes(_pem(made))
    read = parse_private_key(read_key_file(key_path, secret=True), where=str(key_path))
    assert isinstance(read, ec.EllipticCurvePrivateKey)  # noqa: S101 - made above
    return x509.load_pem_x509_certificate(path.read_bytes()), read


def _is_good(path: Path, key: Path, names: Sequence[str], authority: x509.Certificate, clock: Clock) -> bool:
    if not path.exists() or not key.exists():
        return False
    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())[0]
        alternatives = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found.verify_directly_issued_by(authority)
    except Exception:  # noqa: BLE001 - whatever is wrong with it, another is made
        return False
    lasts = found.not_valid_after_utc - clock() > dt.timedelta(days=_RENEW_DAYS)
    return lasts and list(alternatives) == [_general(name) for name in names]


def _sign(
    names: Sequence[str],
    key: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    clock: Clock,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    return (
        _builder(subject, authority.subject, key, clock, _CERTIFICATE_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .sign(authority_key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, clock: Clock, days: int
) -> x509.CertificateBuilder:
    now = clock()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLY)
        .not_valid_after(now + dt.timedelta(days=days))
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
