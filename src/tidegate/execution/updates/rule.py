# SPDX-License-Identifier: Apache-2.0
"""Rules of updates: which workloads may have which, when, and who puts them there."""

from datetime import timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final

from tidegate.evidence import Severity
from tidegate.execution.updates.tag_version import Step
from tidegate.execution.updates.window import Window
from tidegate.values import Struct

EVERYTHING: Final = ("*",)
USUAL_STEPS: Final = frozenset({Step.REBUILD, Step.PATCH, Step.REPLACEMENT})


class Distribution(StrEnum):
    """What may stand under the newer image."""

    SAME = "same"
    """The same distribution, and the same release of it."""
    NEWER = "newer"
    """The same distribution, and no older release."""
    ANY = "any"


class Application(StrEnum):
    """Who puts an update where it runs."""

    NEVER = "never"
    """Nobody by tidegate: it is proposed for a file or a branch."""
    APPROVED = "approved"
    """A direct rollout, once somebody else than who asked for it approved."""
    ASKED = "asked"
    """A direct rollout, when somebody asks for it."""


class Grouping(StrEnum):
    """What is proposed together, on one branch."""

    IMAGE = "image"
    NAMESPACE = "namespace"
    WORKLOAD = "workload"
    RULE = "rule"


class RolloutLimits(Struct, frozen=True, kw_only=True):
    """When a rollout has failed.

    Attributes:
        deadline_s: how long it may take before it is taken back.
        steady_s: how long it must stay healthy.
        max_restarts: of new containers, before it is taken back.
    """

    deadline_s: float = 600.0
    steady_s: float = 30.0
    max_restarts: int = 1


class UpdateRule(Struct, frozen=True, kw_only=True):
    """What holds for some workloads.

    Attributes:
        name: said where it is the reason.
        images: patterns of repositories that run, without host; `clusters`, `namespaces`, `workloads` likewise.
        steps: how far an update may go; none for no updates.
        distribution: what may stand under the newer image.
        sources: patterns of repositories that updates may come from.
        minimum_age: how long the newer image must have been admitted.
        only_fixes: nothing is proposed that does not remove a finding, or leave an image that is no longer admitted.
        may_bring: the worst finding that the newer image may bring which the older one has not.
        early: versions for trying out may follow each other.
        windows: in which workloads may be changed; none for always.
        group: what is proposed together.
        apply: who puts it where it runs.
        limits: of a rollout.
    """

    name: str
    images: tuple[str, ...] = EVERYTHING
    clusters: tuple[str, ...] = EVERYTHING
    namespaces: tuple[str, ...] = EVERYTHING
    workloads: tuple[str, ...] = EVERYTHING
    steps: frozenset[Step] = USUAL_STEPS
    distribution: Distribution = Distribution.SAME
    sources: tuple[str, ...] = EVERYTHING
    minimum_age: timedelta = timedelta()
    only_fixes: bool = True
    may_bring: Severity = Severity.MEDIUM
    early: bool = False
    windows: tuple[Window, ...] = ()
    group: Grouping = Grouping.IMAGE
    apply: Application = Application.APPROVED
    limits: RolloutLimits = RolloutLimits()

    def fits(self, repository: str, *, cluster: str, namespace: str, workload: str) -> bool:
        """True when it speaks of a workload (`Deployment/web`) that runs an image of a repository."""
        pairs = (
            (repository, self.images),
            (cluster, self.clusters),
            (namespace, self.namespaces),
            (workload, self.workloads),
        )
        return all(any(fnmatchcase(said, one) for one in patterns) for said, patterns in pairs)


class UpdatePolicy(Struct, frozen=True, kw_only=True):
    """Rules in their order: the first that speaks of a workload holds; where none does, `OTHERWISE`."""

    rules: tuple[UpdateRule, ...] = ()

    def rule_for(self, repository: str, *, cluster: str, namespace: str, workload: str) -> UpdateRule:
        """What holds for a workload."""
        found = (
            one for one in self.rules if one.fits(repository, cluster=cluster, namespace=namespace, workload=workload)
        )
        return next(found, OTHERWISE)

    def named(self, name: str) -> UpdateRule:
        """The rule of a name; `OTHERWISE` where there is none any more."""
        return next((one for one in self.rules if one.name == name), OTHERWISE)


OTHERWISE: Final = UpdateRule(name="otherwise")
