# SPDX-License-Identifier: Apache-2.0
"""Installed PHP packages: `vendor/composer/installed.json` of Composer 1 (a list) and 2 (an object)."""

from typing import Any, Final

from tidegate.bounds import MIB
from tidegate.inventory import FileFacts, Package, PackageKind, Scope, Version
from tidegate.scan.cataloger import ImageFile, Wants
from tidegate.scan.catalogers.harvest import Harvest
from tidegate.scan.catalogers.installed.documents import json_object, list_of, note, notes, object_of, text_of
from tidegate.scan.catalogers.locked.checksums import hexadecimal

MAX_INSTALLED_BYTES: Final = 32 * MIB
MAX_AUTHORS: Final = 3
"""Authors named as the supplier."""

_INSTALLED: Final = "installed.json"


class ComposerCataloger:
    """Reads what Composer says it installed; packages for development only are told apart."""

    name = "composer"
    version = 1
    wants = Wants(names=frozenset({_INSTALLED}), max_bytes=MAX_INSTALLED_BYTES)

    def accepts(self, path: str) -> bool:
        """True in a folder `composer`, as it lies in `vendor` or whatever a project calls it."""
        return path.endswith(f"/composer/{_INSTALLED}") or path == f"composer/{_INSTALLED}"

    def catalog(self, file: ImageFile) -> FileFacts:
        """Reads all packages of one `vendor` folder.

        Raises:
            PartialError: an entry has no name or no version.
            InvalidInputError: it is not JSON, or of neither form.
        """
        harvest = Harvest(path=file.path, cataloger=self.name)
        content = file.content.strip()
        if content.startswith(b"["):
            content = b'{"packages":' + content + b"}"
        document = json_object(content, where=file.path)
        development = {text_of(name).lower() for name in list_of(document.get("dev-package-names"))}
        for entry in list_of(document.get("packages")):
            harvest.add(_package(object_of(entry), development))
        return harvest.facts()


def _package(entry: dict[str, Any], development: set[str]) -> Package:
    name = text_of(entry.get("name"))
    distribution, source = object_of(entry.get("dist")), object_of(entry.get("source"))
    stated = entry.get("license")
    return Package(
        kind=PackageKind.COMPOSER,
        name=name.lower(),
        version=Version(text_of(entry.get("version"))),
        licenses=notes([stated] if isinstance(stated, str) else list_of(stated)),
        supplier=_authors(entry),
        scope=Scope.DEVELOPMENT if name.lower() in development else Scope.RUNTIME,
        deprecated=_abandoned(entry.get("abandoned")),
        checksums=hexadecimal(text_of(distribution.get("shasum"))),
        qualifiers=_vcs(text_of(entry.get("version")), source),
    )


def _authors(entry: dict[str, Any]) -> str:
    people = (note(object_of(author).get("name")) for author in list_of(entry.get("authors"))[:MAX_AUTHORS])
    return note(", ".join(filter(None, people)))


def _abandoned(stated: object) -> str:
    if isinstance(stated, str) and stated:
        return f"abandoned, use {note(stated)}"
    return "abandoned" if stated is True else ""


def _vcs(version: str, source: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Where a development version comes from: its name alone (`dev-main`) does not tell which one it is."""
    url, reference = note(source.get("url")), note(source.get("reference"))
    if not version.startswith("dev-") or not url or text_of(source.get("type")) != "git":
        return ()
    return (("vcs_url", f"git+{url}@{reference}"),)
