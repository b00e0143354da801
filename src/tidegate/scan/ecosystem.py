# SPDX-License-Identifier: Apache-2.0
"""Whose advisories speak of a package: its OSV ecosystem (OSV schema 1.7, "affected[].package field").

A distribution's package is spoken of by that distribution only. One that publishes nothing in OSV has no ecosystem,
and must never be matched against another's: "" says so.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from tidegate.inventory import Ecosystem, OsRelease, Package, PackageKind

_LANGUAGES: Final[Mapping[PackageKind, Ecosystem]] = {
    PackageKind.BITNAMI: Ecosystem("Bitnami"),
    PackageKind.CARGO: Ecosystem("crates.io"),
    PackageKind.COMPOSER: Ecosystem("Packagist"),
    PackageKind.CONAN: Ecosystem("ConanCenter"),
    PackageKind.CRAN: Ecosystem("CRAN"),
    PackageKind.GEM: Ecosystem("RubyGems"),
    PackageKind.GITHUB: Ecosystem("GitHub Actions"),
    PackageKind.GOLANG: Ecosystem("Go"),
    PackageKind.HACKAGE: Ecosystem("Hackage"),
    PackageKind.HEX: Ecosystem("Hex"),
    PackageKind.JULIA: Ecosystem("Julia"),
    PackageKind.MAVEN: Ecosystem("Maven"),
    PackageKind.NPM: Ecosystem("npm"),
    PackageKind.NUGET: Ecosystem("NuGet"),
    PackageKind.OPAM: Ecosystem("opam"),
    PackageKind.PUB: Ecosystem("Pub"),
    PackageKind.PYPI: Ecosystem("PyPI"),
    PackageKind.SWIFT: Ecosystem("SwiftURL"),
}
"""Kinds with one ecosystem for all the world; conda, CPAN, CocoaPods, LuaRocks, OTP and PEAR have none in OSV."""
_DEBIAN_CODENAMES: Final[Mapping[str, str]] = {
    "buster": "10",
    "bullseye": "11",
    "bookworm": "12",
    "trixie": "13",
    "forky": "14",
    "duke": "15",
}
_NUMBERS: Final = re.compile(r"(\d+)(?:\.(\d+))?")
_UBUNTU_LTS_MONTH: Final = "04"


def ecosystem_of(package: Package, os: OsRelease | None) -> Ecosystem:
    """The ecosystem whose advisories are to be read for a package.

    Args:
        package: as its cataloger read it.
        os: the image's operating system.

    Returns:
        For instance `Debian:12`, `Ubuntu:22.04:LTS`, `Alpine:v3.18`, `AlmaLinux:8`, `PyPI`; "" when OSV has none.
    """
    if package.kind in _LANGUAGES:
        return _LANGUAGES[package.kind]
    written = _DISTRIBUTIONS.get((package.kind, os.id)) if os else None
    return Ecosystem(written(os) if written and os else "")


def _numbered(name: str, *, parts: int = 1, prefix: str = "") -> Callable[[OsRelease], str]:
    """`NAME:PREFIX` and the first one or two numbers of the release; the bare name for a rolling release."""

    def write(os: OsRelease) -> str:
        found = _NUMBERS.match(os.version_id)
        if found is None:
            return name
        major, minor = found.groups()
        return f"{name}:{prefix}{major}" + (f".{minor}" if parts > 1 and minor else "")

    return write


def _fixed(name: str) -> Callable[[OsRelease], str]:
    """One ecosystem for all releases."""
    return lambda _: name


def _debian(os: OsRelease) -> str:
    release = os.version_id.partition(".")[0]
    if not release:  # testing and sid name themselves after the release to come: "trixie/sid"
        codename = os.version_codename or os.pretty_name.rpartition(" ")[2]
        release = _DEBIAN_CODENAMES.get(codename.partition("/")[0], "")
    return f"Debian:{release}" if release else "Debian"


def _ubuntu(os: OsRelease) -> str:
    year, _, month = os.version_id.partition(".")
    is_long_term = month == _UBUNTU_LTS_MONTH and year.isdecimal() and int(year[-2:]) % 2 == 0
    return f"Ubuntu:{os.version_id}:LTS" if is_long_term else f"Ubuntu:{os.version_id}"


def _red_hat(os: OsRelease) -> str:
    # OSV writes the CPE's tail; the base image's own one is the only one that a package's metadata allows.
    major = os.version_id.partition(".")[0]
    return f"Red Hat:enterprise_linux:{major}::{'server' if major == '7' else 'baseos'}"


def _suse(os: OsRelease) -> str:
    major, _, pack = os.version_id.partition(".")
    edition = "Desktop" if os.id == "sled" else "Server"
    return f"SUSE:Linux Enterprise {edition} {major}" + (f" SP{pack}" if pack and pack != "0" else "")


def _open_euler(os: OsRelease) -> str:
    tail = re.search(r"\((LTS[\w-]*)\)", os.pretty_name)
    return f"openEuler:{os.version_id}" + (f"-{tail[1]}" if tail else "")


_APK, _DEB, _RPM = PackageKind.APK, PackageKind.DEB, PackageKind.RPM
_DISTRIBUTIONS: Final[Mapping[tuple[PackageKind, str], Callable[[OsRelease], str]]] = {
    (_APK, "alpine"): _numbered("Alpine", parts=2, prefix="v"),
    (_APK, "wolfi"): _fixed("Wolfi"),
    (_APK, "chainguard"): _fixed("Chainguard"),
    (_APK, "alpaquita"): _numbered("Alpaquita"),
    (_APK, "minimos"): _fixed("MinimOS"),
    (_DEB, "debian"): _debian,
    (_DEB, "ubuntu"): _ubuntu,
    (_DEB, "echo"): _fixed("Echo"),
    (_RPM, "almalinux"): _numbered("AlmaLinux"),
    (_RPM, "rocky"): _numbered("Rocky Linux"),
    (_RPM, "rhel"): _red_hat,
    (_RPM, "opensuse-leap"): lambda os: f"openSUSE:Leap {os.version_id}",
    (_RPM, "opensuse-tumbleweed"): _fixed("openSUSE:Tumbleweed"),
    (_RPM, "sles"): _suse,
    (_RPM, "sled"): _suse,
    (_RPM, "azurelinux"): _numbered("Azure Linux"),
    (_RPM, "mariner"): _numbered("Azure Linux"),
    (_RPM, "photon"): _numbered("Photon OS", parts=2),
    (_RPM, "mageia"): _numbered("Mageia"),
    (_RPM, "openeuler"): _open_euler,
}
"""Kind of package and os-release ID → how its ecosystem is written. Oracle, Amazon, Fedora and CentOS have none."""
