# SPDX-License-Identifier: Apache-2.0
"""CMS signatures with certificates (RFC 5652), as gitsign and `gpgsm` make them, checked by the `openssl` program.

The chain must end at a given root and be valid at the commit's own time; short-lived certificates, as Fulcio gives
them, prove no more than that who signed held the key then. That the time is true would be proved by a transparency log,
which is not asked here.
"""

import base64
import binascii
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from tidegate.bounds import MIB
from tidegate.development.commits.signature import MAX_SIGNATURE_BYTES, SignatureFinding
from tidegate.development.git.objects import Signed
from tidegate.errors import InvalidInputError, OutsideError
from tidegate.evidence.predicates.commits import SignatureState
from tidegate.values import Struct

MAX_ROOTS_BYTES: Final = 4 * MIB

_BEGIN: Final = b"-----BEGIN SIGNED MESSAGE-----"
_END: Final = b"-----END SIGNED MESSAGE-----"
_TIMEOUT_S: Final = 30
_EXPIRED: Final = (b"certificate has expired", b"certificate is not yet valid")
_UNKNOWN: Final = (b"unable to get", b"self-signed certificate", b"self signed certificate")
_ISSUERS: Final = ("1.3.6.1.4.1.57264.1.8", "1.3.6.1.4.1.57264.1.1")
"""Fulcio's extensions that name who vouched for the identity; the first is DER, the second plain."""


class X509Trust(Struct, frozen=True, kw_only=True):
    """Whose certificates count: PEM of the roots, of intermediates too where signatures leave them out."""

    roots: bytes


def read_roots(content: bytes, *, where: str) -> X509Trust:
    """Reads certificates in PEM.

    Raises:
        InvalidInputError: there is none.
    """
    if len(content) > MAX_ROOTS_BYTES:
        raise InvalidInputError("too long for certificates", where=where)
    try:
        found = x509.load_pem_x509_certificates(content)
    except ValueError as error:
        raise InvalidInputError("no certificates in PEM", where=where) from error
    if not found:
        raise InvalidInputError("no certificate in it", where=where)
    return X509Trust(roots=content)


def find_x509_signature(signed: Signed, trust: X509Trust, *, at: int) -> SignatureFinding:
    """Looks at a CMS signature.

    Args:
        signed: what it is of.
        trust: the roots.
        at: when it was made, as the commit claims: seconds since 1970.

    Raises:
        OutsideError: openssl cannot be run, or does not end.
    """
    try:
        der = _der(signed.signature)
    except InvalidInputError as error:
        return SignatureFinding(state=SignatureState.UNREADABLE, form="x509", detail=error.what)
    with tempfile.TemporaryDirectory(prefix="tidegate-cms-") as folder:
        home = Path(folder)
        for name, content in (("signature", der), ("payload", signed.payload), ("roots", trust.roots)):
            (home / name).write_bytes(content)
        # The signature first, then the chain, so that each can be told by itself.
        holds = _openssl(home, "-noverify")
        if holds.returncode:
            return SignatureFinding(state=SignatureState.BAD, form="x509", detail="it is not of this")
        signers = (home / "signer").read_bytes()
        try:
            certificates = x509.load_pem_x509_certificates(signers)
        except ValueError:
            certificates = []
        if len(certificates) != 1:
            detail = f"{len(certificates)} signers in one signature"
            return SignatureFinding(state=SignatureState.UNREADABLE, form="x509", detail=detail)
        chain = _openssl(home, "-CAfile", "roots", "-attime", str(at))
        return _finding(certificates[0], _state(chain.returncode, chain.stderr))


def _state(status: int, complaints: bytes) -> SignatureState:
    if not status:
        return SignatureState.GOOD
    if any(words in complaints for words in _EXPIRED):
        return SignatureState.EXPIRED
    is_unknown = any(words in complaints for words in _UNKNOWN)
    return SignatureState.UNKNOWN_KEY if is_unknown else SignatureState.BAD


def _finding(certificate: x509.Certificate, state: SignatureState) -> SignatureFinding:
    issuer = _issuer(certificate)
    return SignatureFinding(
        state=state,
        form="x509",
        signers=_names(certificate) if state in {SignatureState.GOOD, SignatureState.EXPIRED} else (),
        key=_fingerprint(certificate),
        detail=f"vouched for by {issuer}" if issuer else "",
    )


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    """Addresses and URIs of the certificate; its common name where it has neither."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found = [
            *names.get_values_for_type(x509.RFC822Name),
            *names.get_values_for_type(x509.UniformResourceIdentifier),
        ]
    except (x509.ExtensionNotFound, ValueError):
        found = []
    common = [str(it.value) for it in certificate.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS)]
    return tuple(dict.fromkeys(name.casefold() for name in (found or common)))


def _issuer(certificate: x509.Certificate) -> str:
    for oid in _ISSUERS:
        try:
            extension = certificate.extensions.get_extension_for_oid(x509.ObjectIdentifier(oid)).value
        except (x509.ExtensionNotFound, ValueError):
            continue
        if isinstance(extension, x509.UnrecognizedExtension):
            text = extension.value
            text = text[2:] if text[:1] == b"\x0c" and len(text) == 2 + text[1] else text  # a UTF8String
            return text.decode("utf-8", "replace")[:500]
    return ""


def _fingerprint(certificate: x509.Certificate) -> str:
    from cryptography.hazmat.primitives.hashes import SHA256

    return certificate.fingerprint(SHA256()).hex()


def _der(signature: bytes) -> bytes:
    text = signature.strip()
    if len(text) > MAX_SIGNATURE_BYTES:
        raise InvalidInputError("too long", where="CMS signature")
    if not text.startswith(_BEGIN) or not text.endswith(_END) or text.count(b"-----BEGIN") != 1:
        raise InvalidInputError("not one armoured CMS signature", where="CMS signature")
    try:
        return base64.b64decode(b"".join(text[len(_BEGIN) : -len(_END)].split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInputError("malformed base64", where="CMS signature") from error


def _openssl(home: Path, *options: str) -> "subprocess.CompletedProcess[bytes]":
    command = ("openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", "signature", "-content", "payload")
    outputs = ("-signer", "signer", "-out", "copy", "-purpose", "any", "-no-CApath", "-no-CAstore")
    own = () if "-CAfile" in options else ("-no-CAfile",)
    try:
        return subprocess.run(
            [*command, *outputs, *own, *options],
            cwd=home,
            capture_output=True,
            env={"PATH": f"{os.defpath}:/usr/local/bin", "LC_ALL": "C", "OPENSSL_CONF": "/dev/null"},
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise OutsideError("openssl does not end", where="CMS signature") from error
    except OSError as error:
        raise OutsideError("openssl cannot be run", where="CMS signatures", remedy="install openssl") from error
