# SPDX-License-Identifier: Apache-2.0
"""Client certificates that a proxy in front verified in its TLS handshake, and hands on in a header.

The form of RFC 9440 (`Client-Cert: :base64 of DER:`, as HAProxy can write it), or PEM with percent escapes, as nginx
writes `$ssl_client_escaped_cert`. Our own TLS server verifies client certificates but does not say which one it saw.
"""

import base64
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final, Self
from urllib.parse import unquote_to_bytes

from cryptography import x509
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from tidegate.bounds import KIB, read_bounded
from tidegate.clock import Clock
from tidegate.errors import InvalidInputError, OutsideError
from tidegate.identity.access_token import AccessToken
from tidegate.identity.principal import Principal, PrincipalKind, foreign_name
from tidegate.identity.token import BadTokenError

ISSUER: Final = "cert"
MAX_HEADER_CHARS: Final = 16 * KIB
_MAX_CA_BYTES: Final = 1024 * KIB


class ClientCertificates:
    """Turns a header of a trusted proxy into a principal, `cert:NAME`.

    Args:
        secret: what the proxy shows besides its address.
        authorities: who must have issued the certificate; none leaves that to the proxy alone.
        clock: when certificates end.
    """

    def __init__(self, secret: AccessToken, authorities: Iterable[x509.Certificate], *, clock: Clock) -> None:
        self._secret = secret
        self._store = Store(list(found)) if (found := tuple(authorities)) else None
        self._clock = clock

    @classmethod
    def load(cls, secret_file: Path, ca_file: Path | None, *, clock: Clock) -> Self:
        """Reads the proxy's secret, and the authorities from a PEM file.

        Raises:
            OutsideError: a file cannot be read.
            InvalidInputError: it holds something else.
        """
        return cls(AccessToken.load(secret_file), _authorities(ca_file) if ca_file else (), clock=clock)

    def principal(self, header: str, *, shown_secret: str) -> Principal:
        """Whose certificate it is.

        Raises:
            BadTokenError: the secret is wrong, or the certificate is broken, out of its time, nameless, or not issued
                by one of the authorities.
        """
        if not self._secret.matches(shown_secret):
            raise BadTokenError("not handed on by the proxy")
        certificate = _parse(header)
        now = self._clock()
        if not certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc:
            raise BadTokenError("a certificate out of its time")
        if self._store is not None:
            self._verify(certificate, now)
        try:
            name = foreign_name(ISSUER, _name(certificate))
        except InvalidInputError as error:
            raise BadTokenError("a certificate of a name that cannot be recorded") from error
        return Principal(name=name, kind=PrincipalKind.CERTIFICATE)

    def _verify(self, certificate: x509.Certificate, now: datetime) -> None:
        assert self._store is not None  # noqa: S101 - asked with one alone
        try:
            PolicyBuilder().store(self._store).time(now).build_client_verifier().verify(certificate, [])
        except (VerificationError, ValueError) as error:
            raise BadTokenError("a certificate nobody here vouches for") from error


def _parse(header: str) -> x509.Certificate:
    text = header.strip()
    if len(text) > MAX_HEADER_CHARS:
        raise BadTokenError("too long a certificate")
    try:
        if text.startswith(":") and text.endswith(":"):
            return x509.load_der_x509_certificate(base64.b64decode(text[1:-1], validate=True))
        return x509.load_pem_x509_certificate(unquote_to_bytes(text))
    except ValueError as error:
        raise BadTokenError("no certificate") from error


def _name(certificate: x509.Certificate) -> str:
    """The first URI (as SPIFFE has it), mail address or DNS name of its SAN, else its common name."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        for kind in (x509.UniformResourceIdentifier, x509.RFC822Name, x509.DNSName):
            if found := names.get_values_for_type(kind):
                return str(found[0])
    except (x509.ExtensionNotFound, ValueError):
        pass
    common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common[0].value) if common else ""


def _authorities(file: Path) -> list[x509.Certificate]:
    try:
        with file.open("rb") as source:
            return x509.load_pem_x509_certificates(read_bounded(source, max_bytes=_MAX_CA_BYTES, what=str(file)))
    except OSError as error:
        raise OutsideError(f"cannot be read: {error.strerror}", where=str(file)) from error
    except ValueError as error:
        raise InvalidInputError("holds no certificates in PEM", where=str(file)) from error
