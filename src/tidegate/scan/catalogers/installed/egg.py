# SPDX-License-Identifier: Apache-2.0
"""Python eggs as zip files (setuptools `easy_install`): the metadata in `EGG-INFO` is read out of the archive.

An unpacked egg, a `.dist-info` and an `.egg-info` are read by the `python` cataloger. An `.egg-link` and an
`__editable__` finder name a folder and no version: the metadata that lies there tells of the package.
"""

from typing import Final

from tidegate.bounds import MIB
from tidegate.errors import InvalidInputError
from tidegate.inventory import FileFacts
from tidegate.scan.cataloger import ImageFile, Wants
from tidegate.scan.catalogers.harvest import Harvest
from tidegate.scan.catalogers.installed.zip_archive import ZipArchive
from tidegate.scan.catalogers.python import PythonCataloger
from tidegate.values import replace

MAX_EGG_BYTES: Final = 64 * MIB
MAX_METADATA_BYTES: Final = MIB

_SUFFIX: Final = ".egg"
_METADATA: Final = b"EGG-INFO/PKG-INFO"


class EggCataloger:
    """Reads the metadata of zipped eggs."""

    name = "python-egg"
    version = 1
    wants = Wants(suffixes=frozenset({_SUFFIX}), max_bytes=MAX_EGG_BYTES)

    def accepts(self, path: str) -> bool:
        """True for every `.egg`."""
        return path.endswith(_SUFFIX)

    def catalog(self, file: ImageFile) -> FileFacts:
        """Reads one egg.

        Raises:
            InvalidInputError: it is no zip archive, has no metadata, or that has no name or version.
        """
        harvest = Harvest(path=file.path, cataloger=self.name)
        archive = ZipArchive(file.content, where=file.path)
        members = archive.members(lambda name: name == _METADATA)
        if not members:
            raise InvalidInputError("no EGG-INFO/PKG-INFO in an egg", where=file.path)
        content = bytes(archive.read(members[0], max_bytes=MAX_METADATA_BYTES))
        inner = replace(file, path=f"{file.path}/{members[0].name}", content=content)
        for package in PythonCataloger().catalog(inner).packages:
            harvest.add(package)
        return harvest.facts()
