# SPDX-License-Identifier: Apache-2.0
"""Labels that a node must have, beside what the pod asks of nodes itself: never instead of it.

A nodeSelector and a required affinity both hold; the terms of an affinity are alternatives, so what is demanded goes
into each of them. A term that says nothing matches no node, and must stay that way.
"""

from collections.abc import Iterable
from typing import Any, Final

from tidegate.execution.placing.placed import Placing
from tidegate.execution.placing.strategy import NodeDemand

_REQUIRED: Final = ("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms")


def demand_nodes(placing: Placing, demands: Iterable[NodeDemand]) -> None:
    """Writes what all demand, where they can hold together with each other and with the pod's own word."""
    for demand in _together(placing, demands):
        _demand(placing, demand)


def _together(placing: Placing, demands: Iterable[NodeDemand]) -> list[NodeDemand]:
    """One demand a label: the values that all of its demands have."""
    by_label: dict[str, NodeDemand] = {}
    for demand in demands:
        before = by_label.get(demand.label)
        if before is None:
            by_label[demand.label] = demand
            continue
        both = tuple(value for value in before.values if value in demand.values)
        if not both:
            one, other = f"{before.source} asks for {before}", f"{demand.source} asks for {demand}"
            path = (*placing.spec, "nodeSelector", demand.label)
            placing.conflict(path, one, other, "let one of them speak of other workloads")
        else:
            source = before.source if both == before.values else f"{before.source}, {demand.source}"
            by_label[demand.label] = NodeDemand(label=demand.label, values=both, source=source)
    return list(by_label.values())


def _demand(placing: Placing, demand: NodeDemand) -> None:
    path = (*placing.spec, "nodeSelector", demand.label)
    own = placing.get(path)
    if own is not None:
        if own not in demand.values:
            said = f"the workload's nodeSelector asks for {demand.label} = {own}"
            placing.conflict(path, f"{demand.source} asks for {demand}", said, f"leave {demand.label} out")
        return
    terms = placing.get((*placing.spec, *_REQUIRED)) or []
    possible = [term for term in terms if not _contradicts(term, demand)]
    if terms and not possible:
        said = f"every term of the workload's node affinity rules {demand.label} out"
        fix = f"leave {demand.label} out of its affinity"
        placing.conflict((*placing.spec, *_REQUIRED), f"{demand.source} asks for {demand}", said, fix)
    elif len(demand.values) == 1:
        placing.add(path, demand.values[0], by=demand.source, why="the nodes it may run on")
    else:
        _into_terms(placing, demand, terms)


def _into_terms(placing: Placing, demand: NodeDemand, terms: list[Any]) -> None:
    expression = {"key": demand.label, "operator": "In", "values": list(demand.values)}
    if any(_holds(term, expression) for term in terms) and all(_holds(t, expression) or not _says(t) for t in terms):
        return
    made = [_with(term, expression) if _says(term) else term for term in terms] or [{"matchExpressions": [expression]}]
    path = (*placing.spec, *_REQUIRED)
    placing.add(path, made, by=demand.source, why="the nodes it may run on", shown=expression)


def _with(term: dict[str, Any], expression: dict[str, Any]) -> dict[str, Any]:
    if _holds(term, expression):
        return term
    return {**term, "matchExpressions": [*(term.get("matchExpressions") or []), expression]}


def _holds(term: Any, expression: dict[str, Any]) -> bool:
    return isinstance(term, dict) and expression in (term.get("matchExpressions") or [])


def _says(term: Any) -> bool:
    return isinstance(term, dict) and bool(term.get("matchExpressions") or term.get("matchFields"))


def _contradicts(term: Any, demand: NodeDemand) -> bool:
    """True when no value that is demanded can pass a term's expressions on the label."""
    if not _says(term):
        return True
    left = set(demand.values)
    for one in term.get("matchExpressions") or []:
        if not isinstance(one, dict) or one.get("key") != demand.label:
            continue
        values = {str(value) for value in one.get("values") or []}
        operator = one.get("operator")
        if operator == "In":
            left &= values
        elif operator == "NotIn":
            left -= values
        elif operator == "DoesNotExist":
            left.clear()
        elif operator in {"Gt", "Lt"}:
            left = {value for value in left if _compares(value, str(operator), values)}
    return not left


def _compares(value: str, operator: str, values: set[str]) -> bool:
    try:
        (bound,) = (int(one) for one in values)
        return int(value) > bound if operator == "Gt" else int(value) < bound
    except ValueError:
        return False
