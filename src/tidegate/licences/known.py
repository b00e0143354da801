# SPDX-License-Identifier: Apache-2.0
"""Which ids SPDX knows: asked of the frequent ones first, of the whole index only for the rest."""

from functools import cache

from tidegate.licences.frequent import EXCEPTIONS, FREQUENT
from tidegate.licences.index import index
from tidegate.licences.license_class import LicenseClass


def license_id(name: str) -> str:
    """The SPDX id a name is, whatever its case; "" when it is none."""
    low = name.lower()
    return _ids().get(low) or index().licenses.get(low, "")


def exception_id(name: str) -> str:
    """The SPDX exception a name is, whatever its case; "" when it is none."""
    return index().exceptions.get(name.lower(), "")


def class_of_id(name: str) -> LicenseClass | None:
    """The class of a licence; None when it is not known."""
    low = name.lower()
    return _classes().get(low) or index().classes.get(low)


def class_of_exception(name: str) -> LicenseClass | None:
    """What is left of a licence under an exception; None when that is not known."""
    low = name.lower()
    return EXCEPTIONS.get(low) or index().classes.get(low)


@cache
def _ids() -> dict[str, str]:
    return {name.lower(): name for names in FREQUENT.values() for name in names.split()}


@cache
def _classes() -> dict[str, LicenseClass]:
    return {name.lower(): kind for kind, names in FREQUENT.items() for name in names.split()}
