# SPDX-License-Identifier: Apache-2.0
"""A guardrail: which factor it is of, what it objects to, why that hurts, and what to do instead."""

from collections.abc import Callable, Iterator
from typing import Final

from tidegate.development.twelve_factor.tree import SourceTree
from tidegate.evidence import Misconfiguration, Severity
from tidegate.values import Struct

FACTORS: Final = (
    "Codebase",
    "Dependencies",
    "Config",
    "Backing services",
    "Build, release, run",
    "Processes",
    "Port binding",
    "Concurrency",
    "Disposability",
    "Dev/prod parity",
    "Logs",
    "Admin processes",
)
_NUMERALS: Final = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
SUBJECT: Final = "twelve-factor"


class Rule(Struct, frozen=True, kw_only=True):
    """One guardrail.

    Attributes:
        id: `TG-12F-` and three digits or more, of which the last two count within the factor.
        factor: 1 to 12.
        why: what goes wrong for whoever leaves it.
        fix: what to write instead.
    """

    id: str
    factor: int
    title: str
    severity: Severity
    why: str
    fix: str

    @property
    def reference(self) -> str:
        """The factor as people cite it: `Twelve-Factor XI Logs`."""
        return f"Twelve-Factor {_NUMERALS[self.factor - 1]} {FACTORS[self.factor - 1]}"


class Objection(Struct, frozen=True, kw_only=True):
    """A place a rule objects to; `what` is what stands there."""

    rule: Rule
    path: str
    line: int
    what: str

    def misconfiguration(self) -> Misconfiguration:
        """In the form in which every check tells."""
        return Misconfiguration(
            id=self.rule.id,
            title=self.rule.title,
            severity=self.rule.severity,
            reason=f"{self.what}: {self.rule.why}",
            fix=self.rule.fix,
            references=(self.rule.reference,),
            subject=SUBJECT,
            location=self.path,
            line=self.line,
        )


Judge = Callable[[SourceTree], Iterator[Objection]]
"""What looks for one kind of objection in a whole tree."""


def accepting(rule_id: str) -> str:
    """How to accept a risk: the words to put above the line, or into an ignore file."""
    return f"# tidegate:ignore={rule_id} why it is right here"
