# SPDX-License-Identifier: Apache-2.0
"""NuGet: `packages.lock.json`, `project.assets.json`, `packages.config`, and the versions projects declare."""

import re
from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element  # the type only

from tidegate.bounds import MIB
from tidegate.errors import InvalidInputError
from tidegate.inventory import Basis, PackageKind, Scope
from tidegate.manifests.xml_document import children, read_xml, said, tag
from tidegate.scan.cataloger import ReadBeside, Wants
from tidegate.scan.catalogers.locked.checksums import base64_of
from tidegate.scan.catalogers.locked.form import LockedForm, named, neighbour
from tidegate.scan.catalogers.locked.gathering import Gathering
from tidegate.scan.catalogers.locked.json_form import Raw, decoded, entry
from tidegate.values import Struct, field

MAX_FOLDERS_UP: Final = 32
MAX_REPLACEMENTS: Final = 16

_PROPERTY: Final = re.compile(r"\$\(([^$()]{1,200})\)")
_VERSION: Final = re.compile(r"\[?\s*(\d[0-9A-Za-z.+-]{0,200})\s*\]?")
_CENTRAL: Final = "Directory.Packages.props"
_PROJECTS: Final = frozenset({".csproj", ".fsproj", ".vbproj"})


class _Locked(Struct, frozen=True):
    type: str = ""
    resolved: str = ""
    hash: str = field(default="", name="contentHash")


class _Lock(Struct, frozen=True):
    dependencies: dict[str, dict[str, Raw]]


class _Library(Struct, frozen=True):
    type: str = ""
    sha512: str = ""


class _Assets(Struct, frozen=True):
    libraries: dict[str, Raw]


def read_packages_lock(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads `dependencies` by framework; projects are the sources' own.

    Raises:
        InvalidInputError: it is no lock file of NuGet.
    """
    for packages in decoded(gathering.content, _Lock, where=gathering.path).dependencies.values():
        for name, raw in packages.items():
            found = entry(gathering, name, raw, _Locked)
            if found and found.type.lower() != "project":
                gathering.add(PackageKind.NUGET, name, found.resolved, checksums=base64_of("sha512", found.hash))


def read_project_assets(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads `libraries`, `name/version` each.

    Raises:
        InvalidInputError: it is not what a restore writes.
    """
    for identity, raw in decoded(gathering.content, _Assets, where=gathering.path).libraries.items():
        found = entry(gathering, identity, raw, _Library)
        name, _, version = identity.partition("/")
        if found and found.type != "project":
            gathering.add(PackageKind.NUGET, name, version, checksums=base64_of("sha512", found.sha512))


def read_packages_config(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads `package` elements.

    Raises:
        InvalidInputError: it is no `packages.config`.
    """
    root = read_xml(gathering.content, where=gathering.path)
    if tag(root) != "packages":
        raise InvalidInputError("no packages.config", where=gathering.path)
    for it in children(root, "package"):
        is_development = it.get("developmentDependency", "").lower() == "true"
        gathering.add(
            PackageKind.NUGET,
            it.get("id", ""),
            it.get("version", ""),
            scope=Scope.DEVELOPMENT if is_development else Scope.RUNTIME,
        )


def read_project(gathering: Gathering, beside: ReadBeside) -> None:
    """Reads package references with a lowest or an exact version, those of central management included.

    Raises:
        InvalidInputError: it is no project of MSBuild.
    """
    root = read_xml(gathering.content, where=gathering.path)
    if tag(root) != "Project":
        raise InvalidInputError("no project of MSBuild", where=gathering.path)
    central, properties = _central(gathering.path, beside)
    properties |= _properties(root)
    wanted = {"PackageReference", "GlobalPackageReference"}
    if not gathering.path.endswith(tuple(_PROJECTS)):
        wanted.add("PackageVersion")
    for reference in _references(root, wanted):
        name = reference.get("Include", "").strip()
        stated = _stated(reference) or central.get(name.lower(), "")
        version = _VERSION.fullmatch(_filled(stated, properties))
        is_private = (reference.get("PrivateAssets") or said(reference, "PrivateAssets")).lower() == "all"
        if name and version:
            gathering.add(PackageKind.NUGET, name, version[1], scope=Scope.BUILD if is_private else Scope.RUNTIME)
        elif name and (not stated or "$(" in stated):
            gathering.left_open(name)


def _references(root: Element, wanted: set[str]) -> Iterator[Element]:
    for group in children(root, "ItemGroup"):
        yield from (it for it in group if tag(it) in wanted)


def _stated(reference: Element) -> str:
    keys = ("VersionOverride", "Version")
    return next((it for key in keys if (it := (reference.get(key) or said(reference, key)).strip())), "")


def _properties(root: Element) -> dict[str, str]:
    return {tag(it): (it.text or "").strip() for group in children(root, "PropertyGroup") for it in group}


def _central(path: str, beside: ReadBeside) -> tuple[dict[str, str], dict[str, str]]:
    """Versions and properties of the nearest central file at or above the project's folder."""
    if not path.endswith(tuple(_PROJECTS)):
        return {}, {}
    for up in range(min(path.count("/"), MAX_FOLDERS_UP) + 1):
        content = beside(neighbour(path, "../" * up + _CENTRAL))
        if content is not None:
            try:
                root = read_xml(content, where=path)
            except InvalidInputError:
                break
            found = _references(root, {"PackageVersion", "GlobalPackageReference"})
            return {it.get("Include", "").strip().lower(): _stated(it) for it in found}, _properties(root)
    return {}, {}


def _filled(text: str, properties: dict[str, str]) -> str:
    for _ in range(MAX_REPLACEMENTS):
        found = _PROPERTY.search(text)
        if found is None:
            return text
        text = (text[: found.start()] + properties.get(found[1], "") + text[found.end() :])[:1024]
    return ""


NUGET_LOCK: Final = LockedForm(name="nuget-lock", wants=named("packages.lock.json"), read=read_packages_lock)
NUGET_ASSETS: Final = LockedForm(name="nuget-assets", wants=named("project.assets.json"), read=read_project_assets)
NUGET_CONFIG: Final = LockedForm(
    name="nuget-config", wants=named("packages.config", max_bytes=4 * MIB), read=read_packages_config
)
NUGET_PROJECT: Final = LockedForm(
    name="nuget-project",
    wants=Wants(names=frozenset({_CENTRAL, "Packages.props"}), suffixes=_PROJECTS, max_bytes=4 * MIB),
    read=read_project,
    basis=Basis.DECLARED,
)
