# SPDX-License-Identifier: Apache-2.0
"""What a gate concludes, as a value. Its signed form is a SLSA Verification Summary Attestation v1."""

from datetime import datetime
from enum import StrEnum

from tidegate.artifact import Digest
from tidegate.values import Struct


class Boundary(StrEnum):
    """Where a gate stands."""

    INTAKE = "intake"
    CURATION = "curation"
    EXECUTION = "execution"


class Verdict(StrEnum):
    """What a rule, or all of them, says; worst last."""

    ALLOW = "allow"
    WARN = "warn"
    DENY = "deny"

    @property
    def rank(self) -> int:
        """0 for allow, 1 for warn, 2 for deny."""
        return list(Verdict).index(self)


class Reason(Struct, frozen=True, kw_only=True):
    """One thing a rule objected to, in words a developer can act on.

    Attributes:
        rule: the rule's name; `item` is what it is about (advisory id and package, path, …), "" for the whole image.
        fix: what would make it pass; "" when nothing is known.
        excepted_by: name of the exception that silenced it; "" when it counts.
    """

    rule: str
    verdict: Verdict
    message: str
    item: str = ""
    fix: str = ""
    excepted_by: str = ""


class PolicyRef(Struct, frozen=True, kw_only=True):
    """Which policy judged: its name and the digest of its bytes."""

    name: str
    digest: Digest


class Decision(Struct, frozen=True, kw_only=True):
    """A judgement over evidence: same input, same value.

    Attributes:
        rules: names of all rules that were evaluated, in order.
        inputs: digests of the evidence envelopes that were read, sorted.
        expires_at: after this moment it proves nothing.
    """

    boundary: Boundary
    subject: Digest
    verdict: Verdict
    reasons: tuple[Reason, ...]
    rules: tuple[str, ...]
    policies: tuple[PolicyRef, ...]
    inputs: tuple[Digest, ...]
    decided_at: datetime
    expires_at: datetime
