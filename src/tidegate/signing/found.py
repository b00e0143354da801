# SPDX-License-Identifier: Apache-2.0
"""Signatures as they were found, whatever form they came in: taken apart, and verified by nobody yet."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from tidegate.artifact import Digest
from tidegate.evidence import PredicateType
from tidegate.signing.certificate import SignerCertificate
from tidegate.signing.envelope import EnvelopeSignature
from tidegate.signing.scheme import Scheme

COSIGN_SIGN: Final = PredicateType("https://sigstore.dev/cosign/sign/v1")
"""Predicate type of a statement that says no more than "signed"."""


class Form(StrEnum):
    """How a signature is kept."""

    SIMPLE = "simple"
    """cosign's payload in a layer, its signature in an annotation."""
    DSSE = "dsse"
    """An envelope in a layer, by cosign's tag or as a referrer."""
    BUNDLE = "bundle"
    """A sigstore bundle as a referrer."""
    NOTATION = "notation"
    """A JWS of the Notary Project as a referrer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a signature is over, read from the signed bytes alone.

    Attributes:
        subjects: digests it speaks of.
        predicate_type: `COSIGN_SIGN` for a signature that says no more than that.
        annotations: what the signer wrote beside it.
    """

    subjects: tuple[Digest, ...]
    predicate_type: PredicateType
    predicate: Mapping[str, Any] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogMaterial:
    """What a signature brings of transparency logs and timestamp authorities, as JSON of the bundle's form.

    Attributes:
        entries: log entries, each as protobuf-specs' `TransparencyLogEntry`.
        timestamps: RFC 3161 responses in DER.
    """

    entries: tuple[Mapping[str, Any], ...] = ()
    timestamps: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSignature:
    """One signed thing: what is signed, who may have signed it, and what else came with it.

    Attributes:
        where: reference or file it came from, for people.
        digest: of the layer or file that carries it.
        signed: the bytes its signatures are over.
        payload: the document that is signed, verbatim; `signed` wraps it for DSSE and JWS.
        certificate: the signer's, where one came with it.
        scheme: the way of signing that the signature itself states, and no other is tried; None where it states none.
        expires_at: after this moment its signer does not stand by it; None for never.
        content: the whole as it was found; kept for whoever stores it.
    """

    form: Form
    where: str
    digest: Digest
    signed: bytes = field(repr=False)
    payload: bytes = field(repr=False)
    claim: Claim
    signatures: tuple[EnvelopeSignature, ...]
    certificate: SignerCertificate | None = None
    log: LogMaterial = LogMaterial()
    scheme: Scheme | None = None
    expires_at: datetime | None = None
    content: bytes = field(default=b"", repr=False)
