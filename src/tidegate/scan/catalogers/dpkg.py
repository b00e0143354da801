# SPDX-License-Identifier: Apache-2.0
"""Installed packages of Debian, Ubuntu and their kin: dpkg's status database (deb822(5), dpkg-query(1)).

Whole distributions keep one `status` file and a list of paths for each package; minimal images (distroless) keep one
status paragraph a package in `status.d`, with the sums of its files beside it.
"""

import io
from collections.abc import Iterator
from itertools import chain, pairwise
from typing import Final

from tidegate.bounds import MIB
from tidegate.inventory import FileFacts, Package, PackageKind, Version
from tidegate.scan.cataloger import ImageFile, Wants
from tidegate.scan.catalogers.fields import paragraphs
from tidegate.scan.catalogers.harvest import Harvest

_STATUS: Final = "var/lib/dpkg/status"
_STATUS_FOLDER: Final = "var/lib/dpkg/status.d"
_INFO_FOLDER: Final = "var/lib/dpkg/info"
_LIST: Final = ".list"
_SUMS: Final = ".md5sums"
_FIELDS: Final = frozenset({b"package", b"status", b"version", b"source", b"architecture"})
_GONE: Final = frozenset({"not-installed", "config-files"})
"""States in which none of a package's programs is left; every other state has files on the disk."""


class DpkgCataloger:
    """Reads `var/lib/dpkg`: status, status.d, and the path lists in info."""

    name = "dpkg"
    version = 1
    wants = Wants(paths=frozenset({_STATUS}), folders=frozenset({_STATUS_FOLDER, _INFO_FOLDER}), max_bytes=32 * MIB)

    def accepts(self, path: str) -> bool:
        """True for the status files and the path lists; not for the scripts beside them."""
        folder, _, base = path.rpartition("/")
        if folder == _INFO_FOLDER:
            return base.endswith((_LIST, _SUMS))
        return path == _STATUS or (folder == _STATUS_FOLDER and bool(base))

    def catalog(self, file: ImageFile) -> FileFacts:
        """Reads packages of a status file, or the paths of one package.

        Raises:
            PartialError: an entry has no name or no version.
            InvalidInputError: no entry could be read, or a bound is exceeded.
        """
        harvest = Harvest(path=file.path, cataloger=self.name)
        base = file.path.rpartition("/")[2]
        if file.path != _STATUS and base.endswith(_LIST):
            harvest.own(_package_of(base, _LIST), _listed(file.content))
        elif file.path != _STATUS and base.endswith(_SUMS):
            harvest.own(_package_of(base, _SUMS), _summed(file.content))
        else:
            _read_status(file.content, harvest)
        return harvest.facts()


def _read_status(content: bytes, harvest: Harvest) -> None:
    found = False
    for fields in paragraphs(content, _FIELDS):
        found = True
        if fields.get("status", "").rpartition(" ")[2] not in _GONE:
            harvest.add(_package(fields))
    if not found and not content.isspace() and content:
        harvest.defect("no deb822 paragraph in it")


def _package(fields: dict[str, str]) -> Package:
    name, version = fields.get("package", ""), fields.get("version", "")
    source, _, rest = fields.get("source", "").partition(" ")
    source_version = rest.strip("() ")
    return Package(
        kind=PackageKind.DEB,
        name=name,
        version=Version(version),
        source_name="" if source == name else source,
        source_version="" if source_version == version else source_version,
        architecture=fields.get("architecture", ""),
    )


def _package_of(base: str, suffix: str) -> str:
    return base.removesuffix(suffix).partition(":")[0]  # libc6:amd64.list


def _listed(content: bytes) -> Iterator[str]:
    lines = (line.decode(errors="replace").strip("\n") for line in io.BytesIO(content) if line.startswith(b"/"))
    paths = (path for line in lines if line != "/." and (path := line.lstrip("/")))
    # A folder is followed by what it holds; that is the only mark of a folder in this format.
    return (path for path, following in pairwise(chain(paths, [""])) if not following.startswith(path + "/"))


def _summed(content: bytes) -> Iterator[str]:
    # An MD5 in hex, two columns of space, a path without its leading slash (some builders write one, or "./").
    lines = (line.decode(errors="replace").strip("\n") for line in io.BytesIO(content))
    names = (line.partition("  ")[2] or line.partition(" ")[2] for line in lines)
    return (path for name in names if (path := name.removeprefix(".").lstrip("/")))
