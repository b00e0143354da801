# SPDX-License-Identifier: Apache-2.0
"""The class of a licence expression: of alternatives the least, of all that hold together the most demanding."""

from functools import lru_cache
from typing import Final

from tidegate.licences.grammar import Term, Tree, parse
from tidegate.licences.known import class_of_exception, class_of_id
from tidegate.licences.license_class import LicenseClass
from tidegate.licences.names import PUBLIC_DOMAIN

_OWN: Final = "licenseref-"
_VARIANTS: Final = tuple(
    _OWN + family for family in ("bsd", "mit-", "expat", "isc-", "x11-", "hpnd", "ntp", "zlib-", "permissive")
)
"""Families whose variants differ in the names of people, as distributions name them: `BSD-3-Clause-Intel`."""
_DECIDES: Final = LicenseClass.COPYLEFT.rank


@lru_cache(maxsize=4096)
def class_of(expression: str) -> LicenseClass | None:
    """The class of an SPDX expression.

    Returns:
        None for "", for what is no expression, and where a part that would decide is not known.
    """
    tree = parse(expression)
    return _class(tree) if tree is not None else None


def _class(tree: Tree) -> LicenseClass | None:
    if isinstance(tree, Term):
        return _of_term(tree)
    classes = [_class(part) for part in tree.parts]
    known = [one for one in classes if one is not None]
    if tree.operator == "OR":
        # Whoever passes it on chooses: a part that is not known need not be chosen.
        return min(known, key=lambda one: one.rank, default=None)
    worst = max(known, key=lambda one: one.rank, default=None)
    return worst if len(known) == len(classes) or (worst is not None and worst.rank >= _DECIDES) else None


def _of_term(term: Term) -> LicenseClass | None:
    found = _of_own(term.license) if term.license.lower().startswith(_OWN) else class_of_id(term.license)
    exempt = class_of_exception(term.exception) if found and term.exception else None
    if found is None or exempt is None:
        return found
    return min(found, max(exempt, LicenseClass.WEAK_COPYLEFT, key=lambda one: one.rank), key=lambda one: one.rank)


def _of_own(name: str) -> LicenseClass | None:
    if name.lower().startswith(PUBLIC_DOMAIN.lower()):
        return LicenseClass.PUBLIC_DOMAIN
    return LicenseClass.PERMISSIVE if name.lower().startswith(_VARIANTS) else None
