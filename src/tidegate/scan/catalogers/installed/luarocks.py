# SPDX-License-Identifier: Apache-2.0
"""Installed Lua rocks: the `*.rockspec` LuaRocks keeps in its tree, `rocks-5.4/NAME/VERSION/NAME-VERSION.rockspec`.

A rockspec is Lua code; the folders tell name and version, and only the licence is looked for in it, as a plain literal.
"""

import re
from typing import Final

from tidegate.bounds import MIB
from tidegate.inventory import FileFacts, Package, PackageKind, Version
from tidegate.scan.cataloger import ImageFile, Wants
from tidegate.scan.catalogers.harvest import Harvest
from tidegate.scan.catalogers.installed.documents import notes

MAX_ROCKSPEC_BYTES: Final = MIB

_PLACE: Final = re.compile(r"(?:.*/)?rocks(?:-5\.\d)?/([^/]{1,200})/([^/]{1,200})/[^/]*\.rockspec")
_LICENSE: Final = re.compile(r"""^\s{0,40}license\s{0,40}=\s{0,40}["']([^"'\n]{1,200})["']""", re.MULTILINE)


class LuaRocksCataloger:
    """Reads the tree of LuaRocks."""

    name = "luarocks"
    version = 1
    wants = Wants(suffixes=frozenset({".rockspec"}), max_bytes=MAX_ROCKSPEC_BYTES)

    def accepts(self, path: str) -> bool:
        """True in a tree of LuaRocks; a rockspec among a project's sources is passed over."""
        found = _PLACE.fullmatch(path)
        return found is not None and path.endswith(f"/{found[1]}-{found[2]}.rockspec")

    def catalog(self, file: ImageFile) -> FileFacts:
        """Reads one rock; its version bears the revision of the rockspec, `2.1.0-1`.

        Raises:
            InvalidInputError: its name or version is malformed.
        """
        harvest = Harvest(path=file.path, cataloger=self.name)
        place = _PLACE.fullmatch(file.path)
        stated = _LICENSE.search(file.content.decode(errors="replace"))
        if place is not None:
            harvest.add(
                Package(
                    kind=PackageKind.LUAROCKS,
                    name=place[1],
                    version=Version(place[2]),
                    licenses=notes([stated[1]]) if stated else (),
                )
            )
        return harvest.facts()
