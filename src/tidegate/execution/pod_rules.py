# SPDX-License-Identifier: Apache-2.0
"""What is asked of pods, and filled in, per workload; and who is excepted from what. Values and judgement."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final

from tidegate.execution.harden import HardenOptions
from tidegate.execution.standards import LATEST, Level, StandardVersion, Violation
from tidegate.execution.workload import Workload
from tidegate.execution.workload_terms import Terms
from tidegate.identity.condition import Condition
from tidegate.rules.field import FieldType, Variable
from tidegate.values import Struct, field

VIOLATION: Final = Variable(
    name="violation",
    evidence="",
    fields={
        "control": FieldType.STRING,
        "container": FieldType.STRING,
        "path": FieldType.STRING,
        "level": FieldType.STRING,  # "" for the house's own
    },
)


class Demand(StrEnum):
    """What a house may ask of its pods beside the standards."""

    READ_ONLY_ROOT = "read-only-root"
    NO_TOKEN = "no-service-account-token"  # noqa: S105 - a control's name
    LIMITS = "limits"


class PodRule(Struct, frozen=True, kw_only=True):
    """What holds for some workloads.

    Attributes:
        terms: which.
        level, version: of the Pod Security Standards.
        harden: what is filled in; None leaves the workload as it was written.
        token_when: the token of the API server is left to those for whom it holds; None to nobody.
        demands: asked for beside the standards.
        ceilings: most that a limit or a request may be, as quantities by the resource's name.
        max_ratio: how many times its request a limit may be.
    """

    name: str
    terms: Terms = Terms()
    level: Level = Level.RESTRICTED
    version: StandardVersion = LATEST
    harden: HardenOptions | None = field(default_factory=HardenOptions)
    token_when: Condition | None = None
    demands: frozenset[Demand] = frozenset()
    ceilings: Mapping[str, str] = field(default_factory=dict)
    max_ratio: Mapping[str, int] = field(default_factory=dict)


class PodException(Struct, frozen=True, kw_only=True):
    """Silences some controls for some workloads, for a while.

    Attributes:
        controls, containers: shell patterns; both must fit.
        when: must hold over `workload` and `violation`; None asks nothing.
        granted: the first day it holds; `expires` the last (UTC).
    """

    name: str
    controls: tuple[str, ...]
    terms: Terms
    containers: tuple[str, ...]
    when: Condition | None
    owner: str
    approver: str
    reason: str
    granted: date
    expires: date

    def covers(self, workload: Workload, found: Violation, values: Mapping[str, object], at: datetime) -> bool:
        """True when it silences this at this moment; `values` are the workload's, as conditions see it."""
        return (
            datetime.combine(self.granted, time(), tzinfo=UTC) <= at
            and at < datetime.combine(self.expires + timedelta(days=1), time(), tzinfo=UTC)
            and any(fnmatchcase(found.control, pattern) for pattern in self.controls)
            and any(fnmatchcase(found.container, pattern) for pattern in self.containers)
            and self.terms.fits(workload)
            and (self.when is None or self.when.holds({"workload": values, VIOLATION.name: _values(found)}))
        )


class PodRules(Struct, frozen=True, kw_only=True):
    """Rules in their order: the first that speaks of a workload holds for it.

    Attributes:
        otherwise: holds for workloads no rule speaks of.
    """

    rules: tuple[PodRule, ...] = ()
    exceptions: tuple[PodException, ...] = ()
    otherwise: PodRule = PodRule(name="otherwise")

    def rule_for(self, workload: Workload) -> PodRule:
        """What holds for a workload."""
        return next((rule for rule in self.rules if rule.terms.fits(workload)), self.otherwise)


def _values(found: Violation) -> dict[str, object]:
    return {
        "control": found.control,
        "container": found.container,
        "path": found.path,
        "level": str(found.level or ""),
    }
