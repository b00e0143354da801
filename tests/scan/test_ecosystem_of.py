# SPDX-License-Identifier: Apache-2.0
"""Ecosystems as OSV writes them."""

import json
import re
from pathlib import Path

import pytest

from tidegate.inventory import OsRelease, Package, PackageKind, Version
from tidegate.scan.ecosystem import ecosystem_of

APK, DEB, RPM, PYPI = PackageKind.APK, PackageKind.DEB, PackageKind.RPM, PackageKind.PYPI
CASES = [
    (APK, "alpine", "3.18.9", "", "Alpine:v3.18"),
    (APK, "alpine", "3.21_alpha20240807", "", "Alpine:v3.21"),
    (APK, "wolfi", "20230201", "", "Wolfi"),
    (APK, "chainguard", "20230214", "", "Chainguard"),
    (DEB, "debian", "12", "", "Debian:12"),
    (DEB, "debian", "", "trixie", "Debian:13"),
    (DEB, "debian", "", "", "Debian"),
    (DEB, "ubuntu", "22.04", "", "Ubuntu:22.04:LTS"),
    (DEB, "ubuntu", "23.04", "", "Ubuntu:23.04"),
    (DEB, "ubuntu", "23.10", "", "Ubuntu:23.10"),
    (RPM, "almalinux", "8.9", "", "AlmaLinux:8"),
    (RPM, "rocky", "9.4", "", "Rocky Linux:9"),
    (RPM, "rhel", "9.4", "", "Red Hat:enterprise_linux:9::baseos"),
    (RPM, "rhel", "7.9", "", "Red Hat:enterprise_linux:7::server"),
    (RPM, "opensuse-leap", "15.6", "", "openSUSE:Leap 15.6"),
    (RPM, "opensuse-tumbleweed", "20240101", "", "openSUSE:Tumbleweed"),
    (RPM, "sles", "15.5", "", "SUSE:Linux Enterprise Server 15 SP5"),
    (RPM, "sles", "15", "", "SUSE:Linux Enterprise Server 15"),
    (RPM, "azurelinux", "3.0", "", "Azure Linux:3"),
    (RPM, "mariner", "2.0", "", "Azure Linux:2"),
    (RPM, "photon", "5.0", "", "Photon OS:5.0"),
    (RPM, "mageia", "9", "", "Mageia:9"),
    (RPM, "fedora", "40", "", ""),
    (RPM, "amzn", "2023", "", ""),
    (RPM, "debian", "12", "", ""),
    (DEB, "alpine", "3.18.9", "", ""),
    (PYPI, "debian", "12", "", "PyPI"),
    (PackageKind.NPM, "debian", "12", "", "npm"),
    (PackageKind.MAVEN, "alpine", "3.18.9", "", "Maven"),
    (PackageKind.GOLANG, "wolfi", "1", "", "Go"),
    (PackageKind.CARGO, "wolfi", "1", "", "crates.io"),
    (PackageKind.COMPOSER, "wolfi", "1", "", "Packagist"),
]
NOT_IN_OSV = {
    PackageKind.COCOAPODS,
    PackageKind.CONDA,
    PackageKind.CPAN,
    PackageKind.GENERIC,
    PackageKind.LUAROCKS,
    PackageKind.OTP,
    PackageKind.PEAR,
}


@pytest.mark.parametrize(("kind", "identity", "version", "codename", "ecosystem"), CASES)
def test_known_ecosystems(kind: PackageKind, identity: str, version: str, codename: str, ecosystem: str) -> None:
    os = OsRelease(id=identity, version_id=version, version_codename=codename)
    assert ecosystem_of(Package(kind=kind, name="a", version=Version("1")), os) == ecosystem


def test_a_distributions_package_without_its_distribution_has_none() -> None:
    without = {kind for kind in PackageKind if kind.is_of_distribution} | NOT_IN_OSV
    for kind in PackageKind:
        assert bool(ecosystem_of(Package(kind=kind, name="a", version=Version("1")), None)) == (kind not in without)


def test_sid_is_told_by_its_pretty_name_where_there_is_no_codename() -> None:
    os = OsRelease(id="debian", pretty_name="Debian GNU/Linux forky/sid")
    assert ecosystem_of(Package(kind=DEB, name="a", version=Version("1")), os) == "Debian:14"


@pytest.mark.shared_data
def test_every_ecosystem_is_one_of_osvs_schema(shared_data: Path) -> None:
    schema = json.loads((shared_data / "schema" / "osv-schema.json").read_bytes())
    pattern = re.compile(schema["$defs"]["ecosystemWithSuffix"]["pattern"])
    assert all(pattern.search(ecosystem) for *_, ecosystem in CASES if ecosystem)


@pytest.mark.shared_data
def test_the_data_sets_own_ecosystems_are_written_alike(shared_data: Path) -> None:
    folders = {path.name for path in (shared_data / "osv").iterdir()}
    written = {ecosystem for *_, ecosystem in CASES}
    assert {"Debian:12", "Debian:13", "Alpine:v3.18", "AlmaLinux:8", "Wolfi", "PyPI"} <= folders & written
