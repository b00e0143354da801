# SPDX-License-Identifier: Apache-2.0
"""`yarn.lock`: the classic format (v1), and that of yarn 2 and later, which is YAML.

Neither tells what is for development: the `package.json` beside it does, and those of its workspaces.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from tidegate.errors import InvalidInputError
from tidegate.inventory import PackageKind, Scope
from tidegate.scan.cataloger import ReadBeside
from tidegate.scan.catalogers.locked.checksums import hexadecimal, integrity
from tidegate.scan.catalogers.locked.form import LockedForm, named, neighbour
from tidegate.scan.catalogers.locked.gathering import Gathering
from tidegate.scan.catalogers.locked.npm_names import divided, is_git, is_own, registry_name, source, version_in
from tidegate.scan.catalogers.locked.package_json import Asked, asked
from tidegate.scan.catalogers.locked.reach import reached
from tidegate.scan.catalogers.locked.tables import table, text
from tidegate.scan.catalogers.locked.yaml_form import read_yaml
from tidegate.values import Struct, field

MAX_WORKSPACES: Final = 10_000

_FIELD: Final = re.compile(r'("[^"]*"|[^\s"]+)\s+(.+)')
_NEEDS: Final = frozenset({"dependencies", "optionalDependencies"})


class _Entry(Struct):
    """One resolved package, and all the descriptors (`name@range`) that lead to it."""

    descriptors: tuple[str, ...]
    version: str = ""
    resolved: str = ""
    integrity: str = ""
    needs: list[tuple[str, bool]] = field(default_factory=list)


def read_yarn_lock(gathering: Gathering, beside: ReadBeside) -> None:
    """Reads either format.

    Raises:
        InvalidInputError: it is no lock file of yarn.
    """
    head = gathering.content[:2000]
    if b"__metadata:" in gathering.content:
        _read_berry(gathering, beside)
    elif b"yarn lockfile v1" in head or b"\n  version " in gathering.content or not gathering.content.strip():
        _read_classic(gathering, beside)
    else:
        raise InvalidInputError("no lock file of yarn", where=gathering.path)


def _read_classic(gathering: Gathering, beside: ReadBeside) -> None:
    entries = list(_classic_entries(gathering.content.decode(errors="replace"), gathering))
    project = asked(beside(neighbour(gathering.path, "package.json")), where=gathering.path)
    projects = [project] if project and not bytes(project.workspaces) else []
    scopes = _scopes(entries, projects, "{}@{}")
    for index, found in enumerate(entries):
        name, range_ = divided(found.descriptors[0])
        name = registry_name(found.resolved) or name
        if range_.startswith("npm:"):
            name = divided(range_.removeprefix("npm:"))[0]
        if is_own(range_) and not range_.endswith((".tgz", ".tar.gz")):
            continue
        address, _, digest = found.resolved.rpartition("#") if "#" in found.resolved else (found.resolved, "", "")
        is_repository = is_git(found.resolved)
        gathering.add(
            PackageKind.NPM,
            name,
            found.version,
            scope=scopes.get(index, Scope.RUNTIME),
            checksums=integrity(found.integrity) or (() if is_repository else hexadecimal(digest, "sha1")),
            qualifiers=source(found.resolved if is_repository else address),
        )


def _classic_entries(content: str, gathering: Gathering) -> Iterator[_Entry]:
    entry: _Entry | None = None
    section = ""
    for line in content.splitlines():
        if not line or line.startswith("#"):
            continue
        if line[0] != " ":
            if entry:
                yield entry
            entry, section = _headed(line, gathering), ""
        elif entry and (parts := _FIELD.fullmatch(line.strip())) and line.startswith("    "):
            if section in _NEEDS:
                needed = f"{parts[1].strip(chr(34))}@{parts[2].strip(chr(34))}"
                entry.needs.append((needed, section != "dependencies"))
        elif entry and parts:
            _take(entry, parts[1], parts[2].strip('"'))
        else:
            section = line.strip().removesuffix(":")
    if entry:
        yield entry


def _headed(line: str, gathering: Gathering) -> _Entry | None:
    descriptors = tuple(it.strip().strip('"') for it in line.rstrip(":").split(", "))
    if not line.endswith(":") or not all(divided(it)[0] for it in descriptors):
        gathering.defect(f"not the head of an entry: {line[:80]}")
        return None
    return _Entry(descriptors=descriptors)


def _take(entry: _Entry, key: str, value: str) -> None:
    if key == "version":
        entry.version = value
    elif key == "resolved":
        entry.resolved = value
    elif key == "integrity":
        entry.integrity = value


def _read_berry(gathering: Gathering, beside: ReadBeside) -> None:
    entries: list[_Entry] = []
    projects: list[Asked] = []
    for head, body in table(next(iter(read_yaml(gathering.content, where=gathering.path)), None)).items():
        if head == "__metadata":
            continue
        entry = _berry_entry(head, table(body))
        if not entry.resolved:
            gathering.defect(f"{head[:100]}: no resolution")
        elif "@workspace:" in entry.resolved:
            if len(projects) < MAX_WORKSPACES:
                projects += _workspace(gathering.path, entry.resolved, beside)
        else:
            entries.append(entry)
    scopes = _scopes(entries, projects, "{}@npm:{}")
    for index, found in enumerate(entries):
        _add_berry(gathering, found, scopes.get(index, Scope.RUNTIME))


def _berry_entry(head: str, body: dict[str, Any]) -> _Entry:
    optional = {name for name, meta in table(body.get("dependenciesMeta")).items() if table(meta).get("optional")}
    return _Entry(
        descriptors=tuple(it.strip() for it in head.split(",")),
        version=text(body.get("version")),
        resolved=text(body.get("resolution")),
        needs=[(f"{name}@{text(it)}", name in optional) for name, it in table(body.get("dependencies")).items()],
    )


def _workspace(path: str, resolution: str, beside: ReadBeside) -> list[Asked]:
    folder = resolution.partition("@workspace:")[2]
    found = asked(beside(neighbour(path, f"{folder}/package.json")), where=path)
    return [found] if found else []


def _add_berry(gathering: Gathering, found: _Entry, scope: Scope) -> None:
    name, origin = divided(found.resolved)
    protocol, _, rest = origin.partition(":")
    if protocol == "patch":  # the same package with a change of one's own: it is listed without it as well
        return
    if protocol in {"link", "portal", "file"} and not rest.partition("#")[0].partition("::")[0].endswith(".tgz"):
        return
    version, qualifiers = found.version, source(origin)
    if protocol == "npm":
        version = version or rest.partition("::")[0]
    elif is_git(origin):
        version = version if version not in {"", "0.0.0-use.local"} else version_in(origin)
    gathering.add(PackageKind.NPM, name, version, scope=scope, qualifiers=qualifiers)


def _scopes(entries: list[_Entry], projects: Iterable[Asked], written: str) -> dict[int, Scope]:
    """The scope of each entry by its index; nothing when no project is known."""
    places: dict[str, int] = {}
    for index, entry in enumerate(entries):
        places.update(dict.fromkeys(entry.descriptors, index))
    roots: dict[Scope, list[int]] = {scope: [] for scope in Scope}
    for project in projects:
        for scope, wanted in project.by_scope.items():
            for name, range_ in wanted.items():
                direct = places.get(f"{name}@{range_}", places.get(written.format(name, range_)))
                roots[scope] += [] if direct is None else [direct]

    def needs(index: int) -> Iterator[tuple[int, bool]]:
        for descriptor, is_optional in entries[index].needs:
            if descriptor in places:
                yield places[descriptor], is_optional

    return reached(roots, needs)


YARN_LOCK: Final = LockedForm(name="yarn-lock", wants=named("yarn.lock"), read=read_yarn_lock)
