# SPDX-License-Identifier: Apache-2.0
"""Strategies of placement: pools of nodes, spread, sandboxes, and data classes that never share a node. Values."""

from collections.abc import Mapping
from typing import Final

from tidegate.execution.workload import Workload
from tidegate.execution.workload_terms import Terms
from tidegate.values import Struct, field

HOSTNAME: Final = "kubernetes.io/hostname"
CLASS_LABEL: Final = "tidegate.dev/data-class"
TENANT_LABEL: Final = "tidegate.dev/tenant"


class Taint(Struct, frozen=True, kw_only=True):
    """A taint of nodes; `effect` is `NoSchedule` or `NoExecute`."""

    key: str
    value: str
    effect: str

    def __str__(self) -> str:
        return f"{self.key}={self.value}:{self.effect}"


class Spread(Struct, frozen=True, kw_only=True):
    """How evenly pods of a workload lie over the nodes with one value of a label.

    Attributes:
        is_firm: a pod that would be one too many stays pending.
    """

    topology: str
    max_skew: int = 1
    is_firm: bool = False


class Scaling(Struct, frozen=True, kw_only=True):
    """How many replicas a workload may have; None is unsaid."""

    least: int | None = None
    most: int | None = None


class Strategy(Struct, frozen=True, kw_only=True):
    """What holds for some workloads; all strategies that speak of a workload hold together.

    Attributes:
        terms: which.
        nodes: labels that a node must have, with the values it may have.
        taints: that are tolerated; only together with `nodes`, so that nothing goes where it could not be meant.
        spread: over what.
        runtime_class: the sandbox; "" asks for none.
        data_class: what it holds; "" says nothing.
        tenant: whose it is; likewise.
        scaling: of its replicas.
    """

    name: str
    terms: Terms = Terms()
    nodes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    spread: tuple[Spread, ...] = ()
    runtime_class: str = ""
    data_class: str = ""
    tenant: str = ""
    scaling: Scaling = Scaling()


class Isolation(Struct, frozen=True, kw_only=True):
    """Which workloads never share a node.

    Attributes:
        classes: pairs of data classes.
        tenants: no two tenants share a node.
        default_class: of workloads that say nothing; "" leaves them without.
        reserved: taints of pools, by the data class they are for; nobody else may tolerate them.
        exempt: workloads that run on every node, such as agents.
    """

    classes: tuple[frozenset[str], ...] = ()
    tenants: bool = False
    default_class: str = ""
    reserved: Mapping[str, tuple[Taint, ...]] = field(default_factory=dict)
    exempt: tuple[Terms, ...] = ()

    def apart_from(self, data_class: str) -> tuple[str, ...]:
        """The classes that a class never meets."""
        return tuple(sorted({other for pair in self.classes if data_class in pair for other in pair - {data_class}}))

    def holds_for(self, workload: Workload) -> bool:
        """False for those that are exempt."""
        return not any(terms.fits(workload) for terms in self.exempt)


class Strategies(Struct, frozen=True, kw_only=True):
    """All that hold."""

    strategies: tuple[Strategy, ...] = ()
    isolation: Isolation = Isolation()

    def of(self, workload: Workload) -> tuple[Strategy, ...]:
        """Those that speak of a workload, in their order."""
        return tuple(one for one in self.strategies if one.terms.fits(workload))


class NodeDemand(Struct, frozen=True, kw_only=True):
    """A label that nodes must have, with the values it may have, and who says so."""

    label: str
    values: tuple[str, ...]
    source: str

    def __str__(self) -> str:
        return f"{self.label} in ({', '.join(self.values)})"
