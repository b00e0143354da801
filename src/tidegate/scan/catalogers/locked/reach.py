# SPDX-License-Identifier: Apache-2.0
"""What a package is there for, told from who needs it: the strongest scope among all ways that lead to it."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

from tidegate.inventory import Scope

Node = TypeVar("Node", bound=Hashable)


def reached(
    roots: Mapping[Scope, Sequence[Node]], needs: Callable[[Node], Iterable[tuple[Node, bool]]]
) -> dict[Node, Scope]:
    """Walks from what is asked for directly to everything that brings along.

    Args:
        roots: direct dependencies by their scope.
        needs: what a package needs, and whether it can do without it.

    Returns:
        The strongest scope of each package that is reached; every package is walked once.
    """
    found: dict[Node, Scope] = {}
    left: list[Node] = []
    for scope in Scope:
        later: list[Node] = list(left) if scope is Scope.OPTIONAL else []
        left = left if scope is Scope.RUNTIME else []
        todo = [*later, *roots.get(scope, ())]
        while todo:
            node = todo.pop()
            if node in found:
                continue
            found[node] = scope
            for needed, is_optional in needs(node):
                if needed not in found:
                    (left if is_optional and scope is Scope.RUNTIME else todo).append(needed)
    return found
