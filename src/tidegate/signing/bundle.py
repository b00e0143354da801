# SPDX-License-Identifier: Apache-2.0
"""Sigstore bundles (protobuf-specs `sigstore_bundle.proto`), read in versions 0.1 to 0.3 and written in 0.3.

Signatures of images are in-toto statements in DSSE; a bundle over bare bytes speaks of no image and is refused.
"""

import base64
from typing import Any, Final

from tidegate.artifact import Digest
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.evidence import PAYLOAD_TYPE
from tidegate.signing.bounds import MAX_BUNDLE_BYTES, MAX_LOG_ENTRIES, MAX_TIMESTAMPS
from tidegate.signing.certificate import SignerCertificate
from tidegate.signing.envelope import EnvelopeDocument, envelope_of, pre_authentication, unbase64
from tidegate.signing.found import Form, FoundSignature, LogMaterial
from tidegate.signing.keys import Signer
from tidegate.signing.statement_claim import statement_claim
from tidegate.values import Struct
from tidegate.wire import demand_unique_keys, from_json, to_json

MEDIA_TYPE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
MEDIA_TYPES: Final = frozenset(
    {
        MEDIA_TYPE,
        "application/vnd.dev.sigstore.bundle+json;version=0.3",
        "application/vnd.dev.sigstore.bundle+json;version=0.2",
        "application/vnd.dev.sigstore.bundle+json;version=0.1",
    }
)
_WITHOUT_PROOFS: Final = "application/vnd.dev.sigstore.bundle+json;version=0.1"
"""Later versions must prove that a log entry is in the log; a promise is not enough."""


class _Bytes(Struct, frozen=True, kw_only=True):
    rawBytes: str  # noqa: N815 - protobuf-specs' own spelling


class _Chain(Struct, frozen=True, kw_only=True):
    certificates: tuple[_Bytes, ...] = ()


class _Hint(Struct, frozen=True, kw_only=True):
    hint: str = ""


class _Stamp(Struct, frozen=True, kw_only=True):
    signedTimestamp: str  # noqa: N815


class _Stamps(Struct, frozen=True, kw_only=True):
    rfc3161Timestamps: tuple[_Stamp, ...] = ()  # noqa: N815


class _Material(Struct, frozen=True, kw_only=True):
    certificate: _Bytes | None = None
    x509CertificateChain: _Chain | None = None  # noqa: N815
    publicKey: _Hint | None = None  # noqa: N815
    tlogEntries: tuple[dict[str, Any], ...] = ()  # noqa: N815
    timestampVerificationData: _Stamps | None = None  # noqa: N815


class _Bundle(Struct, frozen=True, kw_only=True):
    mediaType: str  # noqa: N815
    verificationMaterial: _Material  # noqa: N815
    dsseEnvelope: EnvelopeDocument | None = None  # noqa: N815
    messageSignature: dict[str, Any] | None = None  # noqa: N815


def read_bundle(content: bytes, *, where: str = "bundle") -> FoundSignature:
    """Takes a bundle apart.

    Raises:
        InvalidInputError: malformed, of an unknown version, over bare bytes, or with several kinds of signers.
        BoundExceededError: it, or a list in it, is over its bound.
    """
    bundle = from_json(content, _Bundle, what=where, max_bytes=MAX_BUNDLE_BYTES)
    demand_unique_keys(content, what=where)
    if bundle.mediaType not in MEDIA_TYPES:
        raise InvalidInputError(f"unknown version of bundle {bundle.mediaType[:80]!r}", where=where)
    if bundle.dsseEnvelope is None or bundle.messageSignature is not None:
        raise InvalidInputError("holds no statement in an envelope", where=where)
    envelope = envelope_of(bundle.dsseEnvelope, where)
    if len(envelope.signatures) != 1:
        raise InvalidInputError("a bundle holds one signature", where=where)
    material = bundle.verificationMaterial
    return FoundSignature(
        form=Form.BUNDLE,
        where=where,
        digest=Digest.of(content),
        signed=envelope.signed,
        payload=envelope.payload,
        claim=statement_claim(envelope.payload, where=where),
        signatures=envelope.signatures,
        certificate=_certificate(material, where),
        log=_log(material, where, must_be_proved=bundle.mediaType != _WITHOUT_PROOFS),
        content=content,
    )


def write_bundle(payload: bytes, signer: Signer, certificate: SignerCertificate | None = None) -> bytes:
    """Signs a statement into a bundle of version 0.3, as cosign does.

    Args:
        payload: the statement.
        signer: signs it; its certificate, where there is one, is told instead of its key.
        certificate: of the signer.
    """
    signature = signer.sign(pre_authentication(PAYLOAD_TYPE, payload))
    material: dict[str, object]
    if certificate is None:
        hint = base64.b64encode(bytes.fromhex(signer.verifying.key_id)).decode()
        material = {"publicKey": {"hint": hint}}
    else:
        material = {"certificate": {"rawBytes": base64.b64encode(certificate.to_der()).decode()}}
    return to_json(
        {
            "mediaType": MEDIA_TYPE,
            "verificationMaterial": material,
            "dsseEnvelope": {
                "payload": base64.b64encode(payload).decode(),
                "payloadType": PAYLOAD_TYPE,
                "signatures": [{"sig": base64.b64encode(signature).decode()}],
            },
        }
    )


def _certificate(material: _Material, where: str) -> SignerCertificate | None:
    chain = material.x509CertificateChain.certificates if material.x509CertificateChain else ()
    raw = (material.certificate, *chain) if material.certificate else chain
    told = [material.certificate is not None, material.x509CertificateChain is not None, material.publicKey is not None]
    if sum(told) != 1:
        raise InvalidInputError("names a key, a certificate or a chain: one of them", where=where)
    if material.publicKey is not None:
        return None
    return SignerCertificate.from_der([unbase64(one.rawBytes, where) for one in raw], where=where)


def _log(material: _Material, where: str, *, must_be_proved: bool) -> LogMaterial:
    if len(material.tlogEntries) > MAX_LOG_ENTRIES:
        raise BoundExceededError("MAX_LOG_ENTRIES", MAX_LOG_ENTRIES, where=where)
    if must_be_proved and not all(entry.get("inclusionProof") for entry in material.tlogEntries):
        raise InvalidInputError("a log entry has no proof of inclusion", where=where)
    stamps = material.timestampVerificationData.rfc3161Timestamps if material.timestampVerificationData else ()
    if len(stamps) > MAX_TIMESTAMPS:
        raise BoundExceededError("MAX_TIMESTAMPS", MAX_TIMESTAMPS, where=where)
    return LogMaterial(
        entries=material.tlogEntries, timestamps=tuple(unbase64(one.signedTimestamp, where) for one in stamps)
    )
