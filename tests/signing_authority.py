# SPDX-License-Identifier: Apache-2.0
"""A certificate authority of a test: a root, an intermediate, and certificates of signers."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tidegate.signing.certificate import Roots, SignerCertificate

START = datetime(2027, 1, 1, tzinfo=UTC)
DURING = START + timedelta(days=10)
END = START + timedelta(days=365)


def named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


@dataclass
class Issued:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: Any

    def issue(
        self,
        name: str,
        *,
        key: Any = None,
        ca: bool = False,
        code: bool = True,
        digital: bool = True,
        start: datetime = START,
        end: datetime = END,
        issuer: str = "",
        names: tuple[str, ...] = (),
        more: tuple[tuple[x509.ExtensionType, bool], ...] = (),
    ) -> "Issued":
        """Issues a certificate; every argument but `name` is there to make one that is wrong."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        builder = _builder(name, issuer or _common_name(self.certificate), key, start, end, ca=ca, digital=digital)
        if not ca:
            purpose = ExtendedKeyUsageOID.CODE_SIGNING if code else ExtendedKeyUsageOID.SERVER_AUTH
            builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            mails = [x509.RFC822Name(f"{one}@acme.example") for one in names or (name,)]
            builder = builder.add_extension(x509.SubjectAlternativeName(mails), critical=False)
        for extension, critical in more:
            builder = builder.add_extension(extension, critical=critical)
        return Issued(builder.sign(self.key, hashes.SHA256()), key)


@dataclass
class Authority:
    """A root with an intermediate."""

    root: Issued = field(init=False)
    middle: Issued = field(init=False)

    def __post_init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder("root", "root", key, START, END, ca=True, digital=False)
        self.root = Issued(builder.sign(key, hashes.SHA256()), key)
        self.middle = self.root.issue("middle", ca=True)

    @property
    def roots(self) -> Roots:
        return Roots((self.root.certificate,))

    @property
    def every(self) -> Roots:
        """With the one in between, which a bundle of version 0.3 does not bring."""
        return Roots((self.root.certificate, self.middle.certificate))

    def chain(self, issued: Issued) -> SignerCertificate:
        return SignerCertificate(issued.certificate, (self.middle.certificate,))


def _builder(
    name: str, issuer: str, key: Any, start: datetime, end: datetime, *, ca: bool, digital: bool
) -> x509.CertificateBuilder:
    usage = x509.KeyUsage(
        digital_signature=digital,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(usage, critical=True)
    )


def _common_name(certificate: x509.Certificate) -> str:
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
