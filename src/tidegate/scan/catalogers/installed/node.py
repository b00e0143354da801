# SPDX-License-Identifier: Apache-2.0
"""Installed npm packages: `package.json` in trees of npm, yarn, pnpm and bun, and the zip files of yarn's Plug'n'Play.

A package is what lies directly in a `node_modules` folder (or in one of its scopes), and whatever stands outside of
such folders with a name and a version: the application itself, or a distribution's `/usr/share/nodejs`. A manifest
deeper inside a package (a bundled copy, a fixture) is only declared: it is told apart by its basis. The hidden lock
file `node_modules/.package-lock.json` is not read: each package it names tells of itself, if it is there.
"""

import re
from typing import Any, Final

from tidegate.bounds import MIB
from tidegate.errors import InvalidInputError
from tidegate.inventory import Basis, FileFacts, Package, PackageKind, Version
from tidegate.scan.cataloger import ImageFile, Wants
from tidegate.scan.catalogers.harvest import Harvest
from tidegate.scan.catalogers.installed.documents import json_object, list_of, note, notes, object_of, text_of
from tidegate.scan.catalogers.installed.zip_archive import ZipArchive
from tidegate.scan.catalogers.locked.checksums import hexadecimal, integrity

MAX_MANIFEST_BYTES: Final = 8 * MIB
MAX_CACHED_BYTES: Final = 64 * MIB
"""Bytes of a zip file of yarn's; `next`, the largest known, has 45 MiB."""
MAX_MANIFESTS: Final = 1_000
"""Manifests of one zip file of yarn's that are looked at."""

_MANIFEST: Final = "package.json"
_TREE: Final = "node_modules/"
_YARN_CACHES: Final = (".yarn/cache", ".yarn/berry/cache")
_NAME: Final = re.compile(r"(?:@[^/@\s]{1,214}/)?[^/@\s]{1,214}")
_VERSION: Final = re.compile(r"[=v]*(\d[0-9A-Za-z.+_-]{0,255})")


class NodeCataloger:
    """Reads `package.json` of installed packages, also out of yarn's zip files."""

    name = "node"
    version = 1
    wants = Wants(names=frozenset({_MANIFEST}), suffixes=frozenset({".zip"}), max_bytes=MAX_CACHED_BYTES)

    def accepts(self, path: str) -> bool:
        """True for every `package.json`, and for zip files in a cache of yarn's."""
        folder, _, base = path.rpartition("/")
        return base == _MANIFEST or (folder.endswith(_YARN_CACHES) and base.endswith(".zip"))

    def catalog(self, file: ImageFile) -> FileFacts:
        """Reads one manifest, or those of one zip file.

        Raises:
            InvalidInputError: an installed package's manifest is no JSON object, or over `MAX_MANIFEST_BYTES`.
        """
        harvest = Harvest(path=file.path, cataloger=self.name)
        if file.path.endswith(".zip"):
            _read_zip(file, harvest)
        else:
            _read_manifest(file.content, file.path, harvest)
        return harvest.facts()


class SourceNodeCataloger(NodeCataloger):
    """The same of a folder of sources, where a manifest outside of `node_modules` is a project's own."""

    def accepts(self, path: str) -> bool:
        """True for what lies in a tree of installed packages, and for zip files in a cache of yarn's."""
        return super().accepts(path) and (_TREE in path or not path.endswith(_MANIFEST))


def _read_zip(file: ImageFile, harvest: Harvest) -> None:
    archive = ZipArchive(file.content, where=file.path)
    members = archive.members(lambda name: name.endswith(b"/package.json"))
    for member in members[:MAX_MANIFESTS]:
        if _is_root(member.name):
            try:
                content = archive.read(member, max_bytes=MAX_MANIFEST_BYTES)
                _read_manifest(bytes(content), member.name, harvest)
            except InvalidInputError as error:
                harvest.defect(str(error))
    if archive.defect:
        harvest.defect(archive.defect)


def _read_manifest(content: bytes, path: str, harvest: Harvest) -> None:
    basis = Basis.INSTALLED if _is_root(path) or _TREE not in path else Basis.DECLARED
    try:
        manifest = json_object(content, where=path)
    except InvalidInputError:
        if basis is Basis.INSTALLED:
            raise
        return  # packages bring broken manifests along to test what they make of them
    package = _package(manifest, basis)
    if package is not None:
        harvest.add(package)


def _is_root(path: str) -> bool:
    """True for the manifest of a package itself: `node_modules/name/package.json`, or with a scope before the name."""
    parts = path.split("/")
    place = -3 if len(parts) < 4 or not parts[-3].startswith("@") else -4  # noqa: PLR2004 - folder, scope, name, file
    return len(parts) >= -place and parts[place] == "node_modules"


def _package(manifest: dict[str, Any], basis: Basis) -> Package | None:
    name, version = text_of(manifest.get("name")), _VERSION.fullmatch(text_of(manifest.get("version")).strip())
    if not _NAME.fullmatch(name) or version is None:
        return None
    return Package(
        kind=PackageKind.NPM,
        name=name,
        version=Version(version[1]),
        licenses=_licenses(manifest),
        supplier=_person(manifest.get("author")),
        deprecated=note(manifest.get("deprecated")),
        checksums=integrity(text_of(manifest.get("_integrity"))) or hexadecimal(text_of(manifest.get("_shasum"))),
        basis=basis,
    )


def _licenses(manifest: dict[str, Any]) -> tuple[str, ...]:
    stated = [manifest.get("license"), *list_of(manifest.get("license")), *list_of(manifest.get("licenses"))]
    return notes(object_of(one).get("type") if isinstance(one, dict) else one for one in stated)


def _person(author: object) -> str:
    if isinstance(author, dict):
        name, mail = note(author.get("name")), note(author.get("email"))
        return f"{name} <{mail}>" if name and mail else name or mail
    return note(author)
