# SPDX-License-Identifier: Apache-2.0
"""What package managers wrote into an image of the packages they installed, beyond what a scan keeps.

rpm: the signature over each header. apk: the checksum of each package (`C:`).
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Final

from tidegate.development.origin.rpm_signatures import InstalledPackage, verify_installed
from tidegate.development.origin.verdict import Told
from tidegate.inventory import Inventory, PackageKind
from tidegate.scan.catalogers.apk import ApkCataloger, entries_in
from tidegate.scan.catalogers.rpm import RpmCataloger
from tidegate.values import Struct, field

MAX_BYTES: Final = max(RpmCataloger.wants.max_bytes, ApkCataloger.wants.max_bytes)
"""Of one file."""


class Installed(Struct, frozen=True, kw_only=True):
    """What was read of installed packages.

    Attributes:
        rpm: what the signatures say that rpm kept.
        apk: checksums of packages as apk's database states them, "" for none; two where it has a package twice.
    """

    rpm: Mapping[InstalledPackage, Told] = field(default_factory=dict)
    apk: Mapping[InstalledPackage, AbstractSet[str]] = field(default_factory=dict)


NOTHING_READ: Final = Installed()


def databases_of(inventory: Inventory, kind: PackageKind) -> frozenset[str]:
    """Paths of the databases that packages of a kind, rpm or apk, were found in."""
    cataloger = RpmCataloger() if kind is PackageKind.RPM else ApkCataloger()
    found = {it.location for it in inventory.components if it.kind is kind}
    return frozenset(path for path in found if cataloger.accepts(path))


def read_installed(rpm: Mapping[str, bytes], apk: Mapping[str, bytes], *, openpgp: bytes) -> Installed:
    """Reads databases.

    Args:
        rpm: content of rpm's databases by path, `apk` of apk's.
        apk: see `rpm`.
        openpgp: keys that sign packages of rpm; without one, none of them is verified.

    Raises:
        BoundExceededError: a database has too many packages, or files.
        InvalidInputError: there is no key in `openpgp`, or a file is no database.
        OutsideError: gpg cannot be run.
    """
    sums: dict[InstalledPackage, set[str]] = {}
    for path, content in apk.items():
        for entry in entries_in(content):
            said = entry.fields
            package = (path, said.get("P:", ""), said.get("V:", ""), said.get("A:", ""))
            sums.setdefault(package, set()).add(said.get("C:", ""))
    return Installed(rpm=verify_installed(rpm, openpgp=openpgp) if rpm and openpgp else {}, apk=sums)
