# SPDX-License-Identifier: Apache-2.0
"""One control of the standards, and since when it is part of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tidegate.execution.standards.version import NEWEST
from tidegate.execution.standards.violation import Subject, Violation


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One control.

    Attributes:
        check: yields what it does not allow.
        since, until: minors of the first and last Kubernetes that have it.
    """

    check: Callable[[Subject], Iterator[Violation]]
    since: int = 0
    until: int = NEWEST

    def holds_at(self, minor: int) -> bool:
        """True when that Kubernetes has it."""
        return self.since <= minor <= self.until
