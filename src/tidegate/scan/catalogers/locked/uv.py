# SPDX-License-Identifier: Apache-2.0
"""`uv.lock`: packages with where they come from, and who needs whom, which tells their scopes."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from tidegate.errors import InvalidInputError
from tidegate.inventory import PackageKind, Scope
from tidegate.inventory.python_name import normalised
from tidegate.manifests.toml_document import read_toml
from tidegate.scan.cataloger import ReadBeside
from tidegate.scan.catalogers.locked.checksums import prefixed
from tidegate.scan.catalogers.locked.form import MAX_TREE_BYTES, LockedForm, named
from tidegate.scan.catalogers.locked.gathering import Gathering
from tidegate.scan.catalogers.locked.python_names import scope_of_group
from tidegate.scan.catalogers.locked.reach import reached
from tidegate.scan.catalogers.locked.tables import table, tables, text, texts

_OWN: Final = ("editable", "virtual", "directory")
_Node = tuple[int, str]
"""A package by its place in the file, and the extra it is asked for with ("" for none)."""


def read_uv_lock(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads `[[package]]`; the project and its workspace members are the sources themselves.

    Raises:
        InvalidInputError: it is no lock file of uv.
    """
    document = read_toml(gathering.content, where=gathering.path)
    if "version" not in document:
        raise InvalidInputError("no lock file of uv", where=gathering.path)
    packages = list(tables(document.get("package")))
    scopes = _scopes(packages)
    for index, package in enumerate(packages):
        if _is_own(package):
            continue
        source = table(package.get("source"))
        archives = [table(package.get("sdist")), *tables(package.get("wheels"))]
        git, url = text(source.get("git")), text(source.get("url"))
        gathering.add(
            PackageKind.PYPI,
            normalised(text(package.get("name"))),
            text(package.get("version")),
            scope=scopes.get(index, Scope.RUNTIME),
            checksums=[it for one in archives for it in prefixed(text(one.get("hash")))],
            qualifiers={"vcs_url": f"git+{git}"} if git else {"download_url": url},
        )


def _is_own(package: dict[str, Any]) -> bool:
    return not table(package.get("source")).keys().isdisjoint(_OWN)


def _scopes(packages: list[dict[str, Any]]) -> dict[int, Scope]:
    places: dict[tuple[str, str], int] = {}
    for index, package in enumerate(packages):
        name, version = text(package.get("name")), text(package.get("version"))
        places[name, version] = index
        places.setdefault((name, ""), index)  # one that has several versions is always asked for by version

    def wanted(requirements: Any) -> Iterator[_Node]:
        for it in tables(requirements):
            index = places.get((text(it.get("name")), text(it.get("version"))))
            if index is not None:
                yield index, ""
                yield from ((index, extra) for extra in texts(it.get("extra")))

    def needs(node: _Node) -> Iterator[tuple[_Node, bool]]:
        index, extra = node
        package = packages[index]
        asked = table(package.get("optional-dependencies")).get(extra) if extra else package.get("dependencies")
        return ((found, False) for found in wanted(asked))

    roots = _roots(packages, wanted)
    order = list(Scope)
    found: dict[int, Scope] = {}
    for (index, _), scope in reached(roots, needs).items():
        found[index] = min(found.get(index, scope), scope, key=order.index)
    return found


def _roots(packages: list[dict[str, Any]], wanted: Callable[[Any], Iterator[_Node]]) -> dict[Scope, list[_Node]]:
    """What the sources' own packages ask for."""
    roots: dict[Scope, list[_Node]] = {scope: [] for scope in Scope}
    for package in filter(_is_own, packages):
        roots[Scope.RUNTIME] += wanted(package.get("dependencies"))
        for asked in table(package.get("optional-dependencies")).values():
            roots[Scope.OPTIONAL] += wanted(asked)
        for group, asked in table(package.get("dev-dependencies")).items():
            scope = scope_of_group(group)
            roots[Scope.DEVELOPMENT if scope is Scope.OPTIONAL else scope] += wanted(asked)
    return roots


UV_LOCK: Final = LockedForm(name="uv-lock", wants=named("uv.lock", max_bytes=MAX_TREE_BYTES), read=read_uv_lock)
