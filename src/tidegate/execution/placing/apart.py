# SPDX-License-Identifier: Apache-2.0
"""Data classes and tenants that never share a node: labels that say them, and anti-affinity that the scheduler holds.

Required anti-affinity is held both ways: a pod stays away from those it names, and from those that name it.
"""

from typing import Any, Final

from tidegate.execution.placing.placed import Placing
from tidegate.execution.placing.strategy import CLASS_LABEL, HOSTNAME, TENANT_LABEL, Isolation, Strategy, Taint

_ANTI: Final = ("affinity", "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution")


def keep_apart(placing: Placing, strategies: tuple[Strategy, ...], isolation: Isolation) -> None:
    """Labels a workload with its class and tenant, and keeps it from the nodes of those it must not meet."""
    if not isolation.holds_for(placing.workload):
        return
    classes = [(one.data_class, f"strategy {one.name}") for one in strategies if one.data_class]
    data_class = _said(placing, CLASS_LABEL, classes, default=isolation.default_class)
    tenants = [(one.tenant, f"strategy {one.name}") for one in strategies if one.tenant]
    tenant = _said(placing, TENANT_LABEL, tenants, default="")
    if data_class:
        _only_own_pools(placing, data_class, isolation)
        if others := isolation.apart_from(data_class):
            expression = {"key": CLASS_LABEL, "operator": "In", "values": list(others)}
            _away(placing, [expression], f"class {data_class} shares no node with {', '.join(others)}")
    if isolation.tenants and tenant:
        expressions: list[dict[str, Any]] = [
            {"key": TENANT_LABEL, "operator": "Exists"},
            {"key": TENANT_LABEL, "operator": "NotIn", "values": [tenant]},
        ]
        _away(placing, expressions, f"tenant {tenant} shares no node with another")


def _said(placing: Placing, label: str, strategies: list[tuple[str, str]], *, default: str) -> str:
    """What a workload is, by strategies and by its own label, which must agree."""
    path = (*placing.workload.pod_at, "metadata", "labels", label)
    own = placing.get(path)
    said = [*strategies, *([(str(own), "the workload's own label")] if own is not None else [])]
    for value, source in said[1:]:
        if value != said[0][0]:
            fix = "let one of them speak of other workloads" if source.startswith("strategy") else f"leave {label} out"
            one, other = f"{said[0][1]} says {label} is {said[0][0]}", f"{source} says {value}"
            placing.conflict(path, one, other, fix)
    if not said and default:
        said = [(default, "what holds for all others")]
    if said and own is None:
        placing.add(path, said[0][0], by=said[0][1], why="so that others can keep away from it")
    return said[0][0] if said else ""


def _away(placing: Placing, expressions: list[dict[str, Any]], why: str) -> None:
    term = {
        "labelSelector": {"matchExpressions": expressions},
        "namespaceSelector": {},
        "topologyKey": HOSTNAME,
    }
    path = (*placing.spec, *_ANTI)
    terms = placing.get(path) or []
    if term not in terms:
        placing.add(path, [*terms, term], by="isolation", why=why, shown=term)


def _only_own_pools(placing: Placing, data_class: str, isolation: Isolation) -> None:
    for owner, taints in isolation.reserved.items():
        for taint in taints if owner != data_class else ():
            for at, toleration in enumerate(placing.get((*placing.spec, "tolerations")) or []):
                if tolerates(toleration, taint):
                    placing.conflict(
                        (*placing.spec, "tolerations", at),
                        f"the pool with {taint} is for class {owner}",
                        f"the workload, of class {data_class}, tolerates it",
                        "leave the toleration out, or name another taint",
                    )


def tolerates(toleration: Any, taint: Taint) -> bool:
    """True when a toleration, as it is written, lets a pod onto nodes with a taint."""
    if not isinstance(toleration, dict):
        return False
    if toleration.get("effect") not in {None, "", taint.effect}:
        return False
    key, operator = toleration.get("key") or "", toleration.get("operator") or "Equal"
    if operator == "Exists":
        return key in {"", taint.key}
    return bool(key == taint.key and (toleration.get("value") or "") == taint.value)
