# SPDX-License-Identifier: Apache-2.0
"""Which evidence counts for one decision: of the subject, signed by somebody trusted, not from the future, newest."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tidegate.artifact import Digest
from tidegate.clock import rfc3339
from tidegate.errors import InvalidInputError
from tidegate.evidence import Boundary, Evidence
from tidegate.policy.context import Context
from tidegate.policy.fields import EVIDENCE_KINDS, EvidenceKind
from tidegate.policy.view import decision_of

MAX_SKEW: Final = timedelta(minutes=5)
"""How far another machine's clock may be ahead."""

_BEFORE: Final = {Boundary.CURATION: Boundary.INTAKE, Boundary.EXECUTION: Boundary.CURATION}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why there is no evidence of a kind, and how to get some."""

    message: str
    fix: str


class Shelf:
    """The evidence at hand for one decision."""

    def __init__(
        self, *, boundary: Boundary, subject: Digest, context: Context, evidence: Sequence[Evidence], at: datetime
    ) -> None:
        self.boundary = boundary
        self.context = context
        self.at = at
        self._subject = subject
        self._evidence = evidence
        self._chosen: dict[str, Evidence | Problem] = {}

    def evidence(self, kind: str, max_age: timedelta) -> Evidence | Problem:
        """The newest evidence of a kind that counts, unless it is older than `max_age`."""
        if kind not in self._chosen:
            self._chosen[kind] = self._choose(EVIDENCE_KINDS[kind])
        chosen = self._chosen[kind]
        if isinstance(chosen, Evidence) and self.at - chosen.made_at >= max_age:
            return _problem(EVIDENCE_KINDS[kind], f"the {kind} is {in_words(self.at - chosen.made_at)} old, "
                            f"at most {in_words(max_age)} is accepted")  # fmt: skip
        return chosen

    def _choose(self, kind: EvidenceKind) -> Evidence | Problem:
        about = [
            item
            for item in self._evidence
            if item.subject == self._subject and item.predicate_type == kind.predicate_type
        ]
        if kind.name == "vsa":
            about = [item for item in about if self._is_of_the_gate_before(item)]
        trusted = [item for item in about if not self.context.trusted.isdisjoint(item.signers)]
        present = [item for item in trusted if item.made_at <= self.at + MAX_SKEW]
        if not present:
            return _problem(kind, _absence(kind.name, bool(about), bool(trusted)))
        latest = self.context.latest.get(kind.name)
        known = present if latest is None else [item for item in present if item.digest == latest]
        if not known:
            return _problem(kind, f"the newest {kind.name} on record is not at hand")
        chosen = max(known, key=lambda item: (item.made_at, item.digest))
        return self._unexpired(kind, chosen) if kind.name == "vsa" else chosen

    def _is_of_the_gate_before(self, item: Evidence) -> bool:
        try:
            return decision_of(item).boundary is _BEFORE.get(self.boundary)
        except InvalidInputError:
            return False

    def _unexpired(self, kind: EvidenceKind, item: Evidence) -> Evidence | Problem:
        ended = decision_of(item).expires_at
        return item if self.at < ended else _problem(kind, f"the decision of the gate before expired {rfc3339(ended)}")


def holds_until(kind: str, evidence: Evidence, max_age: timedelta) -> datetime:
    """The moment a piece of evidence stops counting."""
    end = evidence.made_at + max_age
    return min(end, decision_of(evidence).expires_at) if kind == "vsa" else end


def in_words(span: timedelta) -> str:
    """A span in the largest whole unit that fits: days from two on, then hours, then minutes."""
    for unit, name in ((timedelta(days=1), "days"), (timedelta(hours=1), "hours")):
        if span >= 2 * unit:
            return f"{span // unit} {name}"
    return f"{max(span, timedelta()) // timedelta(minutes=1)} minutes"


def _absence(name: str, about: bool, trusted: bool) -> str:
    if not about:
        return f"there is no {name} of this artifact"
    return f"the {name} is dated in the future" if trusted else f"no trusted key signed the {name}"


def _problem(kind: EvidenceKind, message: str) -> Problem:
    return Problem(message=message, fix=f"run {kind.made_by}, signed with a key the gate trusts")
