# SPDX-License-Identifier: Apache-2.0
"""What software is in an image: packages as a layer's file tells them, components as the whole image shows them."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NewType

from tidegate.artifact import Digest
from tidegate.values import Struct, field

Version = NewType("Version", str)
"""A version as its ecosystem writes it; compared only through `tidegate.knowledge.versions`."""

PackageUrl = NewType("PackageUrl", str)
"""A package URL (purl-spec), in canonical form."""

Ecosystem = NewType("Ecosystem", str)
"""An OSV ecosystem (OSV schema 1.7), with its release where it has one: `PyPI`, `Debian:12`, `Alpine:v3.18`."""


class PackageKind(StrEnum):
    """Kinds of package, named by their package URL type."""

    APK = "apk"
    DEB = "deb"
    RPM = "rpm"
    PYPI = "pypi"

    @property
    def is_of_distribution(self) -> bool:
        """True for the operating system's own packages."""
        return self in {PackageKind.APK, PackageKind.DEB, PackageKind.RPM}


class Package(Struct, frozen=True, kw_only=True):
    """One installed package, as one metadata file of one layer tells it.

    Attributes:
        name: the package's own name, normalised where its ecosystem says how (PEP 503 for Python).
        version: the whole version, with epoch and release where the ecosystem has them (rpm: `1:3.0.1-41.el9_0`).
        source_name: the source package it was built from; "" when it is the same or unknown.
        source_version: the source package's version; "" when it is the same.
        architecture: in the ecosystem's own word; "" when it has none.
        licenses: as written, one entry a statement.
        namespace: vendor part of the package URL when the package itself names it; "" leaves it to the distribution.
        modularity: rpm module label (`nodejs:18`); "" for none.
    """

    kind: PackageKind
    name: str
    version: Version
    source_name: str = ""
    source_version: str = ""
    architecture: str = ""
    licenses: tuple[str, ...] = ()
    namespace: str = ""
    modularity: str = ""


class Ownership(Struct, frozen=True, kw_only=True):
    """Paths a package says are its own: no leading slash, `/` between parts, files only where the database tells."""

    package: str
    paths: tuple[str, ...]


class Component(Struct, frozen=True, kw_only=True):
    """One package of an image, after its layers were laid over each other.

    Attributes:
        ecosystem: the OSV ecosystem whose advisories speak of it; "" when none is known.
        location: the path in the image of the file that tells of it, no leading slash.
        layer: the layer (compressed digest) that first brought it in, in this version.
        owner: package URL of the distribution's package that owns `location`; "" when none does. An owned component
            is judged by the distribution's advisories only, because back-ported fixes do not show in its version.
        cataloger: who read it.
    """

    kind: PackageKind
    name: str
    version: Version
    purl: PackageUrl
    ecosystem: Ecosystem
    location: str
    layer: Digest
    cataloger: str
    source_name: str = ""
    source_version: str = ""
    architecture: str = ""
    licenses: tuple[str, ...] = ()
    owner: PackageUrl | None = None
    modularity: str = ""
    qualifiers: Mapping[str, str] = field(default_factory=dict)
