# SPDX-License-Identifier: Apache-2.0
"""Installed packages of opkg (OpenWrt, Yocto): its status file in dpkg's form, and the path lists beside it."""

import io
from collections.abc import Iterator
from typing import Final

from tidegate.bounds import MIB
from tidegate.inventory import FileFacts, Package, PackageKind, Version
from tidegate.scan.cataloger import ImageFile, Wants
from tidegate.scan.catalogers.fields import paragraphs
from tidegate.scan.catalogers.harvest import Harvest
from tidegate.scan.catalogers.installed.documents import note, notes
from tidegate.scan.catalogers.installed.paths import below

MAX_STATUS_BYTES: Final = 32 * MIB

_ROOTS: Final = ("usr/lib/opkg", "var/lib/opkg")
_LIST: Final = ".list"
_FIELDS: Final = frozenset({b"package", b"version", b"status", b"architecture", b"license", b"maintainer"})
_GONE: Final = frozenset({"not-installed", "config-files"})


class OpkgCataloger:
    """Reads opkg's status, and the path lists in `info`."""

    name = "opkg"
    version = 1
    wants = Wants(
        paths=frozenset(f"{root}/status" for root in _ROOTS),
        folders=frozenset(f"{root}/info" for root in _ROOTS),
        max_bytes=MAX_STATUS_BYTES,
    )

    def accepts(self, path: str) -> bool:
        """True for the status files and the path lists."""
        return path in self.wants.paths or (path.rpartition("/")[0] in self.wants.folders and path.endswith(_LIST))

    def catalog(self, file: ImageFile) -> FileFacts:
        """Reads packages of a status file, or the paths of one package.

        Raises:
            PartialError: an entry has no name or no version.
            InvalidInputError: no entry could be read, or a bound is exceeded.
        """
        harvest = Harvest(path=file.path, cataloger=self.name)
        if file.path in self.wants.paths:
            for fields in paragraphs(file.content, _FIELDS):
                if fields.get("status", "").rpartition(" ")[2] not in _GONE:
                    harvest.add(_package(fields))
        else:
            harvest.own(file.path.rpartition("/")[2].removesuffix(_LIST), _listed(file.content))
        return harvest.facts()


def _package(fields: dict[str, str]) -> Package:
    return Package(
        kind=PackageKind.OPKG,
        name=fields.get("package", ""),
        version=Version(fields.get("version", "")),
        architecture=fields.get("architecture", ""),
        licenses=notes([fields.get("license", "")]),
        supplier=note(fields.get("maintainer", "")),
    )


def _listed(content: bytes) -> Iterator[str]:
    # Some builds write the mode behind a tab.
    lines = (line.decode(errors="replace").rstrip("\n").partition("\t")[0] for line in io.BytesIO(content))
    return (path for line in lines if (path := below("", line)))
