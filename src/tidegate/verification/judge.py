# SPDX-License-Identifier: Apache-2.0
"""Judges what was found on an image by a trust policy. Pure: the moment is handed in; every refusal says why.

Nothing found, nothing asked, or nothing that is for this image: not verified.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from tidegate.artifact import Digest
from tidegate.bounds import printable
from tidegate.errors import InvalidInputError, RefusedError
from tidegate.evidence.predicates.signatures import RequirementResult, SignatureResult, Verification, Voucher
from tidegate.signing.found import COSIGN_SIGN, Claim, FoundSignature
from tidegate.signing.notation import SIGNED
from tidegate.verification.policy import Requirement, TrustPolicy
from tidegate.verification.reading import Read, Unread
from tidegate.verification.vouching import Effort, vouch

MAX_REASONS: Final = 20
"""Reasons told of one requirement; the rest is counted."""
PLAIN: Final = frozenset({COSIGN_SIGN, SIGNED})
"""Types of statements that say "signed" and no more."""


@dataclass(frozen=True, slots=True)
class _Judged:
    """A signature and what came of it."""

    claim: Claim
    result: SignatureResult
    vouchers: tuple[Voucher, ...] = field(default=())
    certified: str = ""  # id of the key that its certificate is of


def judge(read: Read, subject: Digest, repository: str, policy: TrustPolicy, at: datetime) -> Verification:
    """Judges an image's signatures.

    Args:
        read: what was found on it.
        subject: its digest.
        repository: `registry/name` it lies in; "" for none, and then every requirement is for it.
        policy: who is trusted for what.
        at: now.
    """
    asked = [requirement for requirement in policy.requirements if requirement.is_for(repository)]
    effort = Effort()
    judged = [_judge_one(found, subject, policy, at, effort) for found in read.found]
    requirements = tuple(_meet(requirement, judged, read.unread) for requirement in asked)
    reasons = () if asked else (f"no requirement of the policy is for {repository}",)
    return Verification(
        subject=subject,
        repository=repository,
        policy=policy.name,
        policy_digest=policy.digest,
        verified=bool(asked) and all(one.met for one in requirements),
        at=at,
        requirements=requirements,
        signatures=(*(one.result for one in judged), *map(_unread, read.unread)),
        reasons=reasons,
    )


def _judge_one(found: FoundSignature, subject: Digest, policy: TrustPolicy, at: datetime, effort: Effort) -> _Judged:
    reasons: list[str] = []
    vouchers: list[Voucher] = []
    if subject not in found.claim.subjects:
        reasons.append(f"speaks of another image, {', '.join(found.claim.subjects[:3])}")
    elif found.expires_at is not None and at > found.expires_at:
        reasons.append(f"expired at {found.expires_at.isoformat()}")
    else:
        for authority in policy.authorities.values():
            try:
                vouchers += vouch(found, authority, policy.root, at, effort)
            except (RefusedError, InvalidInputError) as error:
                reasons.append(f"{authority.name}: {error.what}")
    result = SignatureResult(
        where=printable(found.where),
        form=found.form.value,
        holds=bool(vouchers),
        digest=found.digest,
        predicate_type=printable(found.claim.predicate_type[:200]),
        vouchers=tuple(vouchers),
        reasons=tuple(printable(reason) for reason in reasons) if not vouchers else (),
    )
    by_certificate = any(not voucher.key_id for voucher in vouchers)
    certified = found.certificate.key.key_id if by_certificate and found.certificate is not None else ""
    return _Judged(found.claim, result, tuple(vouchers), certified)


def _meet(requirement: Requirement, judged: Sequence[_Judged], unread: Sequence[Unread]) -> RequirementResult:
    signers: set[str] = set()
    hands: list[set[str]] = []
    reasons: list[str] = []
    for one in judged:
        if not _is_asked_for(requirement, one.claim):
            continue
        objection = _objection(requirement, one)
        if objection:
            reasons.append(f"{one.result.where}: {objection}")
        else:
            counted = [voucher for voucher in one.vouchers if voucher.authority in requirement.by]
            signers.update(voucher.who for voucher in counted)
            hands += [{voucher.who, voucher.key_id or one.certified} for voucher in counted]
    number = _different(hands)
    met = number >= requirement.threshold
    if not met:
        reasons += [f"{printable(one.where)}: {printable(one.why)}" for one in unread]
        reasons.insert(0, _lack(requirement, number, found=bool(reasons)))
    return RequirementResult(
        name=requirement.name,
        met=met,
        threshold=requirement.threshold,
        signers=tuple(sorted(signers)),
        reasons=() if met else _bounded(reasons),
    )


def _different(hands: Iterable[set[str]]) -> int:
    """How many signers there are behind names and keys: one private key is one, by however many names it is known.

    A key that is trusted of itself and certified too, or a certificate that names two people, would else count twice.
    """
    apart: list[set[str]] = []
    for hand in hands:
        same = [one for one in apart if not one.isdisjoint(hand)]
        apart = [one for one in apart if one.isdisjoint(hand)]
        apart.append(hand.union(*same))
    return len(apart)


def _is_asked_for(requirement: Requirement, claim: Claim) -> bool:
    if requirement.predicate_type:
        return claim.predicate_type == requirement.predicate_type
    return claim.predicate_type in PLAIN


def _objection(requirement: Requirement, one: _Judged) -> str:
    """Why a signature does nothing for a requirement; "" when it does."""
    if not one.vouchers:
        return "; ".join(one.result.reasons)
    if not any(voucher.authority in requirement.by for voucher in one.vouchers):
        who = ", ".join(sorted({voucher.authority for voucher in one.vouchers}))
        return f"signed by {who}, which is not asked for"
    for name, text in requirement.annotations.items():
        if one.claim.annotations.get(name) != text:
            return f"its annotation {name} is not {text!r}"
    if requirement.condition is not None:
        why = requirement.condition.objection(one.claim.predicate, one.claim.annotations)
        if why:
            return f"{requirement.condition.text.strip()}: {printable(why)}"
    return ""


def _lack(requirement: Requirement, number: int, *, found: bool) -> str:
    what = f"statement of type {requirement.predicate_type}" if requirement.predicate_type else "signature"
    who = " or ".join(requirement.by)
    if not found and not number:
        return f"there is no {what}"
    if requirement.threshold > 1:
        return f"{number} of {requirement.threshold} signers of {who} vouch for it"
    return f"no {what} by {who} holds"


def _unread(one: Unread) -> SignatureResult:
    return SignatureResult(where=printable(one.where), form=one.form, holds=False, reasons=(printable(one.why),))


def _bounded(reasons: Iterable[str]) -> tuple[str, ...]:
    told = list(reasons)
    more = len(told) - MAX_REASONS
    return tuple(told[:MAX_REASONS]) + ((f"and {more} more",) if more > 0 else ())
