# SPDX-License-Identifier: Apache-2.0
"""Which ecosystem's versions follow which order. How to add one: docs/reference/knowledge-file.md."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tidegate.inventory import Ecosystem
from tidegate.knowledge.versions.apk import ApkOrder
from tidegate.knowledge.versions.deb import DebOrder
from tidegate.knowledge.versions.order import VersionOrder
from tidegate.knowledge.versions.pep440 import Pep440Order
from tidegate.knowledge.versions.rpm import RpmOrder
from tidegate.knowledge.versions.semver import SemverOrder

_APK, _DEB, _PEP440, _RPM, _SEMVER = ApkOrder(), DebOrder(), Pep440Order(), RpmOrder(), SemverOrder()

ORDERS: Final[tuple[VersionOrder, ...]] = (_APK, _DEB, _PEP440, _RPM, _SEMVER)

ROSTER: Final[Mapping[str, VersionOrder]] = MappingProxyType(
    {
        "AlmaLinux": _RPM,
        "Alpaquita": _APK,
        "Alpine": _APK,
        "Azure Linux": _RPM,
        "BellSoft Hardened Containers": _APK,
        "Chainguard": _APK,
        "Debian": _DEB,
        "Go": _SEMVER,
        "Hex": _SEMVER,
        "Mageia": _RPM,
        "MinimOS": _APK,
        "Photon OS": _RPM,
        "PyPI": _PEP440,
        "Red Hat": _RPM,
        "Rocky Linux": _RPM,
        "SUSE": _RPM,
        "SwiftURL": _SEMVER,
        "Ubuntu": _DEB,
        "Wolfi": _APK,
        "crates.io": _SEMVER,
        "npm": _SEMVER,
        "openEuler": _RPM,
        "openSUSE": _RPM,
    }
)
"""Ecosystem without its release (OSV schema, "Defined ecosystems") to the order of its versions."""


def family(ecosystem: Ecosystem | str) -> str:
    """Returns the ecosystem without its release: `Debian` of `Debian:12`."""
    return ecosystem.partition(":")[0]


def order_of(ecosystem: Ecosystem | str) -> VersionOrder | None:
    """Returns the order an ecosystem's versions follow; None when it is not known here."""
    return ROSTER.get(family(ecosystem))
