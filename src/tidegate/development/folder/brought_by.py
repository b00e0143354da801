# SPDX-License-Identifier: Apache-2.0
"""Who asks for a component: the project itself, or another component, and by which way.

Read from lock files that tell (npm's of version 2 and 3, Cargo, uv, Poetry, Composer, Bundler, go.mod), by names: two
versions of one name are one here. Poetry and Composer keep what the project asks for in the file beside.
"""

import json
import re
import tomllib
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any, Final

from tidegate.values import Struct

MAX_WAY: Final = 8
"""Components of one way that are told; a longer one is told by its beginning."""

_BUNDLED: Final = re.compile(r"^(?P<indent> {2}| {4}| {6})(?P<name>[\w.-]+)")
_REQUIREMENT: Final = re.compile(r"[A-Za-z0-9][\w.-]*")
_INDIRECT: Final = re.compile(r"^\s*(?:require\s+)?(\S+)\s+v\S+(\s*//\s*indirect)?", re.MULTILINE)

Read = Callable[[str], bytes]
Edges = dict[str, set[str]]


class Asked(Struct, frozen=True, kw_only=True):
    """Who asks for components of one lock file, by their names in lower case.

    Attributes:
        ways: of each that somebody asks for, those before it; empty for what the project asks for itself.
    """

    ways: dict[str, tuple[str, ...]]

    def relation(self, name: str) -> tuple[str, tuple[str, ...]]:
        """`direct` or `transitive` with the way, "" when it is not told."""
        way = self.ways.get(name.lower())
        if way is None:
            return "", ()
        return ("transitive", way) if way else ("direct", ())


def asked_in(location: str, read: Read) -> Asked:
    """Reads one lock file; of one that does not tell, or cannot be read, nothing is known.

    Args:
        location: of the lock file, relative to the folder.
        read: the bytes of a file by its location, b"" for one that is not there.
    """
    reader = _READERS.get(PurePosixPath(location).name)
    if reader is None:
        return Asked(ways={})
    try:
        roots, edges = reader(location, read)
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):  # the cataloger tells of a broken one
        return Asked(ways={})
    return Asked(ways=_ways(roots, edges))


def _ways(roots: Iterable[str], edges: Mapping[str, set[str]]) -> dict[str, tuple[str, ...]]:
    """The shortest way to each, breadth first; circles end where they began."""
    ways: dict[str, tuple[str, ...]] = {name.lower(): () for name in sorted(roots)}
    waiting = deque(ways)
    while waiting:
        here = waiting.popleft()
        for name in sorted(edges.get(here, ())):
            if name not in ways:
                ways[name] = (*ways[here], here)[:MAX_WAY]
                waiting.append(name)
    return ways


def _npm(location: str, read: Read) -> tuple[set[str], Edges]:
    packages = json.loads(read(location)).get("packages", {})
    edges: Edges = {}
    roots: set[str] = set()
    for place, told in packages.items():
        kinds = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")
        names = {name for kind in kinds for name in told.get(kind, {})}
        if "node_modules/" in place:
            edges.setdefault(place.rpartition("node_modules/")[2].lower(), set()).update(map(str.lower, names))
        else:  # the project, or a workspace of it
            roots |= names
    return roots, edges


def _cargo(location: str, read: Read) -> tuple[set[str], Edges]:
    edges: Edges = {}
    roots: set[str] = set()
    for told in _toml(location, read).get("package", []):
        names = {name.split()[0].lower() for name in told.get("dependencies", [])}
        if "source" in told:
            edges.setdefault(told["name"].lower(), set()).update(names)
        else:
            roots |= names
    return roots, edges


def _uv(location: str, read: Read) -> tuple[set[str], Edges]:
    edges: Edges = {}
    roots: set[str] = set()
    for told in _toml(location, read).get("package", []):
        groups = [told.get("dependencies", []), *told.get("optional-dependencies", {}).values()]
        groups += told.get("dev-dependencies", {}).values()
        names = {one["name"].lower() for group in groups for one in group}
        if {"editable", "virtual"} & set(told.get("source", {})):
            roots |= names
        else:
            edges.setdefault(told["name"].lower(), set()).update(names)
    return roots, edges


def _poetry(location: str, read: Read) -> tuple[set[str], Edges]:
    edges: Edges = {}
    for told in _toml(location, read).get("package", []):
        edges[told["name"].lower()] = {_plain(name) for name in told.get("dependencies", {})}
    project = _toml(_beside(location, "pyproject.toml"), read)
    poetry = project.get("tool", {}).get("poetry", {})
    groups = [poetry.get("dependencies", {}), poetry.get("dev-dependencies", {})]
    groups += [group.get("dependencies", {}) for group in poetry.get("group", {}).values()]
    roots = {_plain(name) for group in groups for name in group if name != "python"}
    lists = [project.get("project", {}).get("dependencies", [])]
    lists += project.get("project", {}).get("optional-dependencies", {}).values()
    roots |= {_plain(found[0]) for told in lists for text in told if (found := _REQUIREMENT.match(text))}
    return roots, edges


def _composer(location: str, read: Read) -> tuple[set[str], Edges]:
    lock = json.loads(read(location))
    edges: Edges = {}
    for told in (*lock.get("packages", []), *lock.get("packages-dev", [])):
        edges[told["name"].lower()] = {name.lower() for name in dict(told.get("require") or {})}
    project = json.loads(read(_beside(location, "composer.json")) or b"{}")
    return {name for kind in ("require", "require-dev") for name in dict(project.get(kind) or {})}, edges


def _bundler(location: str, read: Read) -> tuple[set[str], Edges]:
    edges: Edges = {}
    roots: set[str] = set()
    section = above = ""
    for line in read(location).decode("utf-8", "replace").split("\n"):
        if line and not line.startswith(" "):
            section = line.strip()
        elif found := _BUNDLED.match(line):
            name, indent = found["name"].lower(), len(found["indent"])
            if section == "DEPENDENCIES" and indent == 2:  # noqa: PLR2004 - columns of Bundler's form
                roots.add(name)
            elif section in {"GEM", "GIT", "PATH"} and indent == 4:  # noqa: PLR2004
                above = name
            elif section in {"GEM", "GIT", "PATH"} and indent == 6:  # noqa: PLR2004
                edges.setdefault(above, set()).add(name)
    return roots, edges


def _go(location: str, read: Read) -> tuple[set[str], Edges]:
    """What is not marked as indirect the module itself imports; by which way the rest came go.mod does not tell."""
    found = _INDIRECT.findall(read(location).decode("utf-8", "replace"))
    return {name for name, indirect in found if not indirect}, {}


def _toml(location: str, read: Read) -> dict[str, Any]:
    return tomllib.loads(read(location).decode("utf-8", "replace"))


def _beside(location: str, name: str) -> str:
    return PurePosixPath(location).with_name(name).as_posix()


def _plain(name: str) -> str:
    """PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


_READERS: Final[Mapping[str, Callable[[str, Read], tuple[set[str], Edges]]]] = {
    "package-lock.json": _npm,
    "npm-shrinkwrap.json": _npm,
    "Cargo.lock": _cargo,
    "uv.lock": _uv,
    "poetry.lock": _poetry,
    "composer.lock": _composer,
    "Gemfile.lock": _bundler,
    "go.mod": _go,
}
