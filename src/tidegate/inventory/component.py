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
    """Kinds of package, named by their package URL type (purl-spec `PURL-TYPES`)."""

    ALPM = "alpm"
    APK = "apk"
    BITNAMI = "bitnami"
    CARGO = "cargo"
    COCOAPODS = "cocoapods"
    COMPOSER = "composer"
    CONAN = "conan"
    CONDA = "conda"
    CPAN = "cpan"
    CRAN = "cran"
    DEB = "deb"
    GEM = "gem"
    GENERIC = "generic"
    GITHUB = "github"
    GOLANG = "golang"
    HACKAGE = "hackage"
    HEX = "hex"
    JULIA = "julia"
    LUAROCKS = "luarocks"
    MAVEN = "maven"
    NPM = "npm"
    NUGET = "nuget"
    OPAM = "opam"
    OPKG = "opkg"
    OTP = "otp"
    PEAR = "pear"
    PUB = "pub"
    PYPI = "pypi"
    RPM = "rpm"
    SWIFT = "swift"

    @property
    def is_of_distribution(self) -> bool:
        """True for the operating system's own packages."""
        return self in _OF_DISTRIBUTION

    @property
    def separator(self) -> str:
        """What stands between vendor and name in a whole name, which a package URL tells apart; "" for no vendors."""
        return _SEPARATORS.get(self, "")


_OF_DISTRIBUTION = frozenset({PackageKind.ALPM, PackageKind.APK, PackageKind.DEB, PackageKind.OPKG, PackageKind.RPM})
_SEPARATORS = {
    PackageKind.COMPOSER: "/",
    PackageKind.GITHUB: "/",
    PackageKind.GOLANG: "/",
    PackageKind.MAVEN: ":",
    PackageKind.NPM: "/",
    PackageKind.PEAR: "/",
    PackageKind.SWIFT: "/",
}


class Scope(StrEnum):
    """What a package is there for, as far as its lock file or manifest tells; what is installed is RUNTIME."""

    RUNTIME = "runtime"
    OPTIONAL = "optional"
    BUILD = "build"
    TEST = "test"
    DEVELOPMENT = "development"


class Basis(StrEnum):
    """How it is known that a package is there, surest first."""

    INSTALLED = "installed"
    """A package manager's own record or the package's own metadata, beside its files."""
    RECOGNISED = "recognised"
    """A program's own version string."""
    LOCKED = "locked"
    """A lock file: exactly this version is to be installed."""
    DECLARED = "declared"
    """A manifest that pins a version without a lock file."""
    CLAIMED = "claimed"
    """A bill of materials found among the files: somebody says so."""


class Package(Struct, frozen=True, kw_only=True):
    """One installed package, as one metadata file of one layer tells it.

    Attributes:
        name: the whole name as OSV's ecosystem writes it: normalised for Python (PEP 503), `@scope/name` for npm,
            `group:artifact` for Maven, `vendor/name` for Composer, the module path for Go.
        version: the whole version, with epoch and release where the ecosystem has them (rpm: `1:3.0.1-41.el9_0`).
        source_name: the source package it was built from; "" when it is the same or unknown.
        source_version: the source package's version; "" when it is the same.
        architecture: in the ecosystem's own word; "" when it has none.
        licenses: as written, one entry a statement.
        namespace: vendor part of the package URL when the package itself names it; "" leaves it to the distribution.
        modularity: rpm module label (`nodejs:18`); "" for none.
        checksums: of the package's own archive, as `sha512:<hex>`, `sha1:<hex>`, `h1:<base64>` (Go).
        deprecated: why its makers advise against it, as its metadata or lock file says; "" when they do not.
        supplier: who made this build: Maintainer of a deb, Vendor of an rpm, author of a wheel.
        qualifiers: further qualifiers of its package URL, as (key, value).
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
    scope: Scope = Scope.RUNTIME
    basis: Basis = Basis.INSTALLED
    checksums: tuple[str, ...] = ()
    deprecated: str = ""
    supplier: str = ""
    qualifiers: tuple[tuple[str, str], ...] = ()


class Ownership(Struct, frozen=True, kw_only=True):
    """Paths a package says are its own: no leading slash, `/` between parts, files only where the database tells.

    Attributes:
        package: its name, as in `Package.name`.
        algorithm: of `checksums`: `md5`, `sha1`, `sha256`, `sha512`; "" when the database states none.
        checksums: raw digests of the files' content in the order of `paths`, all of one length; zeros where none is
            stated for a path (a link, a ghost file, a RECORD itself).
        configuration: those of `paths` that people are meant to change (conffiles, `%config`).
    """

    package: str
    paths: tuple[str, ...]
    algorithm: str = ""
    checksums: bytes = b""
    configuration: tuple[str, ...] = ()


class Component(Struct, frozen=True, kw_only=True):
    """One package of an image, after its layers were laid over each other.

    Attributes:
        ecosystem: the OSV ecosystem whose advisories speak of it; "" when none is known.
        location: the path in the image of the file that tells of it, no leading slash.
        layer: the layer (compressed digest) that first brought it in, in this version.
        owner: package URL of the distribution's package that owns `location`; "" when none does. An owned component
            is judged by the distribution's advisories only, because back-ported fixes do not show in its version.
        cataloger: who read it.
        license: all `licenses` as one SPDX expression; "" when they cannot be told.
        license_class: the strictest class an image of it falls under, of `tidegate.licences`; "" when unknown.
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
    scope: Scope = Scope.RUNTIME
    basis: Basis = Basis.INSTALLED
    checksums: tuple[str, ...] = ()
    deprecated: str = ""
    supplier: str = ""
    license: str = ""
    license_class: str = ""
