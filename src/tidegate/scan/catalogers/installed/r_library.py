# SPDX-License-Identifier: Apache-2.0
"""Installed R packages: the `DESCRIPTION` in a library (Writing R Extensions, 1.1.1); `Built` marks one."""

from typing import Final

from tidegate.bounds import MIB
from tidegate.inventory import FileFacts, Package, PackageKind, Version
from tidegate.scan.cataloger import ImageFile, Wants
from tidegate.scan.catalogers.fields import headers
from tidegate.scan.catalogers.harvest import Harvest
from tidegate.scan.catalogers.installed.documents import note, notes

MAX_DESCRIPTION_BYTES: Final = MIB

_FIELDS: Final = frozenset({"package", "version", "license", "built", "maintainer", "repository"})


class RLibraryCataloger:
    """Reads `DESCRIPTION` of installed R packages; one of a package's sources is passed over."""

    name = "r-library"
    version = 1
    wants = Wants(names=frozenset({"DESCRIPTION"}), max_bytes=MAX_DESCRIPTION_BYTES)

    def accepts(self, path: str) -> bool:
        """True for every `DESCRIPTION` in a folder."""
        return path.endswith("/DESCRIPTION")

    def catalog(self, file: ImageFile) -> FileFacts:
        """Reads one package.

        Raises:
            InvalidInputError: an installed package without name or version.
        """
        harvest = Harvest(path=file.path, cataloger=self.name)
        found = {key: values[0] for key, values in headers(file.content.decode(errors="replace"), _FIELDS).items()}
        if "package" in found and ("built" in found or _is_in_library(file.path, found["package"])):
            harvest.add(
                Package(
                    kind=PackageKind.CRAN,
                    name=found["package"],
                    version=Version(found.get("version", "")),
                    licenses=notes([found.get("license", "")]),
                    supplier=note(found.get("maintainer", "")),
                )
            )
        return harvest.facts()


def _is_in_library(path: str, package: str) -> bool:
    """True for `library/NAME/DESCRIPTION`: R's own translations are installed without a mark."""
    parts = path.split("/")
    return parts[-2] == package and len(parts) > 2 and parts[-3].endswith("library")  # noqa: PLR2004 - library, package
