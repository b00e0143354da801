# SPDX-License-Identifier: Apache-2.0
"""Lock files of Python's project tools: `Pipfile.lock`, `poetry.lock`, `pdm.lock` and `pylock.toml` (PEP 751)."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from tidegate.errors import InvalidInputError
from tidegate.inventory import PackageKind, Scope
from tidegate.inventory.python_name import normalised
from tidegate.manifests.toml_document import read_toml
from tidegate.scan.cataloger import ReadBeside, Wants
from tidegate.scan.catalogers.locked.checksums import hexadecimal, prefixed
from tidegate.scan.catalogers.locked.form import MAX_TREE_BYTES, LockedForm, named, neighbour
from tidegate.scan.catalogers.locked.gathering import Gathering
from tidegate.scan.catalogers.locked.json_form import Raw, decoded, entry
from tidegate.scan.catalogers.locked.python_names import scope_of_group
from tidegate.scan.catalogers.locked.reach import reached
from tidegate.scan.catalogers.locked.tables import items, table, tables, text, texts
from tidegate.values import Struct

_ORDER: Final = tuple(Scope)
_PYLOCK: Final = re.compile(r"(?:.*/)?pylock(?:\.[^./]+)?\.toml")
_IN_GROUP: Final = re.compile(r"""["']([^"']{1,200})["'] in (dependency_groups|extras)""")


class _Pip(Struct, frozen=True):
    """One entry of `Pipfile.lock`."""

    version: str = ""
    hashes: tuple[str, ...] = ()
    git: str = ""
    ref: str = ""
    file: str = ""
    path: str = ""


def read_pipfile_lock(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads `default` and `develop`, and categories of one's own.

    Raises:
        InvalidInputError: it is no lock file of pipenv.
    """
    document = decoded(gathering.content, dict[str, Raw], where=gathering.path)
    if "_meta" not in document and "default" not in document:
        raise InvalidInputError("no lock file of pipenv", where=gathering.path)
    for category, raw in document.items():
        if category == "_meta":
            continue
        scope = Scope.RUNTIME if category == "default" else scope_of_group(category)
        for name, part in (entry(gathering, category, raw, dict[str, Raw]) or {}).items():
            found = entry(gathering, name, part, _Pip)
            if found and (found.version or found.git) and not found.path:
                gathering.add(
                    PackageKind.PYPI,
                    normalised(name),
                    found.version.lstrip("=") or found.ref,
                    scope=scope,
                    checksums=[it for written in found.hashes for it in prefixed(written)],
                    qualifiers=_from(found.git, found.ref, found.file),
                )


def read_poetry_lock(gathering: Gathering, beside: ReadBeside) -> None:
    """Reads `[[package]]`; scopes from groups (2.x), category (to 1.4), or `pyproject.toml` beside (between them).

    Raises:
        InvalidInputError: it is no lock file of poetry.
    """
    document = read_toml(gathering.content, where=gathering.path)
    packages = _packages(gathering, document, "package")
    files = table(table(document.get("metadata")).get("files"))
    is_told = any("groups" in it or "category" in it for it in packages)
    walked = {} if is_told else _walked(packages, beside(neighbour(gathering.path, "pyproject.toml")), gathering.path)
    for package in packages:
        source, name = table(package.get("source")), normalised(text(package.get("name")))
        kind, url = text(source.get("type")), text(source.get("url"))
        if kind == "directory":
            continue
        is_optional = package.get("optional") is True
        gathering.add(
            PackageKind.PYPI,
            name,
            text(package.get("version")),
            scope=_scope_in_poetry(package, is_optional=is_optional) if is_told else walked.get(name, Scope.RUNTIME),
            checksums=_hashes(items(package.get("files")) or items(files.get(text(package.get("name"))))),
            qualifiers=_from(
                url if kind == "git" else "", text(source.get("resolved_reference")), url if kind == "url" else ""
            ),
        )


def _scope_in_poetry(package: dict[str, Any], *, is_optional: bool) -> Scope:
    groups = list(texts(package.get("groups"))) or [text(package.get("category")) or "main"]
    if "main" in groups:
        return Scope.OPTIONAL if is_optional else Scope.RUNTIME
    return _strongest(groups)


