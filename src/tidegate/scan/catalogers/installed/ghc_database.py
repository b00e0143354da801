# SPDX-License-Identifier: Apache-2.0
"""Installed Haskell packages: GHC's package database, one `*.conf` a package (Cabal, InstalledPackageInfo)."""

from typing import Final

from tidegate.bounds import MIB
from tidegate.inventory import FileFacts, Package, PackageKind, Version
from tidegate.scan.cataloger import ImageFile, Wants
from tidegate.scan.catalogers.fields import headers
from tidegate.scan.catalogers.harvest import Harvest
from tidegate.scan.catalogers.installed.documents import note, notes

MAX_CONF_BYTES: Final = MIB

_FIELDS: Final = frozenset({"name", "version", "license", "maintainer"})
_FOLDERS: Final = ("package.conf.d", "package.db")


class GhcDatabaseCataloger:
    """Reads GHC's package databases, global and of a store."""

    name = "ghc-database"
    version = 1
    wants = Wants(suffixes=frozenset({".conf"}), max_bytes=MAX_CONF_BYTES)

    def accepts(self, path: str) -> bool:
        """True directly in a folder `package.conf.d` or `package.db`."""
        return path.endswith(".conf") and path.rpartition("/")[0].endswith(_FOLDERS)

    def catalog(self, file: ImageFile) -> FileFacts:
        """Reads one package.

        Raises:
            InvalidInputError: no name or no version in it.
        """
        harvest = Harvest(path=file.path, cataloger=self.name)
        told = headers(file.content.decode(errors="replace"), _FIELDS)
        found = {key: values[0] for key, values in told.items() if values}
        harvest.add(
            Package(
                kind=PackageKind.HACKAGE,
                name=found.get("name", ""),
                version=Version(found.get("version", "")),
                licenses=notes([found.get("license", "")]),
                supplier=note(found.get("maintainer", "")),
            )
        )
        return harvest.facts()
