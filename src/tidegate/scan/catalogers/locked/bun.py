# SPDX-License-Identifier: Apache-2.0
"""`bun.lock`, bun's lock file in text: JSON with trailing commas and comments, packages by the place they take."""

from collections.abc import Iterator
from typing import Any, Final

from tidegate.inventory import PackageKind, Scope
from tidegate.scan.cataloger import ReadBeside
from tidegate.scan.catalogers.locked.checksums import integrity
from tidegate.scan.catalogers.locked.form import LockedForm, named
from tidegate.scan.catalogers.locked.gathering import Gathering
from tidegate.scan.catalogers.locked.json_form import decoded
from tidegate.scan.catalogers.locked.jsonc import plain_json
from tidegate.scan.catalogers.locked.npm_names import divided, source, version_in
from tidegate.scan.catalogers.locked.package_json import Asked
from tidegate.scan.catalogers.locked.reach import reached
from tidegate.scan.catalogers.locked.tables import items, table, text
from tidegate.values import Struct, field

MAX_PLACE_PARTS: Final = 64

_OWN: Final = ("workspace:", "link:", "file:", "root:")


class _Document(Struct, frozen=True):
    workspaces: dict[str, Asked] = field(default_factory=dict)
    packages: dict[str, Any] = field(default_factory=dict)


def read_bun_lock(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads `packages`: place → [`name@version`, …, details, integrity].

    Raises:
        InvalidInputError: it is no lock file of bun.
    """
    document = decoded(plain_json(gathering.content), _Document, where=gathering.path)
    scopes = _scopes(document)
    for place, parts in document.packages.items():
        entry = items(parts)
        name, version = divided(text(entry[0]) if entry else "")
        if not version:
            gathering.defect(f"{place[:100]}: not a package")
        elif not version.startswith(_OWN):
            is_elsewhere = ":" in version
            gathering.add(
                PackageKind.NPM,
                name,
                version_in(version) if is_elsewhere else version,
                scope=scopes.get(place, Scope.RUNTIME),
                checksums=integrity(text(entry[-1])),
                qualifiers=source(version) if is_elsewhere else {},
            )


def _scopes(document: _Document) -> dict[str, Scope]:
    packages = document.packages
    roots: dict[Scope, list[str]] = {scope: [] for scope in Scope}
    for project in document.workspaces.values():
        for scope, wanted in project.by_scope.items():
            roots[scope] += [name for name in wanted if name in packages]

    def needs(place: str) -> Iterator[tuple[str, bool]]:
        details: dict[str, Any] = next((it for it in items(packages[place]) if isinstance(it, dict)), {})
        for section in ("dependencies", "peerDependencies", "optionalDependencies"):
            for name in table(details.get(section)):
                found = _nearest(place, name, packages)
                if found is not None:
                    yield found, section == "optionalDependencies"

    return reached(roots, needs)


def _nearest(place: str, name: str, packages: dict[str, Any]) -> str | None:
    """Where a name leads from a place: below it, or below what it lies in, up to the top."""
    for _ in range(MAX_PLACE_PARTS):
        candidate = f"{place}/{name}" if place else name
        if candidate in packages:
            return candidate
        if not place:
            return None
        place = place.rpartition("/")[0]
    return None


BUN_LOCK: Final = LockedForm(name="bun-lock", wants=named("bun.lock"), read=read_bun_lock)
