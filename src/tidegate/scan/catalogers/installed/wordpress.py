# SPDX-License-Identifier: Apache-2.0
"""WordPress: its own version (`wp-includes/version.php`), and plugins and themes by the header of their main file.

The files are PHP code and style sheets; only the documented lines are looked for (Plugin Handbook, "Header
Requirements"; Theme Handbook, "Main Stylesheet"). There is no package URL type for them: they are `pkg:generic` in a
namespace of their own.
"""

import re
from typing import Final

from tidegate.bounds import KIB, MIB
from tidegate.inventory import FileFacts, Package, PackageKind, Version
from tidegate.scan.cataloger import ImageFile, Wants
from tidegate.scan.catalogers.harvest import Harvest
from tidegate.scan.catalogers.installed.documents import note, notes

MAX_FILE_BYTES: Final = 4 * MIB
MAX_HEADER_BYTES: Final = 8 * KIB
"""Where WordPress itself stops looking for a header."""

_CORE: Final = "wp-includes/version.php"
_PLACE: Final = re.compile(r"(?:.*/)?wp-content/(?:plugins/([^/]+)/[^/]+\.php|themes/([^/]+)/style\.css)")
_VERSION: Final = re.compile(r"""^\$wp_version\s{0,9}=\s{0,9}["'](\d[0-9A-Za-z.+-]{0,60})["'];""", re.MULTILINE)
_FIELD: Final = re.compile(r"^[ \t/*#@]{0,40}(Plugin Name|Theme Name|Version|License|Author):(.{0,400})$", re.MULTILINE)


class WordPressCataloger:
    """Reads WordPress and what was added to it."""

    name = "wordpress"
    version = 1
    wants = Wants(names=frozenset({"style.css"}), suffixes=frozenset({".php"}), max_bytes=MAX_FILE_BYTES)

    def accepts(self, path: str) -> bool:
        """True for the version file, for PHP files on top of a plugin, and for a theme's style sheet."""
        return path.endswith(_CORE) or ("wp-content/" in path and _PLACE.fullmatch(path) is not None)

    def catalog(self, file: ImageFile) -> FileFacts:
        """Reads one file; one without a header tells of nothing.

        Raises:
            InvalidInputError: a header with a malformed version.
        """
        harvest = Harvest(path=file.path, cataloger=self.name)
        text = file.content[:MAX_HEADER_BYTES].decode(errors="replace").replace("\r", "\n")
        if file.path.endswith(_CORE):
            found = _VERSION.search(text)
            if found:
                harvest.add(Package(kind=PackageKind.GENERIC, name="wordpress", version=Version(found[1])))
            return harvest.facts()
        place = _PLACE.fullmatch(file.path)
        told: dict[str, str] = {}
        for key, value in _FIELD.findall(text):
            told.setdefault(key, value.strip().removesuffix("*/").strip())
        if place is not None and told.get("Version") and (told.get("Plugin Name") or told.get("Theme Name")):
            harvest.add(
                Package(
                    kind=PackageKind.GENERIC,
                    namespace="wordpress-plugin" if place[1] else "wordpress-theme",
                    name=place[1] or place[2],
                    version=Version(told["Version"]),
                    licenses=notes([told.get("License", "")]),
                    supplier=note(told.get("Author", "")),
                )
            )
        return harvest.facts()
