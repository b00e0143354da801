# SPDX-License-Identifier: Apache-2.0
"""Signatures of the Notary Project in JWS (notaryproject/specifications, `signature-envelope-jws.md`).

Read, not written. Signed timestamps inside are not looked at: the certificate must hold when it is verified.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tidegate.artifact import Digest
from tidegate.errors import InvalidInputError
from tidegate.evidence import PredicateType
from tidegate.signing.bounds import MAX_JWS_BYTES
from tidegate.signing.certificate import SignerCertificate
from tidegate.signing.envelope import EnvelopeSignature
from tidegate.signing.found import Claim, Form, FoundSignature
from tidegate.signing.scheme import Scheme
from tidegate.values import Struct
from tidegate.wire import demand_unique_keys, from_json

ARTIFACT_TYPE: Final = "application/vnd.cncf.notary.signature"
JWS: Final = "application/jose+json"
COSE: Final = "application/cose"
SIGNED: Final = PredicateType("https://notaryproject.dev/signature/v1")
"""Stands for a predicate type, which these signatures have not: they say "signed" and no more."""
_PAYLOAD_TYPE: Final = "application/vnd.cncf.notary.payload.v1+json"
_SCHEMES: Final = frozenset({"notary.x509", "notary.x509.signingAuthority"})
_SIGNING_SCHEME: Final = "io.cncf.notary.signingScheme"
_EXPIRY: Final = "io.cncf.notary.expiry"
_CRITICAL: Final = frozenset({_SIGNING_SCHEME, _EXPIRY, "io.cncf.notary.authenticSigningTime"})


class _Header(Struct, frozen=True, kw_only=True):
    x5c: tuple[str, ...] = ()


class _Jws(Struct, frozen=True, kw_only=True):
    payload: str
    protected: str
    header: _Header
    signature: str


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a kind of key signs here, and nothing else: the algorithm is the key's, never the attacker's choice."""

    algorithm: str
    scheme: Scheme
    coordinate_bytes: int = 0


_CURVES: Final[Mapping[str, _Kind]] = {
    "secp256r1": _Kind("ES256", Scheme.ECDSA_P256, 32),
    "secp384r1": _Kind("ES384", Scheme.ECDSA_P384, 48),
    "secp521r1": _Kind("ES512", Scheme.ECDSA_P521, 66),
}
_RSA: Final[Mapping[int, _Kind]] = {
    2048: _Kind("PS256", Scheme.RSA_PSS),
    3072: _Kind("PS384", Scheme.RSA_PSS_SHA384),
    4096: _Kind("PS512", Scheme.RSA_PSS_SHA512),
}


def read_notation(content: bytes, *, where: str = "signature") -> FoundSignature:
    """Takes a signature of the Notary Project apart.

    Raises:
        InvalidInputError: malformed, of another payload, with a critical header nobody knows here, or signed in a way
            that its key does not sign.
        BoundExceededError: it is over 1 MiB.
    """
    jws = from_json(content, _Jws, what=where, max_bytes=MAX_JWS_BYTES)
    demand_unique_keys(content, what=where)
    protected = _object(_unbase64(jws.protected, where), where)
    certificate = SignerCertificate.from_der([_certificate(one, where) for one in jws.header.x5c], where=where)
    kind = _kind_of(certificate.key.public, where)
    _check_header(protected, kind, where)
    payload = _unbase64(jws.payload, where)
    return FoundSignature(
        form=Form.NOTATION,
        where=where,
        digest=Digest.of(content),
        signed=f"{jws.protected}.{jws.payload}".encode(),
        payload=payload,
        claim=_claim(_object(payload, where), where),
        signatures=(EnvelopeSignature(signature=_raw(_unbase64(jws.signature, where), kind, where)),),
        certificate=certificate,
        scheme=kind.scheme,
        expires_at=_expiry(protected, where),
        content=content,
    )


def _check_header(protected: Mapping[str, Any], kind: _Kind, where: str) -> None:
    critical = protected.get("crit")
    if not isinstance(critical, list) or _SIGNING_SCHEME not in critical:
        raise InvalidInputError("does not make its signing scheme critical", where=where)
    if unknown := [str(name) for name in critical if name not in _CRITICAL or name not in protected]:
        raise InvalidInputError(f"has a critical header that is not known: {unknown[0][:80]}", where=where)
    if protected.get(_SIGNING_SCHEME) not in _SCHEMES:
        raise InvalidInputError("is of an unknown signing scheme", where=where)
    if protected.get("cty") != _PAYLOAD_TYPE:
        raise InvalidInputError(f"carries {str(protected.get('cty'))[:80]!r}, not {_PAYLOAD_TYPE}", where=where)
    if protected.get("alg") != kind.algorithm:
        stated = str(protected.get("alg"))[:20]
        raise InvalidInputError(f"says {stated!r} where its key signs as {kind.algorithm}", where=where)


def _kind_of(public: object, where: str) -> _Kind:
    kind = None
    if isinstance(public, ec.EllipticCurvePublicKey):
        kind = _CURVES.get(public.curve.name)
    elif isinstance(public, rsa.RSAPublicKey):
        kind = _RSA.get(public.key_size)
    if kind is None:
        raise InvalidInputError("is signed by a kind of key that the Notary Project does not know", where=where)
    return kind


def _raw(signature: bytes, kind: _Kind, where: str) -> bytes:
    """JWS has r and s side by side (RFC 7518 §3.4); everybody else has them in DER."""
    width = kind.coordinate_bytes
    if not width:
        return signature
    if len(signature) != 2 * width:
        raise InvalidInputError("its signature has another length than its key makes", where=where)
    return encode_dss_signature(int.from_bytes(signature[:width]), int.from_bytes(signature[width:]))


def _claim(document: Mapping[str, Any], where: str) -> Claim:
    target = document.get("targetArtifact")
    if not isinstance(target, dict) or not isinstance(target.get("digest"), str):
        raise InvalidInputError("names no target artifact", where=where)
    annotations = target.get("annotations")
    return Claim(
        subjects=(Digest(target["digest"]),),
        predicate_type=SIGNED,
        annotations={
            name: text
            for name, text in (annotations if isinstance(annotations, dict) else {}).items()
            if isinstance(text, str)
        },
    )


def _expiry(protected: Mapping[str, Any], where: str) -> datetime | None:
    text = protected.get(_EXPIRY)
    if text is None:
        return None
    if _EXPIRY not in protected.get("crit", ()):
        raise InvalidInputError("its expiry is not critical", where=where)
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise InvalidInputError("its expiry is no moment", where=where) from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _object(data: bytes, where: str) -> dict[str, Any]:
    document = from_json(data, dict[str, Any], what=where, max_bytes=MAX_JWS_BYTES)
    demand_unique_keys(data, what=where)
    return document


def _certificate(text: str, where: str) -> bytes:
    """x5c is in plain base64 (RFC 7515 §4.1.6), unlike the rest."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInputError("a certificate is no base64", where=where) from error


def _unbase64(text: str, where: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInputError("malformed base64url", where=where) from error
