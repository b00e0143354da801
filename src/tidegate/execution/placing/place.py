# SPDX-License-Identifier: Apache-2.0
"""Writes a workload's placement: what strategies and images demand, beside what it asks itself. Pure.

Nothing it asked for is taken back: where both cannot hold, that is a conflict, and the gate denies.
"""

from collections.abc import Sequence
from typing import Any, Final

from tidegate.execution.changes_annotation import tell_changes
from tidegate.execution.placing.apart import keep_apart, tolerates
from tidegate.execution.placing.node_affinity import demand_nodes
from tidegate.execution.placing.placed import Placed, Placing
from tidegate.execution.placing.strategy import NodeDemand, Spread, Strategies, Strategy
from tidegate.execution.workload import Workload, parse_workload

_SCALED: Final = frozenset({"Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"})
_VOLATILE: Final = frozenset({"pod-template-hash", "controller-revision-hash", "statefulset.kubernetes.io/pod-name"})


def place_workload(workload: Workload, strategies: Strategies, of_images: Sequence[NodeDemand] = ()) -> Placed:
    """Places a workload; placing it twice is placing it once.

    Args:
        workload: as it was written.
        strategies: of the house.
        of_images: what the restrictions of its images demand of nodes.
    """
    placing = Placing(workload)
    speaking = strategies.of(workload)
    demands = [
        NodeDemand(label=label, values=values, source=f"strategy {one.name}")
        for one in speaking
        for label, values in one.nodes.items()
    ]
    demand_nodes(placing, [*demands, *of_images])
    keep_apart(placing, speaking, strategies.isolation)
    for one in speaking:
        _tolerate(placing, one)
        _sandbox(placing, one)
        _scale(placing, one)
        for spread in one.spread:
            _spread(placing, one, spread)
    if speaking or of_images or placing.additions:
        _no_node_of_its_own(placing)
    tell_changes(placing.edit, workload.pod_at)
    changed = parse_workload(placing.edit.document, where=str(workload), cluster=workload.cluster)
    return Placed(
        workload=changed,
        additions=tuple(placing.additions),
        conflicts=tuple(placing.conflicts),
        changes=tuple(placing.edit.changes),
    )


def _no_node_of_its_own(placing: Placing) -> None:
    path = (*placing.spec, "nodeName")
    if node := placing.get(path):
        said = f"the workload names the node {str(node)[:80]} itself, past the scheduler"
        placing.conflict(path, "strategies say where it may run", said, "leave nodeName out")


def _tolerate(placing: Placing, strategy: Strategy) -> None:
    path = (*placing.spec, "tolerations")
    for taint in strategy.taints:
        there = placing.get(path) or []
        if not any(tolerates(one, taint) for one in there):
            made = {"key": taint.key, "operator": "Equal", "value": taint.value, "effect": taint.effect}
            why = "its nodes keep others away by this taint"
            placing.add(path, [*there, made], by=f"strategy {strategy.name}", why=why, shown=made)


def _sandbox(placing: Placing, strategy: Strategy) -> None:
    if not strategy.runtime_class:
        return
    path, by = (*placing.spec, "runtimeClassName"), f"strategy {strategy.name}"
    own = placing.get(path)
    if own is None:
        placing.add(path, strategy.runtime_class, by=by, why="the sandbox it runs in")
    elif own != strategy.runtime_class:
        said = f"runtimeClassName is {own}"
        placing.conflict(path, f"{by} asks for the runtime class {strategy.runtime_class}", said, "leave it out")


def _scale(placing: Placing, strategy: Strategy) -> None:
    workload, scaling = placing.workload, strategy.scaling
    if workload.kind not in _SCALED or scaling == type(scaling)():
        return
    path, by = ("spec", "replicas"), f"strategy {strategy.name}"
    own = placing.get(path)
    if own is None and scaling.least is not None and scaling.least > 1:
        placing.add(path, scaling.least, by=by, why="so many at least, so that one may fail")
    count = placing.get(path)
    count = 1 if count is None else count
    if not isinstance(count, int):
        return
    if scaling.most is not None and count > scaling.most:
        placing.conflict(path, f"{by} allows {scaling.most} replicas", f"it has {count}", "ask for fewer")
    if scaling.least is not None and 0 < count < scaling.least:
        placing.conflict(path, f"{by} asks for {scaling.least} replicas", f"it has {count}", "ask for more")


def _spread(placing: Placing, strategy: Strategy, spread: Spread) -> None:
    path = (*placing.spec, "topologySpreadConstraints")
    there = placing.get(path) or []
    labels = _own_labels(placing.workload)
    if not labels or any(isinstance(one, dict) and one.get("topologyKey") == spread.topology for one in there):
        return
    made = {
        "maxSkew": spread.max_skew,
        "topologyKey": spread.topology,
        "whenUnsatisfiable": "DoNotSchedule" if spread.is_firm else "ScheduleAnyway",
        "labelSelector": {"matchLabels": labels},
    }
    why = f"so that not all of it fails with one {spread.topology.rpartition('/')[2]}"
    placing.add(path, [*there, made], by=f"strategy {strategy.name}", why=why, shown=made)


def _own_labels(workload: Workload) -> dict[str, str]:
    """Labels by which a workload knows its pods."""
    spec = workload.document.get("spec")
    selector: Any = spec.get("selector") if isinstance(spec, dict) else None
    matched = selector.get("matchLabels") if isinstance(selector, dict) else None
    if isinstance(matched, dict) and matched:
        return {str(key): str(value) for key, value in matched.items()}
    return {key: value for key, value in workload.pod_labels.items() if key not in _VOLATILE}
