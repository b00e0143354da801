# SPDX-License-Identifier: Apache-2.0
"""The decision over an index: it is as good as the worst image in it, unless policy lets the good ones out alone."""

from collections.abc import Sequence
from datetime import datetime

from tidegate.artifact import Digest
from tidegate.evidence import Boundary, Decision, Reason, Verdict
from tidegate.values import replace


def decide_index(
    boundary: Boundary,
    subject: Digest,
    children: Sequence[tuple[str, Decision]],
    at: datetime,
    *,
    in_part: bool = False,
) -> Decision:
    """Combines the decisions over the images of an index; pure.

    Args:
        boundary: of all decisions given; one of another boundary counts for nothing.
        subject: digest of the index.
        children: each image's platform, for people, and the decision over it. None at all denies.
        at: the moment of the decision; a child's decision that expired before denies.
        in_part: one image that passes is enough; those that do not are named in warnings. Only for a gate that
            withholds each image by its own decision all the same.

    Returns:
        The worst verdict, every child's reasons under its platform, and the earliest expiry.
    """
    counted = [(platform, child) for platform, child in children if child.boundary == boundary]
    if in_part:
        good = [(platform, child) for platform, child in counted if _passes(child, at)]
        if good:
            return _in_part(boundary, subject, good, [pair for pair in counted if pair not in good], at)
    reasons = [
        replace(reason, item=f"{platform} {reason.item}".strip())
        for platform, child in counted
        for reason in child.reasons
    ]
    verdicts = [child.verdict for _, child in counted]
    for platform, child in counted:
        if child.expires_at <= at:
            verdicts.append(Verdict.DENY)
            reasons.append(_objection(platform, "the decision over this image expired", "let it be decided again"))
    if not counted:
        verdicts.append(Verdict.DENY)
        reasons.append(_objection("", "the index names no image that was judged", "push its images first"))
    return Decision(
        boundary=boundary,
        subject=subject,
        verdict=max(verdicts, key=lambda verdict: verdict.rank),
        reasons=tuple(reasons),
        rules=tuple(dict.fromkeys(rule for _, child in counted for rule in child.rules)),
        policies=tuple(dict.fromkeys(policy for _, child in counted for policy in child.policies)),
        inputs=tuple(sorted({digest for _, child in counted for digest in child.inputs})),
        decided_at=at,
        expires_at=min((child.expires_at for _, child in counted), default=at),
    )


def without_decision(subject: Digest, *, at: datetime) -> Decision:
    """What counts for an image whose decision is void: a denial, until it is judged again."""
    return Decision(
        boundary=Boundary.CURATION,
        subject=subject,
        verdict=Verdict.DENY,
        reasons=(_objection("", "the decision over this image is void", "let it be decided again"),),
        rules=("index",),
        policies=(),
        inputs=(),
        decided_at=at,
        expires_at=at,
    )


def _passes(child: Decision, at: datetime) -> bool:
    return child.verdict is not Verdict.DENY and child.expires_at > at


def _in_part(
    boundary: Boundary,
    subject: Digest,
    good: Sequence[tuple[str, Decision]],
    others: Sequence[tuple[str, Decision]],
    at: datetime,
) -> Decision:
    """The decision over those that pass, with a warning for each that does not."""
    decision = decide_index(boundary, subject, good, at)
    left_out = [_left_out(platform, child) for platform, child in others]
    verdicts = [decision.verdict, *(reason.verdict for reason in left_out)]
    return replace(
        decision,
        verdict=max(verdicts, key=lambda verdict: verdict.rank),
        reasons=(*left_out, *decision.reasons),
        inputs=tuple(sorted({*decision.inputs, *(digest for _, child in others for digest in child.inputs)})),
    )


def _left_out(platform: str, child: Decision) -> Reason:
    first = next(
        (reason for reason in child.reasons if reason.verdict is Verdict.DENY and not reason.excepted_by), None
    )
    message = f"this platform is withheld: {first.message}" if first else "this platform is withheld"
    fix = first.fix if first else "let it be decided again"
    return Reason(rule="index", verdict=Verdict.WARN, message=message, item=platform, fix=fix)


def _objection(platform: str, message: str, fix: str) -> Reason:
    return Reason(rule="index", verdict=Verdict.DENY, message=message, item=platform, fix=fix)
