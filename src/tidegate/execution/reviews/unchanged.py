# SPDX-License-Identifier: Apache-2.0
"""Whether an update changes anything of what runs: a running workload is not held up for the rest."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

_OF_SCHEDULING: Final = frozenset(
    {"tolerations", "activeDeadlineSeconds", "terminationGracePeriodSeconds", "schedulingGates", "nodeSelector"}
)
"""What the API server lets be changed of a pod beside its images."""


def pod_spec_at(document: Mapping[str, Any] | None, pod_at: Sequence[str]) -> Any:
    """The spec of the pod (or its mould) in an object; None where there is none."""
    node: Any = document
    for key in (*pod_at, "spec"):
        node = node.get(key) if isinstance(node, dict) else None
    return node


def runs_the_same(new: Any, old: Any, *, is_pod: bool) -> bool:
    """True when two specs run the same: what is scheduled otherwise, or given other resources, runs the same."""
    if not isinstance(new, dict) or not isinstance(old, dict):
        return False
    return _shown(new) == _shown(old) if is_pod else new == old


def _shown(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    shown = {key: value for key, value in spec.items() if key not in _OF_SCHEDULING}
    for role in ("containers", "initContainers"):
        if isinstance(listed := shown.get(role), list):
            shown[role] = [_without_resources(one) for one in listed]
    return shown


def _without_resources(container: Any) -> Any:
    if not isinstance(container, dict):
        return container
    return {key: value for key, value in container.items() if key not in {"resources", "resizePolicy"}}
