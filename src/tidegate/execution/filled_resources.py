# SPDX-License-Identifier: Apache-2.0
"""Limits and requests where nobody named them."""

from collections.abc import Mapping

from tidegate.errors import InvalidInputError
from tidegate.execution.edit import Edit
from tidegate.execution.quantity import parse_quantity


def fill_resources(
    edit: Edit,
    container_at: tuple[str | int, ...],
    requests: Mapping[str, str],
    limits: Mapping[str, str],
    max_ratio: Mapping[str, int],
) -> None:
    """Fills in a container's limits, and its requests beside them.

    Args:
        edit: of the workload.
        container_at: keys and positions that lead to the container.
        requests: by the resource's name, as quantities.
        limits: likewise.
        max_ratio: how many times its request a limit may be.
    """
    at = (*container_at, "resources")
    said_requests, said_limits = edit.get((*at, "requests")) or {}, edit.get((*at, "limits")) or {}
    for name, default in limits.items():
        if said_limits.get(name) is not None:
            continue
        asked = said_requests.get(name)
        why = f"without a limit one container takes all of a node's {name}"
        value = default if asked is None else _limit_over(asked, default, max_ratio.get(name))
        edit.set((*at, "limits", name), value=value, why=why)
        if asked is None and name in requests:
            why = "so that the scheduler knows what it places"
            edit.set((*at, "requests", name), value=requests[name], why=why)


def _limit_over(asked: str | float, default: str, ratio: int | None) -> str | float:
    """Never below what is asked for, which the API server refuses; nor over the ratio."""
    try:
        least, usual = parse_quantity(asked), parse_quantity(default)
    except InvalidInputError:
        return asked  # the API server will say so
    return default if least <= usual and (ratio is None or usual <= least * ratio) else asked
