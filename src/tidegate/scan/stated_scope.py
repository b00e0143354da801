# SPDX-License-Identifier: Apache-2.0
"""What an installed package is there for, as the lock file or manifest of its project states it.

What lies in `node_modules`, `vendor` or a virtual environment tells its version and not why it was fetched: the lock
file above it does.
"""

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from tidegate.inventory import Basis, Component, PackageUrl, Scope
from tidegate.values import replace

_Stated: TypeAlias = dict[tuple[PackageUrl, str], Scope]

_WORD_OF_PROJECTS: Final = (Basis.LOCKED, Basis.DECLARED)
_NEEDED_MOST: Final = {scope: rank for rank, scope in enumerate(Scope)}


def with_stated_scopes(components: Sequence[Component]) -> list[Component]:
    """Gives installed packages the scope that their project states of this very version.

    The nearest folder on the way up to the root that speaks of it decides, its lock file before its manifest; of
    several words in one folder the one that needs it most. A package that tells its own scope keeps it.
    """
    stated = [_stated(components, basis) for basis in _WORD_OF_PROJECTS]
    if not any(stated):
        return list(components)
    return [
        replace(it, scope=_scope_of(it, stated)) if it.basis is Basis.INSTALLED and it.scope is Scope.RUNTIME else it
        for it in components
    ]


def _stated(components: Iterable[Component], basis: Basis) -> _Stated:
    found: _Stated = {}
    for it in components:
        if it.basis is basis:
            place = it.purl, it.location.rpartition("/")[0]
            found[place] = min(found.get(place, it.scope), it.scope, key=_NEEDED_MOST.__getitem__)
    return found


def _scope_of(component: Component, stated: Sequence[_Stated]) -> Scope:
    here = component.location
    while here:
        here = here.rpartition("/")[0]
        for words in stated:
            scope = words.get((component.purl, here))
            if scope is not None:
                return scope
    return component.scope
