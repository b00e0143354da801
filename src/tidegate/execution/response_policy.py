# SPDX-License-Identifier: Apache-2.0
"""What is done about what a sensor saw: which incidents are opened, which steps follow, and how many at once."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Final

from tidegate.execution.drift_rules import EVERYTHING, DriftRule, Mode, Workload
from tidegate.execution.observation import Act, Container, Observation
from tidegate.values import Struct


class Severity(StrEnum):
    """How bad it is."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Step(StrEnum):
    """What can be done about a container, the mildest first."""

    LABEL = "label"
    """It is marked on record, and its pod in its cluster. Can be undone."""
    ANNOTATE = "annotate"
    """Its pod and its workload say why, where their owners look. Can be undone."""
    CAPTURE = "capture"
    """What it does is captured, and kept sealed (`tidegate forensics`)."""
    ISOLATE = "isolate"
    """It reaches nothing but itself over the network. Can be undone."""
    FREEZE = "freeze"
    """Its processes stand still, their memory stays. Can be undone."""
    CORDON = "cordon"
    """Nothing new is placed on its pod's node. Can be undone."""
    SCALE_TO_ZERO = "scale-to-zero"
    """Its workload runs no pod, and makes none. Can be undone."""
    EVICT = "evict"
    """Its pod is moved away as Kubernetes does it, with its grace and its disruption budget."""
    DELETE = "delete"
    """Its pod is deleted with its grace, whatever its disruption budget says."""
    KILL = "kill"
    """Its processes end at once."""
    RECALL = "recall"
    """Its image is recalled: no gate lets it pass, wherever it runs it is dealt with."""


REVERSIBLE: Final = frozenset({Step.LABEL, Step.ANNOTATE, Step.ISOLATE, Step.FREEZE, Step.CORDON, Step.SCALE_TO_ZERO})
CONTAINING: Final = frozenset(
    {Step.ISOLATE, Step.FREEZE, Step.SCALE_TO_ZERO, Step.EVICT, Step.DELETE, Step.KILL, Step.CORDON}
)
"""What takes a container (or, of a cordon, room for others) out of service, and so is limited."""
ON_THE_NODE: Final = frozenset({Step.CAPTURE, Step.ISOLATE, Step.FREEZE, Step.KILL})
"""What the sensor of a container's node does."""
IN_THE_CLUSTER: Final = frozenset(
    {Step.LABEL, Step.ANNOTATE, Step.ISOLATE, Step.CORDON, Step.SCALE_TO_ZERO, Step.EVICT, Step.DELETE}
)
"""What is done at the API server of a pod's cluster."""
ONLY_LOOKS: Final = frozenset({Step.LABEL, Step.ANNOTATE, Step.CAPTURE})
"""What changes nothing that runs, and so counts in no hour."""
DRASTIC: Final = frozenset({Step.CORDON, Step.SCALE_TO_ZERO, Step.EVICT, Step.DELETE, Step.KILL, Step.RECALL})

_SEVERITY_OF: Final[Mapping[Act, Severity]] = {
    Act.EXECUTED: Severity.HIGH,
    Act.LOADED: Severity.HIGH,
    Act.FILELESS: Severity.CRITICAL,
    Act.PRIVILEGED: Severity.HIGH,
    Act.ACCOUNTS: Severity.HIGH,
    Act.INTERPRETED: Severity.MEDIUM,
    Act.RECALLED: Severity.HIGH,
    Act.SWAPPED: Severity.HIGH,
    Act.UNGUARDED: Severity.HIGH,
}
_NO_INCIDENT: Final = frozenset({Act.CONTAINED, Act.LOST})


class Limits(Struct, frozen=True, kw_only=True):
    """How much may be taken out of service by itself, so that a false alarm takes no fleet down.

    Attributes:
        window: the time that is looked back.
        per_node: containers of one node in it.
        per_cluster: containers of one cluster in it, by what is done at its API server.
        namespace_percent: of the containers of one namespace; one is always let.
        workload_percent: of the containers of one image in one namespace; one is always let.
    """

    window: timedelta = timedelta(minutes=10)
    per_node: int = 5
    per_cluster: int = 10
    namespace_percent: int = 25
    workload_percent: int = 50


class ResponseRule(Struct, frozen=True, kw_only=True):
    """What follows from some observations.

    Attributes:
        name: said where it is the reason.
        acts: which; none for every one that can open an incident.
        modes: of the sensor there: what is only observed opens no incident.
        containers, images, namespaces, pods: as rules of drift have them.
        severity: None takes what the act has.
        steps: in order.
        alone: the sensor may take those of its node by itself, while its server is away.
        workload_percent: instead of the policy's; 0 for that one.
    """

    name: str
    acts: frozenset[Act] = frozenset()
    modes: frozenset[Mode] = frozenset({Mode.ALERT, Mode.ENFORCE})
    containers: tuple[str, ...] = EVERYTHING
    images: tuple[str, ...] = EVERYTHING
    namespaces: tuple[str, ...] = EVERYTHING
    pods: tuple[str, ...] = EVERYTHING
    severity: Severity | None = None
    steps: tuple[Step, ...] = ()
    alone: bool = False
    workload_percent: int = 0

    def fits(self, seen: Observation) -> bool:
        """True when it speaks of this observation."""
        if seen.act in _NO_INCIDENT and seen.act not in self.acts:
            return False
        if (self.acts and seen.act not in self.acts) or seen.mode not in self.modes:
            return False
        places = DriftRule(
            name=self.name, containers=self.containers, images=self.images, namespaces=self.namespaces, pods=self.pods
        )
        return places.fits(workload_of(seen.container))


class ResponsePolicy(Struct, frozen=True, kw_only=True):
    """Rules in their order: the first that speaks of an observation holds. Where none does, an incident and no step.

    Attributes:
        approval: steps that another person has to approve.
    """

    rules: tuple[ResponseRule, ...] = ()
    limits: Limits = Limits()
    approval: frozenset[Step] = DRASTIC

    def rule_for(self, seen: Observation) -> ResponseRule | None:
        """What follows from an observation; None when nothing does."""
        found = next((rule for rule in self.rules if rule.fits(seen)), None)
        if found is not None:
            return found
        otherwise = ResponseRule(name="otherwise")
        return otherwise if otherwise.fits(seen) else None


def severity_of(rule: ResponseRule, seen: Observation) -> Severity:
    """How bad it is."""
    return rule.severity or _SEVERITY_OF.get(seen.act, Severity.MEDIUM)


def workload_of(container: Container | None) -> Workload:
    """What rules know of a container."""
    if container is None:
        return Workload()
    return Workload(container=container.name, image=container.image, namespace=container.namespace, pod=container.pod)
