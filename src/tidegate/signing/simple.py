# SPDX-License-Identifier: Apache-2.0
"""cosign's simple signatures: the payload of containers/image, `atomic container signature`, signed as it stands.

They lie as layers of the manifest tagged `sha256-HEX.sig`; signature, certificate and log entry in annotations.
"""

import base64
from collections.abc import Mapping
from typing import Any, Final

from tidegate.artifact import Descriptor, Digest, Reference
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.signing.bounds import MAX_CHAIN, MAX_SIGNATURE_CHARS, MAX_SIMPLE_BYTES
from tidegate.signing.certificate import SignerCertificate, parse_certificates
from tidegate.signing.envelope import EnvelopeSignature, unbase64
from tidegate.signing.found import COSIGN_SIGN, Claim, Form, FoundSignature, LogMaterial
from tidegate.values import Struct
from tidegate.wire import demand_unique_keys, from_json, to_json

SIGNATURE: Final = "dev.cosignproject.cosign/signature"
CERTIFICATE: Final = "dev.sigstore.cosign/certificate"
CHAIN: Final = "dev.sigstore.cosign/chain"
BUNDLE: Final = "dev.sigstore.cosign/bundle"
TIMESTAMP: Final = "dev.sigstore.cosign/rfc3161timestamp"
_KIND: Final = "cosign container image signature"
_MAX_ANNOTATION_CHARS: Final = 1 << 20


class _Image(Struct, frozen=True, kw_only=True, rename={"digest": "docker-manifest-digest"}):
    digest: str


class _Identity(Struct, frozen=True, kw_only=True, rename={"reference": "docker-reference"}):
    reference: str = ""


class _Critical(Struct, frozen=True, kw_only=True):
    identity: _Identity
    image: _Image
    type: str


class _Payload(Struct, frozen=True, kw_only=True):
    critical: _Critical
    optional: dict[str, Any] | None = None


class _RekorPayload(Struct, frozen=True, kw_only=True):
    body: str
    integratedTime: int  # noqa: N815 - Rekor's own spelling
    logIndex: int  # noqa: N815
    logID: str  # noqa: N815


class _RekorBundle(Struct, frozen=True, kw_only=True):
    SignedEntryTimestamp: str
    Payload: _RekorPayload


def simple_payload(reference: Reference | None, digest: Digest, annotations: Mapping[str, str]) -> bytes:
    """The document that is signed.

    Args:
        reference: the repository it is said to lie in; None for none.
        digest: of the image.
        annotations: what else is said.
    """
    place = f"{reference.registry}/{reference.repository}" if reference else ""
    critical = {
        "identity": {"docker-reference": place},
        "image": {"docker-manifest-digest": str(digest)},
        "type": _KIND,
    }
    return to_json({"critical": critical, "optional": dict(annotations) or None})


def read_simple(content: bytes, layer: Descriptor, *, where: str) -> FoundSignature:
    """Takes a layer with a simple signature apart.

    Args:
        content: the layer.
        layer: its descriptor, whose annotations carry the signature.
        where: its name in errors.

    Raises:
        InvalidInputError: malformed, of another kind, or without a signature.
        BoundExceededError: it is over 64 KiB, or an annotation over its bound.
    """
    signature = layer.annotations.get(SIGNATURE, "")
    if not signature:
        raise InvalidInputError(f"carries no annotation {SIGNATURE}", where=where)
    if len(signature) > MAX_SIGNATURE_CHARS:
        raise BoundExceededError("MAX_SIGNATURE_CHARS", MAX_SIGNATURE_CHARS, where=where)
    return FoundSignature(
        form=Form.SIMPLE,
        where=where,
        digest=layer.digest,
        signed=content,
        payload=content,
        claim=_claim(content, where),
        signatures=(EnvelopeSignature(signature=unbase64(signature, where)),),
        certificate=certificate_beside(layer.annotations, where=where),
        log=log_beside(layer.annotations, where=where),
        content=content,
    )


def certificate_beside(annotations: Mapping[str, str], *, where: str) -> SignerCertificate | None:
    """The certificate in a layer's annotations, with what leads to its root; None when there is none."""
    pem, chain = annotations.get(CERTIFICATE, ""), annotations.get(CHAIN, "")
    if not pem:
        return None
    first, *more = parse_certificates(pem.encode(errors="replace"), where=f"{where} {CERTIFICATE}")
    rest = parse_certificates(chain.encode(errors="replace"), where=f"{where} {CHAIN}") if chain else ()
    if len(more) + len(rest) >= MAX_CHAIN:
        raise BoundExceededError("MAX_CHAIN", MAX_CHAIN, where=where)
    return SignerCertificate(first, (*more, *rest))


def log_beside(annotations: Mapping[str, str], *, where: str) -> LogMaterial:
    """The log entry and the timestamp in a layer's annotations, in the form a bundle has them.

    Raises:
        InvalidInputError: they are malformed.
        BoundExceededError: one is over 1 MiB.
    """
    entries: list[Mapping[str, Any]] = []
    timestamps: list[bytes] = []
    if text := _bounded(annotations.get(BUNDLE, ""), where):
        found = from_json(text.encode(errors="replace"), _RekorBundle, what=where, max_bytes=_MAX_ANNOTATION_CHARS)
        demand_unique_keys(text.encode(errors="replace"), what=where)
        entries.append(_entry(found, where))
    if text := _bounded(annotations.get(TIMESTAMP, ""), where):
        stamp = from_json(text.encode(errors="replace"), dict[str, str], what=where, max_bytes=_MAX_ANNOTATION_CHARS)
        timestamps.append(unbase64(stamp.get("SignedRFC3161Timestamp", ""), where))
    return LogMaterial(entries=tuple(entries), timestamps=tuple(timestamps))


def _entry(found: _RekorBundle, where: str) -> Mapping[str, Any]:
    payload = found.Payload
    body = from_json(unbase64(payload.body, where), dict[str, Any], what=where, max_bytes=_MAX_ANNOTATION_CHARS)
    try:
        log_id = base64.b64encode(bytes.fromhex(payload.logID)).decode()
    except ValueError as error:
        raise InvalidInputError("the id of its log is not hex", where=where) from error
    return {
        "logIndex": str(payload.logIndex),
        "logId": {"keyId": log_id},
        "kindVersion": {"kind": str(body.get("kind")), "version": str(body.get("apiVersion"))},
        "integratedTime": str(payload.integratedTime),
        "inclusionPromise": {"signedEntryTimestamp": found.SignedEntryTimestamp},
        "canonicalizedBody": payload.body,
    }


def _claim(content: bytes, where: str) -> Claim:
    found = from_json(content, _Payload, what=where, max_bytes=MAX_SIMPLE_BYTES)
    demand_unique_keys(content, what=where)
    if found.critical.type not in {_KIND, "atomic container signature"}:
        raise InvalidInputError(f"signs a {found.critical.type[:80]!r}, not an image", where=where)
    optional = found.optional or {}
    return Claim(
        subjects=(Digest(found.critical.image.digest),),
        predicate_type=COSIGN_SIGN,
        annotations={name: text for name, text in optional.items() if isinstance(text, str)},
    )


def _bounded(text: str, where: str) -> str:
    if len(text) > _MAX_ANNOTATION_CHARS:
        raise BoundExceededError("MAX_ANNOTATION_CHARS", _MAX_ANNOTATION_CHARS, where=where)
    return text
