# SPDX-License-Identifier: Apache-2.0
"""SPDX's licences from the public index that comes with license-expression (ScanCode LicenseDB).

The package itself is not imported: that and its tables cost ten times what reading the index does (about 10 ms).
"""

from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from tidegate.licences.license_class import LicenseClass
from tidegate.values import Struct, msgspec

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
_OPEN: Final = {"SISSL": LicenseClass.WEAK_COPYLEFT, "SISSL-1.2": LicenseClass.WEAK_COPYLEFT}
"""Approved by the Open Source Initiative, whatever the index thinks of them."""


class Index(Struct, frozen=True, kw_only=True):
    """What the index tells; every key in lower case.

    Attributes:
        licenses: the id now in use, by that id and by those it had before.
        exceptions: likewise of exceptions (`WITH`).
        classes: of both, where the index puts them into a category.
    """

    licenses: Mapping[str, str]
    exceptions: Mapping[str, str]
    classes: Mapping[str, LicenseClass]


class _Entry(Struct, frozen=True, kw_only=True):
    category: str = ""
    spdx: str | None = msgspec.field(default=None, name="spdx_license_key")
    other: tuple[str, ...] = msgspec.field(default=(), name="other_spdx_license_keys")
    is_exception: bool = False


@cache
def index() -> Index:
    """The whole index, read once."""
    licenses: dict[str, str] = {}
    exceptions: dict[str, str] = {}
    classes: dict[str, LicenseClass] = {}
    for entry in msgspec.json.decode(_raw(), type=list[_Entry]):
        if not entry.spdx:
            continue
        category = _OF_CATEGORY.get(entry.category)
        names = exceptions if entry.is_exception else licenses
        for key in (entry.spdx, *entry.other):
            if not entry.spdx.startswith("LicenseRef-"):
                names.setdefault(key.lower(), entry.spdx)
            if category is not None:
                classes[key.lower()] = _sharpened(key, category)
    return Index(licenses=licenses, exceptions=exceptions, classes=classes)


def _raw() -> bytes:
    spec = find_spec("license_expression")  # of a package at the top, this looks for it without importing it
    if spec is None or spec.origin is None:
        return b"[]"
    return (Path(spec.origin).parent / "data" / "scancode-licensedb-index.json").read_bytes()


def _sharpened(key: str, category: LicenseClass) -> LicenseClass:
    if key in _OPEN:
        return _OPEN[key]
    if key.startswith(_NOT_OPEN):
        return LicenseClass.SOURCE_AVAILABLE
    is_network = key.startswith(_NETWORK) and category.rank >= LicenseClass.WEAK_COPYLEFT.rank
    return LicenseClass.NETWORK_COPYLEFT if is_network else category
