# SPDX-License-Identifier: Apache-2.0
"""Installed PEAR and PECL packages: `.registry/*.reg`, one serialised PHP array a package.

Only the texts that are wanted are looked for, each by its own length; nothing is unserialised.
"""

import re
from typing import Final

from tidegate.bounds import MIB
from tidegate.errors import InvalidInputError
from tidegate.inventory import FileFacts, Package, PackageKind, Version
from tidegate.scan.cataloger import ImageFile, Wants
from tidegate.scan.catalogers.harvest import Harvest
from tidegate.scan.catalogers.installed.documents import notes

MAX_REGISTRY_BYTES: Final = 4 * MIB

_NAME: Final = re.compile(r'(?:^a:\d{1,6}:\{|[;}])s:(?:4:"name"|7:"package");s:\d{1,4}:"([A-Za-z0-9_.-]{1,200})";')
_CHANNEL: Final = re.compile(r's:7:"channel";s:\d{1,4}:"([A-Za-z0-9_./-]{1,200})";')
_VERSION: Final = re.compile(r's:7:"version";a:\d{1,4}:\{s:7:"release";s:\d{1,4}:"([^"\s]{1,200})";')
_VERSION_1: Final = re.compile(r's:7:"version";s:\d{1,4}:"([^"\s]{1,200})";s:12:"release_date"')
_LICENSE: Final = re.compile(
    r's:(?:7:"license|15:"release_license)";(?:a:\d:\{.{0,400}?s:8:"_content";)?s:\d{1,4}:"([^"]{1,200})";'
)


class PearCataloger:
    """Reads PEAR's registry."""

    name = "pear"
    version = 1
    wants = Wants(suffixes=frozenset({".reg"}), max_bytes=MAX_REGISTRY_BYTES)

    def accepts(self, path: str) -> bool:
        """True in a folder `.registry`, or in one of a channel inside it."""
        return path.endswith(".reg") and ("/.registry/" in path or path.startswith(".registry/"))

    def catalog(self, file: ImageFile) -> FileFacts:
        """Reads one package; its name bears its channel, as `pear.php.net/Archive_Tar`.

        Raises:
            InvalidInputError: no name or no version in it.
        """
        harvest = Harvest(path=file.path, cataloger=self.name)
        text = file.content.decode(errors="replace")
        name, channel = _NAME.search(text), _CHANNEL.search(text)
        version = _VERSION.search(text) or _VERSION_1.search(text)
        if name is None or version is None:
            raise InvalidInputError("no name or no version of a PEAR package", where=file.path)
        license_ = _LICENSE.search(text)
        harvest.add(
            Package(
                kind=PackageKind.PEAR,
                name=f"{channel[1] if channel else 'pear.php.net'}/{name[1]}",
                version=Version(version[1]),
                licenses=notes([license_[1]]) if license_ else (),
            )
        )
        return harvest.facts()
