# SPDX-License-Identifier: Apache-2.0
"""Signed statements: in-toto Statement v1 in a DSSE v1 envelope (github.com/secure-systems-lab/dsse, protocol.md)."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tidegate.artifact import Digest
from tidegate.errors import BoundExceededError, InvalidInputError, RefusedError
from tidegate.evidence import PAYLOAD_TYPE, Statement, parse_statement
from tidegate.signing.bounds import MAX_ENVELOPE_BYTES, MAX_SIGNATURE_CHARS, MAX_SIGNATURES
from tidegate.signing.keys import KeyId, Signer, TrustedKeys
from tidegate.values import Struct
from tidegate.wire import demand_unique_keys, from_json, to_json

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


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopeSignature:
    """One signature of an envelope; its key id is a hint, "" where none is given."""

    signature: bytes
    key_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """An envelope taken apart; nobody has verified it.

    Attributes:
        payload: the bytes that are signed, as they came.
        signatures: never empty.
    """

    payload: bytes
    payload_type: str
    signatures: tuple[EnvelopeSignature, ...]

    @property
    def signed(self) -> bytes:
        """What the signatures are over."""
        return pre_authentication(self.payload_type, self.payload)


def pre_authentication(payload_type: str, payload: bytes) -> bytes:
    """What is signed of an envelope (DSSE v1, `PAE`): the type and the payload, each with its length."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign(statement: Statement, *signers: Signer) -> SignedEnvelope:
    """Signs a statement with one or more keys.

    Raises:
        ValueError: no key, or the same key twice.
        BoundExceededError: the envelope would be longer than a verifier accepts.
    """
    return sign_payload(statement.to_bytes(), {one.verifying.key_id: one for one in signers}, count=len(signers))


def sign_payload(payload: bytes, signers: Mapping[KeyId, Signer], *, count: int) -> SignedEnvelope:
    """Signs the bytes of a statement.

    Raises:
        ValueError, BoundExceededError: as `sign`.
    """
    if not signers or len(signers) != count:
        raise ValueError("an envelope needs one or more different keys")
    signed = pre_authentication(PAYLOAD_TYPE, payload)
    content = to_json(
        {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [
                {"keyid": key_id, "sig": base64.b64encode(signer.sign(signed)).decode()}
                for key_id, signer in signers.items()
            ],
        }
    )
    if len(content) > MAX_ENVELOPE_BYTES:
        raise BoundExceededError("MAX_ENVELOPE_BYTES", MAX_ENVELOPE_BYTES, where="envelope")
    return SignedEnvelope(content=content, digest=Digest.of(content))


def verify(content: bytes, trusted: TrustedKeys, *, where: str = "envelope") -> Verified:
    """Reads an envelope and returns its statement only when a trusted key signed it.

    A signature by an unknown key is passed over, as DSSE says. One that names a trusted key and does not hold is
    tampering and refuses the whole. A key id is a hint, and every tool makes its own: one that is empty (as cosign
    writes) or not known here is tried with every trusted key.

    Raises:
        InvalidInputError: malformed, of another payload type, without signatures, with a key id twice, or over a bound.
        RefusedError: no trusted key signed it, or a trusted key's signature does not hold.
    """
    envelope = parse_envelope(content, where=where)
    signers = signers_of(envelope, trusted, where=where)
    if not signers:
        raise RefusedError(
            "signed by no trusted key", where=where, remedy="trust its key or sign it with a trusted one"
        )
    return Verified(
        statement=parse_statement(envelope.payload, where=where), signers=signers, digest=Digest.of(content)
    )


def parse_envelope(content: bytes, *, where: str = "envelope") -> Envelope:
    """Takes an envelope of an in-toto statement apart.

    Raises:
        InvalidInputError: malformed, of another payload type, without signatures, with a key id twice, or over a bound.
    """
    document = from_json(content, EnvelopeDocument, what=where, max_bytes=MAX_ENVELOPE_BYTES)
    demand_unique_keys(content, what=where)
    return envelope_of(document, where)


class SignatureDocument(Struct, frozen=True, kw_only=True):
    """A signature of an envelope in JSON."""

    sig: str
    keyid: str = ""


class EnvelopeDocument(Struct, frozen=True, kw_only=True):
    """An envelope in JSON."""

    payload: str
    payloadType: str  # noqa: N815 - DSSE's own spelling
    signatures: tuple[SignatureDocument, ...] = ()


def envelope_of(document: EnvelopeDocument, where: str) -> Envelope:
    """An envelope of what its JSON says; raises as `parse_envelope`."""
    if document.payloadType != PAYLOAD_TYPE:
        raise InvalidInputError(f"carries {document.payloadType[:80]!r}, not {PAYLOAD_TYPE}", where=where)
    if not document.signatures:
        raise InvalidInputError("carries no signature", where=where)
    if len(document.signatures) > MAX_SIGNATURES:
        raise BoundExceededError("MAX_SIGNATURES", MAX_SIGNATURES, where=where)
    named = [item.keyid for item in document.signatures if item.keyid]
    if twice := next((name for at, name in enumerate(named) if name in named[:at]), None):
        raise InvalidInputError(f"two signatures name the key {twice[:80]!r}", where=where)
    signatures = []
    for item in document.signatures:
        if len(item.sig) > MAX_SIGNATURE_CHARS:
            raise BoundExceededError("MAX_SIGNATURE_CHARS", MAX_SIGNATURE_CHARS, where=where)
        signatures.append(EnvelopeSignature(signature=unbase64(item.sig, where), key_id=item.keyid))
    return Envelope(
        payload=unbase64(document.payload, where), payload_type=document.payloadType, signatures=tuple(signatures)
    )


def unbase64(text: str, where: str) -> bytes:
    """Reads base64. DSSE lets both alphabets pass; anything outside them does not.

    Raises:
        InvalidInputError: it is malformed.
    """
    try:
        return base64.b64decode(text.translate(_URL_SAFE).encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise InvalidInputError("malformed base64", where=where) from error


def signers_of(envelope: Envelope, trusted: TrustedKeys, *, where: str) -> tuple[KeyId, ...]:
    """The trusted keys that signed an envelope, sorted; raises as `verify`."""
    signed = envelope.signed
    found: set[KeyId] = set()
    for item in envelope.signatures:
        named = trusted.keys.get(KeyId(item.key_id))
        if named is None:
            found.update(key.key_id for key in trusted.keys.values() if key.verifies(item.signature, signed))
        elif named.verifies(item.signature, signed):
            found.add(named.key_id)
        else:
            raise RefusedError(f"the signature of key {named.key_id[:12]} does not hold", where=where)
    return tuple(sorted(found))
