# SPDX-License-Identifier: Apache-2.0
"""A document in a file with a signature around it, an envelope or a bundle, and whether anybody trusted made it.

Whose image it speaks of is not known here, so subjects and requirements are not asked for: only who signed.
"""

from datetime import datetime
from typing import Any

from tidegate.artifact import Digest
from tidegate.errors import InvalidInputError, RefusedError
from tidegate.evidence.predicates.signatures import Voucher
from tidegate.signing.bounds import MAX_ENVELOPE_BYTES
from tidegate.signing.bundle import read_bundle
from tidegate.signing.envelope import parse_envelope
from tidegate.signing.found import Form, FoundSignature
from tidegate.signing.statement_claim import statement_claim
from tidegate.values import Struct
from tidegate.verification.policy import TrustPolicy
from tidegate.verification.vouching import Effort, vouch
from tidegate.wire import from_json


class _Head(Struct, frozen=True, kw_only=True):
    dsseEnvelope: Any = None  # noqa: N815 - their own spellings
    payloadType: Any = None  # noqa: N815


def signed_document(raw: bytes, *, where: str) -> FoundSignature | None:
    """Takes the signature off a document; None when there is none around it.

    Raises:
        InvalidInputError: there is one, and it is malformed or hostile.
    """
    if raw.lstrip()[:1] != b"{" or (b"dsseEnvelope" not in raw and b"payloadType" not in raw):
        return None
    head = from_json(raw, _Head, what=where, max_bytes=2 * MAX_ENVELOPE_BYTES)
    if head.dsseEnvelope is not None:
        return read_bundle(raw, where=where)
    if head.payloadType is None:
        return None
    envelope = parse_envelope(raw, where=where)
    return FoundSignature(
        form=Form.DSSE,
        where=where,
        digest=Digest.of(raw),
        signed=envelope.signed,
        payload=envelope.payload,
        claim=statement_claim(envelope.payload, where=where),
        signatures=envelope.signatures,
    )


def vouchers_of(found: FoundSignature, policy: TrustPolicy, at: datetime) -> tuple[Voucher, ...]:
    """Everybody whom a trust policy knows and who signed a document; never empty.

    Raises:
        RefusedError: nobody did; says why of each authority.
    """
    reasons: list[str] = []
    vouchers: list[Voucher] = []
    effort = Effort()
    for authority in policy.authorities.values():
        try:
            vouchers += vouch(found, authority, policy.root, at, effort)
        except (RefusedError, InvalidInputError) as error:
            reasons.append(f"{authority.name}: {error.what}")
    if not vouchers:
        what = f"nobody whom the trust policy {policy.name} names signed it ({'; '.join(reasons)})"
        raise RefusedError(what, where=found.where, remedy="have it signed, or mend signing.trust_policy_file")
    return tuple(vouchers)
