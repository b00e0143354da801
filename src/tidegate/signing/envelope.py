# SPDX-License-Identifier: Apache-2.0
"""Signed statements: in-toto Statement v1 in a DSSE v1 envelope (github.com/secure-systems-lab/dsse, protocol.md)."""

import base64
import binascii
from dataclasses import dataclass, field
from typing import Final

from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import UnverifiedSignatureError, VerificationError
from securesystemslib.signer import Signature  # type: ignore[attr-defined]  # public, but it names no __all__

from tidegate.artifact import Digest
from tidegate.errors import BoundExceededError, InvalidInputError, RefusedError
from tidegate.evidence import PAYLOAD_TYPE, Statement, parse_statement
from tidegate.signing.bounds import MAX_ENVELOPE_BYTES, MAX_SIGNATURE_CHARS, MAX_SIGNATURES
from tidegate.signing.keys import KeyId, SigningKey, TrustedKeys, VerifyingKey
from tidegate.wire import from_json, to_json

_URL_SAFE: Final = str.maketrans("-_", "+/")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedEnvelope:
    """An envelope as it is stored: its bytes, and the digest that names them."""

    content: bytes
    digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A statement somebody trusted vouches for.

    Attributes:
        signers: ids of the trusted keys whose signatures hold, sorted; never empty.
        digest: of the envelope.
    """

    statement: Statement
    signers: tuple[KeyId, ...]
    digest: Digest


def sign(statement: Statement, *signers: SigningKey) -> SignedEnvelope:
    """Signs a statement with one or more keys.

    Raises:
        ValueError: no key, or the same key twice.
        BoundExceededError: the envelope would be longer than a verifier accepts.
    """
    if not signers or len({key.key_id for key in signers}) != len(signers):
        raise ValueError("an envelope needs one or more different keys")
    envelope = Envelope(statement.to_bytes(), PAYLOAD_TYPE, {})
    for key in signers:
        envelope.sign(key.signer())
    content = to_json(envelope.to_dict())
    if len(content) > MAX_ENVELOPE_BYTES:
        raise BoundExceededError("MAX_ENVELOPE_BYTES", MAX_ENVELOPE_BYTES, where="envelope")
    return SignedEnvelope(content=content, digest=Digest.of(content))


def verify(content: bytes, trusted: TrustedKeys, *, where: str = "envelope") -> Verified:
    """Reads an envelope and returns its statement only when a trusted key signed it.

    A signature by an unknown key is passed over, as DSSE says. One that names a trusted key and does not hold is
    tampering and refuses the whole. An empty key id (as cosign writes) is tried with every trusted key.

    Raises:
        InvalidInputError: malformed, of another payload type, without signatures, with a key id twice, or over a bound.
        RefusedError: no trusted key signed it, or a trusted key's signature does not hold.
    """
    envelope = _parse(content, where)
    if envelope.payload_type != PAYLOAD_TYPE:
        raise InvalidInputError(f"carries {envelope.payload_type[:80]!r}, not {PAYLOAD_TYPE}", where=where)
    signers = _signers(envelope, trusted, where)
    if not signers:
        raise RefusedError(
            "signed by no trusted key", where=where, remedy="trust its key or sign it with a trusted one"
        )
    return Verified(
        statement=parse_statement(envelope.payload, where=where), signers=signers, digest=Digest.of(content)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signature:
    sig: str
    keyid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    payload: str
    payloadType: str  # noqa: N815 - DSSE's own spelling
    signatures: tuple[_Signature, ...] = field(default=())


def _parse(content: bytes, where: str) -> Envelope:
    document = from_json(content, _Document, what=where, max_bytes=MAX_ENVELOPE_BYTES)
    if not document.signatures:
        raise InvalidInputError("carries no signature", where=where)
    if len(document.signatures) > MAX_SIGNATURES:
        raise BoundExceededError("MAX_SIGNATURES", MAX_SIGNATURES, where=where)
    signatures: dict[str, Signature] = {}
    for item in document.signatures:
        if item.keyid in signatures:
            raise InvalidInputError(f"two signatures name the key {item.keyid[:80]!r}", where=where)
        if len(item.sig) > MAX_SIGNATURE_CHARS:
            raise BoundExceededError("MAX_SIGNATURE_CHARS", MAX_SIGNATURE_CHARS, where=where)
        signatures[item.keyid] = Signature(item.keyid, _unbase64(item.sig, where).hex())
    return Envelope(_unbase64(document.payload, where), document.payloadType, signatures)


def _unbase64(text: str, where: str) -> bytes:
    """DSSE lets both alphabets pass; anything outside them does not."""
    try:
        return base64.b64decode(text.translate(_URL_SAFE).encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise InvalidInputError("malformed base64", where=where) from error


def _signers(envelope: Envelope, trusted: TrustedKeys, where: str) -> tuple[KeyId, ...]:
    signed = envelope.pae()
    found: set[KeyId] = set()
    for signature in envelope.signatures.values():
        if not signature.keyid:
            found.update(key.key_id for key in trusted.keys.values() if _holds(key, signature, signed))
        elif (named := trusted.keys.get(KeyId(signature.keyid))) is not None:
            if not _holds(named, signature, signed):
                raise RefusedError(f"the signature of key {named.key_id[:12]} does not hold", where=where)
            found.add(named.key_id)
    return tuple(sorted(found))


def _holds(key: VerifyingKey, signature: Signature, signed: bytes) -> bool:
    try:
        key.verifier().verify_signature(Signature(key.key_id, signature.signature), signed)
    except (UnverifiedSignatureError, VerificationError):
        return False
    return True
