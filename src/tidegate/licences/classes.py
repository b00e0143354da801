# SPDX-License-Identifier: Apache-2.0
"""What a licence asks of who passes the software on, in one word, from the public licence index of license-expression.

The index (ScanCode LicenseDB) puts every SPDX id into a category; that a copyleft licence also reaches users over a
network is said here, because the index does not tell.
"""

from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final

from tidegate.licences.library import parsed
from tidegate.values import Struct, msgspec


class LicenseClass(StrEnum):
    """Classes, the least demanding first."""

    PUBLIC_DOMAIN = "public-domain"
    PERMISSIVE = "permissive"
    WEAK_COPYLEFT = "weak-copyleft"
    """Changes of the component itself stay open: LGPL, MPL, EPL."""
    COPYLEFT = "copyleft"
    """What it is combined with as well: GPL."""
    NETWORK_COPYLEFT = "network-copyleft"
    """Also towards who uses it over a network: AGPL."""
    SOURCE_AVAILABLE = "source-available"
    """The source may be read, not used for everything: SSPL, BUSL, Elastic."""
    PROPRIETARY = "proprietary"

    @property
    def rank(self) -> int:
        """0 for public domain to 6 for proprietary."""
        return list(LicenseClass).index(self)


_OF_CATEGORY: Final = {
    "Public Domain": LicenseClass.PUBLIC_DOMAIN,
    "Permissive": LicenseClass.PERMISSIVE,
    "CLA": LicenseClass.PERMISSIVE,
    "Patent License": LicenseClass.PERMISSIVE,
    "Copyleft Limited": LicenseClass.WEAK_COPYLEFT,
    "Copyleft": LicenseClass.COPYLEFT,
    "Source-available": LicenseClass.SOURCE_AVAILABLE,
    "Free Restricted": LicenseClass.SOURCE_AVAILABLE,
    "Proprietary Free": LicenseClass.PROPRIETARY,
    "Commercial": LicenseClass.PROPRIETARY,
}
_NETWORK: Final = ("AGPL-", "OSL-", "EUPL-1.2", "CPAL-", "RPL-", "NPOSL-", "APSL-", "Watcom-", "RPSL-", "Parity-")
_NOT_OPEN: Final = ("SSPL-", "BUSL-", "Elastic-")


class _Entry(Struct, frozen=True, kw_only=True):
    category: str = ""
    spdx: str | None = msgspec.field(default=None, name="spdx_license_key")
    other: tuple[str, ...] = msgspec.field(default=(), name="other_spdx_license_keys")
    is_exception: bool = False


@lru_cache(maxsize=4096)
def class_of(expression: str) -> LicenseClass | None:
    """The class of an SPDX expression: of alternatives the least, of all that hold together the most demanding.

    Returns:
        None for "" and where a part that would decide is not known.
    """
    if not expression:
        return None
    tree = parsed(expression)
    return _class(tree) if tree is not None else None


def _class(node: Any) -> LicenseClass | None:
    parts = getattr(node, "args", ())
    if not parts:
        if hasattr(node, "exception_symbol"):
            return _with_exception(str(node.license_symbol.key), str(node.exception_symbol.key))
        return _classes().get(str(node.key).lower())
    classes = [_class(part) for part in parts]
    known = [one for one in classes if one is not None]
    if node.operator.strip() == "OR":
        # Whoever passes it on chooses: a part that is not known need not be chosen.
        return min(known, key=lambda one: one.rank, default=None)
    worst = max(known, key=lambda one: one.rank, default=None)
    return worst if len(known) == len(classes) or (worst is not None and worst.rank >= _DECIDES) else None


_DECIDES: Final = LicenseClass.COPYLEFT.rank


def _with_exception(license_key: str, exception: str) -> LicenseClass | None:
    found = _classes().get(license_key.lower())
    exempt = _classes().get(exception.lower())
    if found is None or exempt is None:
        return found
    return min(found, max(exempt, LicenseClass.WEAK_COPYLEFT, key=lambda one: one.rank), key=lambda one: one.rank)


@cache
def _classes() -> dict[str, LicenseClass]:
    raw = files("license_expression").joinpath("data", "scancode-licensedb-index.json").read_bytes()
    found: dict[str, LicenseClass] = {}
    for entry in msgspec.json.decode(raw, type=list[_Entry]):
        category = _OF_CATEGORY.get(entry.category)
        for key in (entry.spdx, *entry.other):
            if key and category is not None:
                found[key.lower()] = _sharpened(key, category)
    return found


def _sharpened(key: str, category: LicenseClass) -> LicenseClass:
    if key.startswith(_NOT_OPEN):
        return LicenseClass.SOURCE_AVAILABLE
    is_network = key.startswith(_NETWORK) and category.rank >= LicenseClass.WEAK_COPYLEFT.rank
    return LicenseClass.NETWORK_COPYLEFT if is_network else category
