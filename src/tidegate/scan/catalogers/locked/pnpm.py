# SPDX-License-Identifier: Apache-2.0
"""`pnpm-lock.yaml`, lock file versions 5, 6 and 9: the first two tell scopes themselves, the last by its snapshots."""

from collections.abc import Iterator
from typing import Any, Final

from tidegate.errors import InvalidInputError
from tidegate.inventory import PackageKind, Scope
from tidegate.scan.cataloger import ReadBeside
from tidegate.scan.catalogers.locked.checksums import integrity
from tidegate.scan.catalogers.locked.form import MAX_TREE_BYTES, LockedForm, named
from tidegate.scan.catalogers.locked.gathering import Gathering
from tidegate.scan.catalogers.locked.npm_names import divided, source, version_in
from tidegate.scan.catalogers.locked.reach import reached
from tidegate.scan.catalogers.locked.tables import table, text
from tidegate.scan.catalogers.locked.yaml_form import read_yaml

_SECTIONS: Final = {
    "dependencies": Scope.RUNTIME,
    "optionalDependencies": Scope.OPTIONAL,
    "devDependencies": Scope.DEVELOPMENT,
}


def read_pnpm_lock(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads `packages`.

    Raises:
        InvalidInputError: it is no lock file of pnpm.
    """
    document: dict[str, Any] = {}
    for part in read_yaml(gathering.content, where=gathering.path):  # the last one: pnpm's own tools come first
        document = table(part) or document
    if "lockfileVersion" not in document:
        raise InvalidInputError("no lock file of pnpm", where=gathering.path)
    snapshots = table(document.get("snapshots"))
    scopes = _scopes(document, snapshots) if snapshots else None
    for identity, body in table(document.get("packages")).items():
        _add(gathering, identity, table(body), scopes)


def _add(gathering: Gathering, identity: str, body: dict[str, Any], scopes: dict[str, Scope] | None) -> None:
    resolution = table(body.get("resolution"))
    if text(resolution.get("type")) == "directory":
        return
    name, version = _named(identity)
    name = text(body.get("name")) or name
    origin = text(resolution.get("tarball"))
    if text(resolution.get("repo")):
        origin = f"git+{text(resolution.get('repo'))}#{text(resolution.get('commit'))}"
    if "://" in version or text(body.get("version")):
        version = text(body.get("version")) or version_in(origin or version)
    if identity.startswith("file:") and not origin:
        return
    gathering.add(
        PackageKind.NPM,
        name,
        version,
        scope=_stated(body) if scopes is None else scopes.get(identity, Scope.RUNTIME),
        checksums=integrity(text(resolution.get("integrity"))),
        deprecated=text(body.get("deprecated")),
        qualifiers=source(origin),
    )


def _named(identity: str) -> tuple[str, str]:
    """Name and version of an identity of any version: `/a/1.0.0_b@2`, `/a@1.0.0(b@2)`, `@s/a@1.0.0`."""
    plain = _without_peers(identity).lstrip("/")
    name, version = divided(plain)
    # Version 5 puts a slash between the two; an @ then belongs to the peers, or to the name's own scope.
    if identity.startswith("/") and (not version or "/" in name.lstrip("@").partition("/")[2]):
        parts = plain.split("/")
        size = 2 if plain.startswith("@") else 1
        return "/".join(parts[:size]), "/".join(parts[size:]).partition("_")[0].partition("/")[0]
    if identity.startswith("/") and not plain.startswith("@") and "/" in name:
        return name.partition("/")[0], plain.partition("/")[2].partition("_")[0].partition("/")[0]
    return name, version


def _without_peers(identity: str) -> str:
    return identity.partition("(")[0]


def _stated(body: dict[str, Any]) -> Scope:
    if text(body.get("dev")) == "true":
        return Scope.DEVELOPMENT
    return Scope.OPTIONAL if text(body.get("optional")) == "true" else Scope.RUNTIME


def _scopes(document: dict[str, Any], snapshots: dict[str, Any]) -> dict[str, Scope]:
    """Scopes by the identity without peers."""
    roots: dict[Scope, list[str]] = {scope: [] for scope in Scope}
    for project in table(document.get("importers")).values():
        for section, scope in _SECTIONS.items():
            for name, wanted in table(table(project).get(section)).items():
                roots[scope].append(_identity(name, text(table(wanted).get("version"))))

    def needs(identity: str) -> Iterator[tuple[str, bool]]:
        body = table(snapshots.get(identity))
        for section in ("dependencies", "optionalDependencies"):
            for name, version in table(body.get(section)).items():
                yield _identity(name, text(version)), section != "dependencies"

    order = list(Scope)
    found: dict[str, Scope] = {}
    for identity, scope in reached(roots, needs).items():
        plain = _without_peers(identity)
        found[plain] = min(found.get(plain, scope), scope, key=order.index)
    return found


def _identity(name: str, version: str) -> str:
    """A dependency's identity; that of an alias is written out instead of its version."""
    plain = _without_peers(version)
    is_alias = "@" in plain[1:] and not plain[:1].isdigit() and "://" not in plain.partition("@")[0]
    return version if is_alias else f"{name}@{version}"


PNPM_LOCK: Final = LockedForm(
    name="pnpm-lock", wants=named("pnpm-lock.yaml", max_bytes=MAX_TREE_BYTES), read=read_pnpm_lock
)