def _walked(packages: list[dict[str, Any]], project: bytes | None, where: str) -> dict[str, Scope]:
    if project is None:
        return {}
    try:
        poetry = table(table(read_toml(project, where=where).get("tool")).get("poetry"))
    except InvalidInputError:
        return {}
    roots: dict[Scope, list[str]] = {scope: [] for scope in Scope}
    for name, wanted in table(poetry.get("dependencies")).items():
        is_optional = table(wanted).get("optional") is True
        roots[Scope.OPTIONAL if is_optional else Scope.RUNTIME].append(normalised(name))
    groups = {"dev": {"dependencies": poetry.get("dev-dependencies")}} | table(poetry.get("group"))
    for group, body in groups.items():
        wanted = table(table(body).get("dependencies"))
        roots[_group_scope(group)] += [normalised(name) for name in wanted]
    needs = {normalised(text(it.get("name"))): table(it.get("dependencies")) for it in packages}

    def needed(name: str) -> Iterator[tuple[str, bool]]:
        for other, how in needs.get(name, {}).items():
            yield normalised(other), table(how).get("optional") is True

    return reached(roots, needed)


def read_pdm_lock(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads `[[package]]`.

    Raises:
        InvalidInputError: it is no lock file of pdm.
    """
    for package in _packages(gathering, read_toml(gathering.content, where=gathering.path), "package"):
        if text(package.get("path")):
            continue
        groups = list(texts(package.get("groups"))) or ["default"]
        gathering.add(
            PackageKind.PYPI,
            normalised(text(package.get("name"))),
            text(package.get("version")),
            scope=Scope.RUNTIME if "default" in groups else _strongest(groups),
            checksums=_hashes(items(package.get("files"))),
            qualifiers=_from(text(package.get("git")), text(package.get("revision")), text(package.get("url"))),
        )


def read_pylock(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads `[[packages]]` (PEP 751); what only extras or groups ask for is told by the marker.

    Raises:
        InvalidInputError: it is no `pylock.toml`.
    """
    for package in _packages(gathering, read_toml(gathering.content, where=gathering.path), "packages"):
        vcs, archive = table(package.get("vcs")), table(package.get("archive"))
        if "directory" in package:
            continue
        archives = [archive, table(package.get("sdist")), *tables(package.get("wheels"))]
        sums = (hexadecimal(text(it), name) for one in archives for name, it in table(one.get("hashes")).items())
        commit = text(vcs.get("commit-id"))
        gathering.add(
            PackageKind.PYPI,
            normalised(text(package.get("name"))),
            text(package.get("version")) or commit,
            scope=_scope_in_marker(text(package.get("marker"))),
            checksums=[it for found in sums for it in found],
            qualifiers=_from(text(vcs.get("url")), commit, text(archive.get("url"))),
        )


def _scope_in_marker(marker: str) -> Scope:
    found = _IN_GROUP.findall(marker[:4096])
    scopes = [Scope.OPTIONAL if kind == "extras" else _group_scope(name) for name, kind in found]
    return min(scopes, key=_ORDER.index, default=Scope.RUNTIME)


def _packages(gathering: Gathering, document: dict[str, Any], key: str) -> list[dict[str, Any]]:
    if not isinstance(document.get(key, []), list) or not document:
        raise InvalidInputError(f"no lock file: no list {key}", where=gathering.path)
    return list(tables(document.get(key)))


def _group_scope(name: str) -> Scope:
    """A group that does not tell by its name is for development all the same: it is not what is shipped."""
    scope = scope_of_group(name)
    return Scope.DEVELOPMENT if scope is Scope.OPTIONAL else scope


def _strongest(groups: Iterable[str]) -> Scope:
    return min(map(scope_of_group, groups), key=_ORDER.index, default=Scope.RUNTIME)


def _hashes(files: list[Any]) -> list[str]:
    return [it for one in tables(files) for it in prefixed(text(one.get("hash")))]


def _from(repository: str, commit: str, address: str) -> dict[str, str]:
    if repository:
        return {"vcs_url": ("" if repository.startswith("git+") else "git+") + f"{repository}@{commit}".rstrip("@")}
    return {"download_url": address} if "://" in address else {}


PIPFILE_LOCK: Final = LockedForm(name="pipfile-lock", wants=named("Pipfile.lock"), read=read_pipfile_lock)
POETRY_LOCK: Final = LockedForm(
    name="poetry-lock", wants=named("poetry.lock", max_bytes=MAX_TREE_BYTES), read=read_poetry_lock
)
PDM_LOCK: Final = LockedForm(name="pdm-lock", wants=named("pdm.lock", max_bytes=MAX_TREE_BYTES), read=read_pdm_lock)
PYLOCK: Final = LockedForm(
    name="pylock",
    wants=Wants(suffixes=frozenset({".toml"}), max_bytes=MAX_TREE_BYTES),
    read=read_pylock,
    suits=lambda path: _PYLOCK.fullmatch(path) is not None,
)
