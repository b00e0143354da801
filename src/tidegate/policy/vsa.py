# SPDX-License-Identifier: Apache-2.0
"""Decisions as SLSA Verification Summary Attestations v1 (slsa.dev/verification_summary/v1), without loss.

What the specification has no field for stands beside it under `tidegate.dev/…`; a reader of plain summaries passes
that over. A warning is a PASSED: the gate opens.
"""

from collections.abc import Mapping
from typing import Final

from tidegate.artifact import Digest
from tidegate.clock import parse_rfc3339, rfc3339
from tidegate.errors import InvalidInputError
from tidegate.evidence import VSA, Boundary, Decision, PolicyRef, Reason, Statement, Subject, Verdict
from tidegate.values import Struct, field
from tidegate.wire import from_builtins, to_builtins, to_json

RESULTS: Final[Mapping[Verdict, str]] = {Verdict.ALLOW: "PASSED", Verdict.WARN: "PASSED", Verdict.DENY: "FAILED"}
"""The specification's verificationResult for each verdict."""
SLSA_VERSION: Final = "1.0"

_EXTENSION: Final = "tidegate.dev/"


def to_vsa(decision: Decision, *, verifier_id: str, resource_uri: str) -> Statement:
    """Writes a decision as a statement about its subject.

    Args:
        decision: what was decided.
        verifier_id: URI of the gate.
        resource_uri: where the artifact was asked for, such as `oci://registry/repository@sha256:…`.
    """
    passed = decision.verdict is not Verdict.DENY
    extensions = {
        "boundary": decision.boundary.value,
        "verdict": decision.verdict.value,
        "reasons": to_builtins(decision.reasons),
        "rules": list(decision.rules),
        "policies": to_builtins(decision.policies),
        "expiresAt": rfc3339(decision.expires_at),
    }
    predicate = {
        "verifier": {"id": verifier_id},
        "timeVerified": rfc3339(decision.decided_at),
        "resourceUri": resource_uri,
        "policy": _policy(decision.policies),
        "inputAttestations": [{"digest": _digest_set(digest)} for digest in decision.inputs],
        "verificationResult": RESULTS[decision.verdict],
        "verifiedLevels": [f"TIDEGATE_{decision.boundary.name}" if passed else "FAILED"],
        "slsaVersion": SLSA_VERSION,
        **{_EXTENSION + name: value for name, value in extensions.items()},
    }
    subject = Subject(name=resource_uri, digest=decision.subject)
    return Statement(subjects=(subject,), predicate_type=VSA, predicate=predicate)


def from_vsa(statement: Statement) -> Decision:
    """Reads a decision back.

    Raises:
        InvalidInputError: it is no summary of ours, speaks of several subjects, or its verdict and result disagree.
    """
    where = "verification summary"
    if statement.predicate_type != VSA or len(statement.subjects) != 1:
        raise InvalidInputError("not a verification summary of one subject", where=where)
    found = from_builtins(statement.predicate, _Predicate, what=where)
    if RESULTS[found.verdict] != found.result:
        raise InvalidInputError(f"says {found.result[:20]!r} and {found.verdict.value!r}", where=where)
    return Decision(
        boundary=found.boundary,
        subject=statement.subjects[0].digest,
        verdict=found.verdict,
        reasons=found.reasons,
        rules=found.rules,
        policies=found.policies,
        inputs=tuple(_digest(item.digest) for item in found.inputs),
        decided_at=parse_rfc3339(found.verified_at),
        expires_at=parse_rfc3339(found.expires_at),
    )


class _Input(Struct, frozen=True):
    digest: dict[str, str]


class _Predicate(Struct, frozen=True, kw_only=True):
    inputs: tuple[_Input, ...] = field(name="inputAttestations")
    result: str = field(name="verificationResult")
    verified_at: str = field(name="timeVerified")
    boundary: Boundary = field(name=_EXTENSION + "boundary")
    verdict: Verdict = field(name=_EXTENSION + "verdict")
    reasons: tuple[Reason, ...] = field(name=_EXTENSION + "reasons")
    rules: tuple[str, ...] = field(name=_EXTENSION + "rules")
    policies: tuple[PolicyRef, ...] = field(name=_EXTENSION + "policies")
    expires_at: str = field(name=_EXTENSION + "expiresAt")


def _policy(policies: tuple[PolicyRef, ...]) -> Mapping[str, object]:
    """The specification names one policy; several are named by the digest over all of them."""
    digest = policies[0].digest if len(policies) == 1 else Digest.of(to_json(policies))
    return {"uri": "tidegate:policy/" + "+".join(ref.name for ref in policies), "digest": _digest_set(digest)}


def _digest_set(digest: Digest) -> dict[str, str]:
    return {digest.algorithm: digest.hex}


def _digest(digests: Mapping[str, str]) -> Digest:
    for algorithm in ("sha256", "sha512"):
        if algorithm in digests:
            return Digest(f"{algorithm}:{digests[algorithm]}")
    raise InvalidInputError("an input has neither a sha256 nor a sha512 digest", where="verification summary")
