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
from tidegate.evidence.predicates.kinds import Kind, kind_of
from tidegate.evidence.predicates.several import latest_of_each, speaks_against
from tidegate.policy.context import Context
from tidegate.policy.fields import EVIDENCE_KINDS
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
        self._chosen: dict[str, tuple[Evidence, ...] | Problem] = {}

    def evidence(self, kind: str, max_age: timedelta) -> tuple[Evidence, ...] | Problem:
        """The evidence of a kind that counts: the newest, or of some kinds several; none older than `max_age`.

        Of those kinds what speaks against the artifact counts however old it is.
        """
        if kind not in self._chosen:
            self._chosen[kind] = self._choose(EVIDENCE_KINDS[kind])
        chosen = self._chosen[kind]
        if isinstance(chosen, Problem):
            return chosen
        several = EVIDENCE_KINDS[kind].several
        counting = tuple(
            item for item in chosen if self.at - item.made_at < max_age or (several and speaks_against(item))
        )
        if not counting:
            age = in_words(self.at - chosen[-1].made_at)
            message = f"the {kind} is {age} old, at most {in_words(max_age)} is accepted"
            return _problem(EVIDENCE_KINDS[kind], message)
        return counting

    def _choose(self, kind: Kind) -> tuple[Evidence, ...] | Problem:
        about = [
            item
            for item in self._evidence
            if item.subject == self._subject and kind_of(item.predicate_type, item.predicate) == kind.name
        ]
        if kind.name == "vsa":
            about = [item for item in about if self._is_of_the_gate_before(item)]
        trusted = [item for item in about if not self.context.trusted.isdisjoint(item.signers)]
        present = [item for item in trusted if item.made_at <= self.at + MAX_SKEW]
        if kind.several and not self.context.known.get(kind.name, frozenset()) <= {item.digest for item in present}:
            return _problem(kind, f"some of the {kind.name} on record are not at hand")
        if not present:
            return _problem(kind, _absence(kind.name, bool(about), bool(trusted)))
        if kind.several:
            return latest_of_each(present)
        latest = self.context.latest.get(kind.name)
        known = present if latest is None else [item for item in present if item.digest == latest]
        if not known:
            return _problem(kind, f"the newest {kind.name} on record is not at hand")
        chosen = max(known, key=lambda item: (item.made_at, item.digest))
        return self._unexpired(kind, chosen) if kind.name == "vsa" else (chosen,)

    def _is_of_the_gate_before(self, item: Evidence) -> bool:
        try:
            return decision_of(item).boundary is _BEFORE.get(self.boundary)
        except InvalidInputError:
            return False

    def _unexpired(self, kind: Kind, item: Evidence) -> tuple[Evidence, ...] | Problem:
        ended = decision_of(item).expires_at
        return (
            (item,) if self.at < ended else _problem(kind, f"the decision of the gate before expired {rfc3339(ended)}")
        )


def holds_until(kind: str, evidence: Sequence[Evidence], max_age: timedelta) -> tuple[datetime, ...]:
    """The moments at which pieces of evidence stop counting; what speaks against an artifact does not stop."""
    if EVIDENCE_KINDS[kind].several:
        return tuple(item.made_at + max_age for item in evidence if not speaks_against(item))
    ends = [item.made_at + max_age for item in evidence]
    return (*ends, *(decision_of(item).expires_at for item in evidence if kind == "vsa"))


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


def _problem(kind: Kind, message: str) -> Problem:
    return Problem(message=message, fix=f"run {kind.made_by}, signed with a key the gate trusts")
