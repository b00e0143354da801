# SPDX-License-Identifier: Apache-2.0
"""npm's `package-lock.json` and `npm-shrinkwrap.json`, lock file versions 1 to 3 (docs: package-lock-json)."""

from typing import Final

from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.inventory import PackageKind, Scope
from tidegate.scan.cataloger import ReadBeside
from tidegate.scan.catalogers.locked.checksums import integrity
from tidegate.scan.catalogers.locked.form import LockedForm, named
from tidegate.scan.catalogers.locked.gathering import Gathering
from tidegate.scan.catalogers.locked.json_form import Loose, Raw, decoded, entry
from tidegate.scan.catalogers.locked.npm_names import divided, is_git, is_own, source, version_in
from tidegate.values import Struct, field

MAX_NESTING: Final = 64
"""Folders of dependencies inside each other in a lock file of version 1."""

_MODULES: Final = "node_modules/"


class _Document(Struct, frozen=True):
    lockfile: int = field(default=0, name="lockfileVersion")
    packages: dict[str, Raw] | None = None
    dependencies: dict[str, Raw] | None = None


class _Installed(Struct, frozen=True):
    """One entry, of any version of the format."""

    name: str = ""
    version: str = ""
    resolved: str | bool = ""
    integrity: str | bool = ""
    link: bool = False
    dev: bool = False
    optional: bool = False
    dev_optional: bool = field(default=False, name="devOptional")
    deprecated: str | bool = ""
    license: Raw = Raw()
    dependencies: Raw = Raw()

    @property
    def url(self) -> str:
        return self.resolved if isinstance(self.resolved, str) else ""

    @property
    def scope(self) -> Scope:
        if self.dev:
            return Scope.DEVELOPMENT
        return Scope.OPTIONAL if self.optional or self.dev_optional else Scope.RUNTIME


def read_package_lock(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads `packages` (versions 2 and 3), or the nested `dependencies` of version 1.

    Raises:
        InvalidInputError: it is no lock file of npm.
    """
    document = decoded(gathering.content, _Document, where=gathering.path)
    if document.packages is not None:
        for place, raw in document.packages.items():
            if _MODULES in place:  # else it is the project itself, or one of its workspaces
                _add_placed(gathering, place, raw)
    elif document.lockfile or document.dependencies is not None:
        _add_nested(gathering, document.dependencies or {})
    else:
        raise InvalidInputError("no lock file of npm", where=gathering.path)


def _add_placed(gathering: Gathering, place: str, raw: Raw) -> None:
    found = entry(gathering, place, raw, _Installed)
    if found is None or found.link or not found.version:
        return
    name = found.name or place.rpartition(_MODULES)[2]
    _add(gathering, name, found.version, found, source(found.url))


def _add_nested(gathering: Gathering, dependencies: dict[str, Raw]) -> None:
    todo = [(dependencies, 0)]
    while todo:
        level, depth = todo.pop()
        if depth > MAX_NESTING:
            raise BoundExceededError("MAX_NESTING", MAX_NESTING, where=gathering.path)
        for name, raw in level.items():
            found = entry(gathering, name, raw, _Installed)
            if found is None:
                continue
            _add_versioned(gathering, name, found)
            below = entry(gathering, name, found.dependencies, dict[str, Raw]) if bytes(found.dependencies) else None
            if below:
                todo.append((below, depth + 1))


def _add_versioned(gathering: Gathering, name: str, found: _Installed) -> None:
    """Version 1 writes where a package comes from in place of its version."""
    version = found.version
    if not version or is_own(version):
        return
    if version.startswith("npm:"):
        name, version = divided(version.removeprefix("npm:"))
    if is_git(version) or "://" in version:
        _add(gathering, name, version_in(version), found, source(version))
    else:
        _add(gathering, name, version, found, source(found.url))


def _add(gathering: Gathering, name: str, version: str, found: _Installed, qualifiers: dict[str, str]) -> None:
    gathering.add(
        PackageKind.NPM,
        name,
        version,
        scope=found.scope,
        checksums=integrity(found.integrity) if isinstance(found.integrity, str) else (),
        licenses=[text] if (text := Loose.text(found.license)) else (),
        deprecated=found.deprecated if isinstance(found.deprecated, str) else "deprecated" * found.deprecated,
        qualifiers=qualifiers,
    )


NPM_LOCK: Final = LockedForm(
    name="npm-lock", wants=named("package-lock.json", "npm-shrinkwrap.json"), read=read_package_lock
)
