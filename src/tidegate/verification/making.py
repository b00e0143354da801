# SPDX-License-Identifier: Apache-2.0
"""Makes signatures and attestations of an image and stores them, in the forms cosign verifies."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tidegate.artifact import Descriptor, Digest, Reference
from tidegate.artifact import media_type as mt
from tidegate.clock import Clock, rfc3339
from tidegate.evidence import PredicateType, Statement, Subject
from tidegate.oci.store_signature import Layer, SignatureShelf, store_referrer, store_tagged
from tidegate.signing import simple
from tidegate.signing.bundle import MEDIA_TYPE, write_bundle
from tidegate.signing.certificate import SignerCertificate
from tidegate.signing.envelope import sign
from tidegate.signing.found import COSIGN_SIGN
from tidegate.signing.keys import Signer
from tidegate.signing.statement_claim import signature_statement


class Stored(StrEnum):
    """How a signature is stored."""

    BUNDLE = "bundle"
    """A sigstore bundle as a referrer: cosign 3, and cosign 2 with --new-bundle-format."""
    TAG = "tag"
    """Under the tag sha256-HEX.sig or .att: every cosign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """Who signs, and where it goes.

    Attributes:
        certificate: of the signer's key; told with the signature.
        stored: one form or both.
    """

    signer: Signer
    shelf: SignatureShelf
    clock: Clock
    certificate: SignerCertificate | None = None
    stored: tuple[Stored, ...] = (Stored.BUNDLE,)
    annotations: Mapping[str, str] = field(default_factory=dict)


def sign_image(making: Making, subject: Descriptor, reference: Reference | None) -> list[Digest]:
    """Signs an image.

    Args:
        making: who signs, and where it goes.
        subject: its manifest or index.
        reference: where it lies; None for a layout.

    Returns:
        The manifests that hold the signature.

    Raises:
        OutsideError: key service, registry or disk failed.
    """
    made = []
    if Stored.BUNDLE in making.stored:
        payload = signature_statement(subject.digest, dict(making.annotations))
        made.append(_store_bundle(making, subject, payload, COSIGN_SIGN))
    if Stored.TAG in making.stored:
        content = simple.simple_payload(reference, subject.digest, making.annotations)
        signature = base64.b64encode(making.signer.sign(content)).decode()
        layer = Layer(
            content=content,
            media_type=mt.SIMPLE_SIGNING,
            annotations={simple.SIGNATURE: signature, **_beside(making.certificate)},
        )
        made.append(store_tagged(making.shelf, subject.digest, layer, "sig"))
    return made


def attest_image(
    making: Making,
    subject: Descriptor,
    reference: Reference | None,
    predicate_type: PredicateType,
    predicate: Mapping[str, Any],
) -> list[Digest]:
    """Signs a statement about an image; otherwise as `sign_image`."""
    name = f"{reference.registry}/{reference.repository}" if reference else ""
    statement = Statement(
        subjects=(Subject(name=name, digest=subject.digest),), predicate_type=predicate_type, predicate=predicate
    )
    made = []
    if Stored.BUNDLE in making.stored:
        made.append(_store_bundle(making, subject, statement.to_bytes(), predicate_type))
    if Stored.TAG in making.stored:
        layer = Layer(
            content=sign(statement, making.signer).content,
            media_type=mt.DSSE,
            annotations={simple.SIGNATURE: "", "predicateType": predicate_type, **_beside(making.certificate)},
        )
        made.append(store_tagged(making.shelf, subject.digest, layer, "att"))
    return made


def _store_bundle(making: Making, subject: Descriptor, payload: bytes, predicate_type: PredicateType) -> Digest:
    layer = Layer(content=write_bundle(payload, making.signer, making.certificate), media_type=MEDIA_TYPE)
    annotations = {
        "org.opencontainers.image.created": rfc3339(making.clock()),
        "dev.sigstore.bundle.content": "dsse-envelope",
        "dev.sigstore.bundle.predicateType": predicate_type,
    }
    return store_referrer(making.shelf, subject, layer, annotations)


def _beside(certificate: SignerCertificate | None) -> dict[str, str]:
    """A certificate and what leads to its root, as annotations of a layer."""
    if certificate is None:
        return {}
    found = {simple.CERTIFICATE: certificate.to_pem().decode()}
    if certificate.intermediates:
        found[simple.CHAIN] = certificate.chain_pem().decode()
    return found
