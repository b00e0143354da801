# SPDX-License-Identifier: Apache-2.0
"""Python packages as zip files: eggs (setuptools `easy_install`) and wheels (binary distribution format 1.0).

A wheel that lies in an image can be run from where it is, and `ensurepip` and `virtualenv` install theirs without
asking anybody: it is told like an installed package, with the copies that were vendored into it. Everything unpacked
is read by the `python` cataloger. An `.egg-link` and an `__editable__` finder name a folder and no version: the
metadata that lies there tells of the package.
"""

from typing import Final

from tidegate.bounds import MIB
from tidegate.errors import InvalidInputError
from tidegate.inventory import FileFacts
from tidegate.scan.cataloger import ImageFile, Wants
from tidegate.scan.catalogers.harvest import Harvest
from tidegate.scan.catalogers.installed.zip_archive import ZipArchive, ZipMember
from tidegate.scan.catalogers.python import PythonCataloger
from tidegate.values import replace

MAX_ARCHIVE_BYTES: Final = 192 * MIB
MAX_METADATA_BYTES: Final = MIB
MAX_DISTRIBUTIONS: Final = 1_000
"""Distributions in one archive that are read; the largest known brings some twenty."""

_SUFFIXES: Final = (".egg", ".whl")
_OWN: Final = "EGG-INFO/PKG-INFO"
_METADATA: Final = (b".dist-info/METADATA", b"EGG-INFO/PKG-INFO", b".egg-info/PKG-INFO")


class EggCataloger:
    """Reads the metadata of zipped eggs and of wheels."""

    name = "python-egg"
    version = 2
    wants = Wants(suffixes=frozenset(_SUFFIXES), max_bytes=MAX_ARCHIVE_BYTES)

    def accepts(self, path: str) -> bool:
        """True for every `.egg` and `.whl`."""
        return path.endswith(_SUFFIXES)

    def catalog(self, file: ImageFile) -> FileFacts:
        """Reads one archive.

        Raises:
            PartialError: some of its metadata cannot be read.
            InvalidInputError: it is no zip archive, has no metadata, or none that has a name and a version.
        """
        harvest = Harvest(path=file.path, cataloger=self.name)
        archive = ZipArchive(file.content, where=file.path)
        members = archive.members(lambda name: name.endswith(_METADATA))
        if not members:
            raise InvalidInputError("no metadata of a Python distribution in an egg or a wheel", where=file.path)
        for member in members[:MAX_DISTRIBUTIONS]:
            try:
                _read(file, archive, member, harvest)
            except InvalidInputError as error:
                harvest.defect(str(error))
        if len(members) > MAX_DISTRIBUTIONS:
            harvest.defect(f"over the limit MAX_DISTRIBUTIONS = {MAX_DISTRIBUTIONS}")
        return harvest.facts()


def _read(file: ImageFile, archive: ZipArchive, member: ZipMember, harvest: Harvest) -> None:
    path = f"{file.path}/{member.name}"
    if not (member.name == _OWN or PythonCataloger().accepts(path)):
        return
    content = bytes(archive.read(member, max_bytes=MAX_METADATA_BYTES))
    for package in PythonCataloger().catalog(replace(file, path=path, content=content)).packages:
        harvest.add(package)
