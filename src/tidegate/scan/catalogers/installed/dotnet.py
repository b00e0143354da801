# SPDX-License-Identifier: Apache-2.0
""".NET: `*.deps.json`, the dependency manifest of an application or a shared framework (dotnet/runtime).

The application itself (`project`) is a component, and so is each package; one that brings nothing to run (reference
assemblies only) is of the build scope. A shared framework is told by its folder, too:
`shared/Microsoft.AspNetCore.App/8.0.1`.
"""

import re
from typing import Any, Final

from tidegate.bounds import MIB
from tidegate.errors import InvalidInputError
from tidegate.inventory import FileFacts, Package, PackageKind, Scope, Version
from tidegate.scan.cataloger import ImageFile, Wants
from tidegate.scan.catalogers.harvest import Harvest
from tidegate.scan.catalogers.installed.documents import json_object, object_of, text_of
from tidegate.scan.catalogers.locked.checksums import integrity

MAX_DEPS_BYTES: Final = 32 * MIB

_SUFFIX: Final = ".deps.json"
_FRAMEWORK: Final = re.compile(r"(?:.*/)?shared/([A-Za-z][A-Za-z0-9.]{0,100})/(\d[A-Za-z0-9.+-]{0,60})/\1\.deps\.json")
_RUNTIME_PACK: Final = "runtimepack."
_TYPES: Final = frozenset({"package", "project", "runtimepack"})
_RUNS: Final = ("runtime", "native", "runtimeTargets", "resources", "dependencies")


class DotnetCataloger:
    """Reads the dependency manifests of .NET."""

    name = "dotnet"
    version = 1
    wants = Wants(suffixes=frozenset({".json"}), max_bytes=MAX_DEPS_BYTES)

    def accepts(self, path: str) -> bool:
        """True for `*.deps.json`."""
        return path.endswith(_SUFFIX)

    def catalog(self, file: ImageFile) -> FileFacts:
        """Reads one application's or framework's packages.

        Raises:
            PartialError: an entry has no name or no version.
            InvalidInputError: it is not JSON, or has no libraries.
        """
        harvest = Harvest(path=file.path, cataloger=self.name)
        document = json_object(file.content, where=file.path)
        if not isinstance(document.get("libraries"), dict):
            raise InvalidInputError("no libraries in a .NET dependency manifest", where=file.path)
        target = _target(document)
        names = set()
        for key, library in document["libraries"].items():
            package = _package(key, object_of(library), target)
            if package is not None:
                names.add(package.name)
                harvest.add(package)
        found = _FRAMEWORK.fullmatch(file.path)
        if found and found[1] not in names:
            harvest.add(Package(kind=PackageKind.NUGET, name=found[1], version=Version(found[2])))
        return harvest.facts()


def _target(document: dict[str, Any]) -> dict[str, Any]:
    """What each library brings on the platform this is made for, by the library's key."""
    targets = object_of(document.get("targets"))
    runtime = document.get("runtimeTarget")
    name = text_of(runtime) or text_of(object_of(runtime).get("name"))
    return object_of(targets.get(name)) or next((object_of(it) for it in targets.values() if it), {})


def _package(key: str, library: dict[str, Any], target: dict[str, Any]) -> Package | None:
    if text_of(library.get("type")) not in _TYPES:
        return None  # "reference": an assembly that is not of a package
    name, _, version = key.partition("/")
    brought = target.get(key)
    is_build = library.get("compileOnly") is True or (isinstance(brought, dict) and _is_reference(brought))
    return Package(
        kind=PackageKind.NUGET,
        name=name.removeprefix(_RUNTIME_PACK),
        version=Version(version),
        scope=Scope.BUILD if is_build else Scope.RUNTIME,
        checksums=integrity(text_of(library.get("sha512"))),
    )


def _is_reference(brought: dict[str, Any]) -> bool:
    return bool(brought.get("compile")) and not any(brought.get(part) for part in _RUNS)
