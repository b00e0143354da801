# SPDX-License-Identifier: Apache-2.0
"""An encrypted copy is judged by what it is the encryption of: a signed statement says which artifact that is.

Nobody can look into the copy, so nothing is found there. Whoever made it from an artifact that was looked into says so
(`https://tidegate.dev/predicates/encryption/v1`), and from then on the copy is as good as that artifact is.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tidegate.admission.gathered import Gathered
from tidegate.admission.records import rests_on
from tidegate.artifact import Digest
from tidegate.errors import InvalidInputError
from tidegate.evidence import ENCRYPTION, Boundary, Decision, Evidence, Reason, Statement, Subject, Verdict
from tidegate.evidence.predicates.kinds import kind_of
from tidegate.values import replace

_RULE = "encrypted-copy"
_DECISIONS = frozenset({"vsa", "summaries"})


def encryption_statement(encrypted: Digest, plain: Digest, *, name: str, recipients: Sequence[str]) -> Statement:
    """Says that one artifact is the encryption of another.

    Args:
        encrypted: the copy.
        plain: what it was made from.
        name: what the copy is called where it lies.
        recipients: thumbprints of the keys (RFC 7638) that can decrypt it.
    """
    return Statement(
        subjects=(Subject(name=name, digest=encrypted),),
        predicate_type=ENCRYPTION,
        predicate={
            "plain": {"digest": {plain.algorithm: plain.hex}},
            "recipients": sorted(recipients),
        },
    )


def plain_of(evidence: Sequence[Evidence]) -> tuple[Digest, Digest] | None:
    """What an artifact is the encryption of, and the envelope that says so; None when nobody trusted does.

    A statement that is malformed says nothing.
    """
    for item in evidence:
        if item.predicate_type == ENCRYPTION and (plain := _plain_in(item.predicate.get("plain"))) is not None:
            return plain, item.digest
    return None


def following(own: Gathered, plain: Gathered, subject: Digest) -> Gathered:
    """The evidence of an encrypted copy: its own, and where it has none of a kind, what was found in the plain one.

    Decisions do not follow: each artifact has its own.
    """
    known = {_kind(item) for item in own.evidence} | own.newest.keys() | own.known.keys() | _DECISIONS
    more = [replace(item, subject=subject) for item in plain.evidence if _kind(item) not in known]
    kept = [item for item in own.evidence if not rests_on(item.predicate, plain.void)]
    evidence = sorted((*kept, *more), key=lambda item: item.predicate_type)
    return Gathered(
        evidence=tuple(evidence),
        newest={**own.newest, **{kind: digest for kind, digest in plain.newest.items() if kind not in known}},
        known={**own.known, **{kind: digests for kind, digests in plain.known.items() if kind not in known}},
        trusted=own.trusted | plain.trusted,
        void=own.void | plain.void,
    )


def decide_encrypted(subject: Digest, plain: Decision | None, envelope: Digest, *, at: datetime) -> Decision:
    """The decision at the curation boundary over an encrypted copy; pure.

    Args:
        subject: the copy.
        plain: the decision over what it is the encryption of; None, or of another boundary, denies.
        envelope: says that it is.
        at: the moment of the decision; one that expired before denies.

    Returns:
        The same verdict with the same reasons and expiry, or a denial.
    """
    if plain is None or plain.boundary is not Boundary.CURATION:
        return _denial(subject, "nothing is decided over the image it is the encryption of", envelope, at)
    decision = replace(plain, subject=subject, inputs=tuple(sorted({*plain.inputs, envelope})), decided_at=at)
    if plain.expires_at > at:
        return decision
    expired = _objection("the decision over the image it is the encryption of has expired")
    return replace(decision, verdict=Verdict.DENY, reasons=(*plain.reasons, expired))


def _kind(item: Evidence) -> str:
    return kind_of(item.predicate_type, item.predicate)


def _denial(subject: Digest, message: str, envelope: Digest, at: datetime) -> Decision:
    return Decision(
        boundary=Boundary.CURATION,
        subject=subject,
        verdict=Verdict.DENY,
        reasons=(_objection(message),),
        rules=(_RULE,),
        policies=(),
        inputs=(envelope,),
        decided_at=at,
        expires_at=at,
    )


def _objection(message: str) -> Reason:
    return Reason(rule=_RULE, verdict=Verdict.DENY, message=message, fix="have the plain image judged")


def _plain_in(value: Any) -> Digest | None:
    digests = value.get("digest") if isinstance(value, dict) else None
    for algorithm in ("sha256", "sha512"):
        found = digests.get(algorithm) if isinstance(digests, dict) else None
        if isinstance(found, str):
            try:
                return Digest(f"{algorithm}:{found}")
            except InvalidInputError:
                return None
    return None
