# SPDX-License-Identifier: Apache-2.0
"""Which ecosystem's versions follow which order. How to add one: docs/reference/knowledge-file.md."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tidegate.inventory import Ecosystem
from tidegate.knowledge.versions.apk import ApkOrder
from tidegate.knowledge.versions.bitnami import BitnamiOrder
from tidegate.knowledge.versions.composer import ComposerOrder
from tidegate.knowledge.versions.conan import ConanOrder
from tidegate.knowledge.versions.deb import DebOrder
from tidegate.knowledge.versions.go import GoOrder
from tidegate.knowledge.versions.maven import MavenOrder
from tidegate.knowledge.versions.nuget import NuGetOrder
from tidegate.knowledge.versions.numeric import NumericOrder
from tidegate.knowledge.versions.opam import OpamOrder
from tidegate.knowledge.versions.order import VersionOrder
from tidegate.knowledge.versions.pep440 import Pep440Order
from tidegate.knowledge.versions.rpm import RpmOrder
from tidegate.knowledge.versions.rubygems import RubyGemsOrder
from tidegate.knowledge.versions.semver import SemverOrder
from tidegate.knowledge.versions.semver_build import SemverBuildOrder

_APK, _DEB, _PEP440, _RPM, _SEMVER = ApkOrder(), DebOrder(), Pep440Order(), RpmOrder(), SemverOrder()
_BITNAMI, _COMPOSER, _CONAN, _GO, _MAVEN = BitnamiOrder(), ComposerOrder(), ConanOrder(), GoOrder(), MavenOrder()
_NUGET, _NUMERIC, _OPAM, _RUBYGEMS = NuGetOrder(), NumericOrder(), OpamOrder(), RubyGemsOrder()
_SEMVER_BUILD: Final = SemverBuildOrder()

ORDERS: Final[tuple[VersionOrder, ...]] = (
    _APK,
    _BITNAMI,
    _COMPOSER,
    _CONAN,
    _DEB,
    _GO,
    _MAVEN,
    _NUGET,
    _NUMERIC,
    _OPAM,
    _PEP440,
    _RPM,
    _RUBYGEMS,
    _SEMVER,
    _SEMVER_BUILD,
)

ROSTER: Final[Mapping[str, VersionOrder]] = MappingProxyType(
    {
        "AlmaLinux": _RPM,
        "Alpaquita": _APK,
        "Alpine": _APK,
        "Azure Linux": _RPM,
        "BellSoft Hardened Containers": _APK,
        "Bioconductor": _NUMERIC,
        "Bitnami": _BITNAMI,
        "CRAN": _NUMERIC,
        "Chainguard": _APK,
        "ConanCenter": _CONAN,
        "Debian": _DEB,
        "Echo": _DEB,
        "GHC": _NUMERIC,
        "GitHub Actions": _SEMVER,
        "Go": _GO,
        "Hackage": _NUMERIC,
        "Hex": _SEMVER,
        "Julia": _SEMVER_BUILD,
        "Mageia": _RPM,
        "Maven": _MAVEN,
        "MinimOS": _APK,
        "NuGet": _NUGET,
        "Packagist": _COMPOSER,
        "Photon OS": _RPM,
        "Pub": _SEMVER_BUILD,
        "PyPI": _PEP440,
        "Red Hat": _RPM,
        "Rocky Linux": _RPM,
        "RubyGems": _RUBYGEMS,
        "SUSE": _RPM,
        "SwiftURL": _SEMVER,
        "Ubuntu": _DEB,
        "VSCode": _SEMVER,
        "Wolfi": _APK,
        "crates.io": _SEMVER,
        "npm": _SEMVER,
        "opam": _OPAM,
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
