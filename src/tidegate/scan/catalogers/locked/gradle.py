# SPDX-License-Identifier: Apache-2.0
"""Gradle: dependency locks, checksums to verify, version catalogs; and the lock of sbt's plug-in, which is alike."""

import re
from collections.abc import Iterable
from typing import Any, Final

from tidegate.bounds import MIB
from tidegate.errors import InvalidInputError
from tidegate.inventory import Basis, PackageKind, Scope
from tidegate.manifests.toml_document import read_toml
from tidegate.manifests.xml_document import child, children, read_xml, tag
from tidegate.scan.cataloger import ReadBeside, Wants
from tidegate.scan.catalogers.locked.checksums import hexadecimal, prefixed
from tidegate.scan.catalogers.locked.form import LockedForm, named
from tidegate.scan.catalogers.locked.gathering import Gathering
from tidegate.scan.catalogers.locked.json_form import Raw, decoded, entry
from tidegate.scan.catalogers.locked.tables import table, text
from tidegate.values import Struct

_LOCKED: Final = re.compile(r"([^:=\s#]+:[^:=\s]+):([^:=\s]+)(?:=(.*))?")
_BUILDSCRIPT: Final = "buildscript-gradle.lockfile"
_ALGORITHMS: Final = frozenset({"md5", "sha1", "sha256", "sha512"})


class _Sbt(Struct, frozen=True):
    """One dependency of `build.sbt.lock`."""

    org: str
    name: str
    version: str
    artifacts: tuple[dict[str, str], ...] = ()
    configurations: tuple[str, ...] = ()


class _SbtDocument(Struct, frozen=True):
    dependencies: list[Raw]


def read_gradle_lock(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads `group:artifact:version=configurations` lines.

    Raises:
        InvalidInputError: it is no lock file of Gradle.
    """
    is_buildscript = gathering.path.endswith(_BUILDSCRIPT)
    for line in gathering.content.decode(errors="replace").splitlines():
        line = line.strip()  # noqa: PLW2901 - the same line
        if not line or line.startswith(("#", "empty=")):
            continue
        found = _LOCKED.fullmatch(line)
        if found is None:
            gathering.defect(f"not a locked dependency: {line[:80]}")
        else:
            scope = Scope.BUILD if is_buildscript else _scope((found[3] or "").split(","))
            gathering.add(PackageKind.MAVEN, found[1], found[2], scope=scope)


def _scope(configurations: Iterable[str]) -> Scope:
    """What configurations are for, by their names; one that is on a run-time class path is for run time."""
    names = [name.strip().lower() for name in configurations if name.strip()]
    plain = [name for name in names if "test" not in name]
    if not names or any(name.endswith("runtimeclasspath") or name in {"compile", "runtime"} for name in plain):
        return Scope.RUNTIME
    return Scope.BUILD if plain else Scope.TEST


def read_verification_metadata(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads `components`: everything the build fetched, with its checksums.

    Raises:
        InvalidInputError: it is no verification metadata.
    """
    root = read_xml(gathering.content, where=gathering.path)
    if tag(root) != "verification-metadata":
        raise InvalidInputError("no verification metadata of Gradle", where=gathering.path)
    for component in children(child(root, "components"), "component"):
        sums = (
            it
            for artifact in children(component, "artifact")
            for sum_ in artifact
            if tag(sum_) in _ALGORITHMS
            for it in hexadecimal(sum_.get("value", ""), tag(sum_))
        )
        name = f"{component.get('group', '')}:{component.get('name', '')}"
        gathering.add(PackageKind.MAVEN, name, component.get("version", ""), checksums=sums)


def read_version_catalog(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads `libraries` and `plugins` with one version each; ranges are passed over."""
    document = read_toml(gathering.content, where=gathering.path)
    versions = table(document.get("versions"))
    for it in table(document.get("libraries")).values():
        if isinstance(it, str):
            group, _, rest = it.partition(":")
            name, _, version = rest.partition(":")
        else:
            group, _, name = text(table(it).get("module")).partition(":")
            group, name = group or text(table(it).get("group")), name or text(table(it).get("name"))
            version = _version(table(it).get("version"), versions)
        if group and name and version:
            gathering.add(PackageKind.MAVEN, f"{group}:{name}", version)
    for it in table(document.get("plugins")).values():
        name, _, version = it.partition(":") if isinstance(it, str) else (text(table(it).get("id")), "", "")
        version = version or _version(table(it).get("version"), versions)
        if name and version:
            gathering.add(PackageKind.MAVEN, f"{name}:{name}.gradle.plugin", version, scope=Scope.BUILD)


def _version(written: Any, versions: dict[str, Any]) -> str:
    if "ref" in table(written):
        written = versions.get(text(table(written).get("ref")))
    rich = table(written)
    version = text(written) or text(rich.get("strictly")) or text(rich.get("require")) or text(rich.get("prefer"))
    return "" if not version or version[0] in "[(]" or version.endswith(("+", ".*")) else version


def read_sbt_lock(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads `dependencies`.

    Raises:
        InvalidInputError: it is no lock file of sbt-dependency-lock.
    """
    document = decoded(gathering.content, _SbtDocument, where=gathering.path)
    for place, raw in enumerate(document.dependencies):
        found = entry(gathering, f"dependency {place}", raw, _Sbt)
        if found:
            names = set(found.configurations)
            scope = Scope.RUNTIME if not names or names & {"compile", "runtime"} else Scope.TEST
            if "provided" in names and scope is Scope.TEST:
                scope = Scope.BUILD
            sums = [it for artifact in found.artifacts for it in prefixed(artifact.get("hash", ""))]
            gathering.add(PackageKind.MAVEN, f"{found.org}:{found.name}", found.version, scope=scope, checksums=sums)


GRADLE_LOCK: Final = LockedForm(name="gradle-lock", wants=named("gradle.lockfile", _BUILDSCRIPT), read=read_gradle_lock)
GRADLE_VERIFICATION: Final = LockedForm(
    name="gradle-verification",
    wants=named("verification-metadata.xml", max_bytes=16 * MIB),
    read=read_verification_metadata,
)
VERSION_CATALOG: Final = LockedForm(
    name="gradle-catalog",
    wants=Wants(suffixes=frozenset({".toml"}), max_bytes=4 * MIB),
    read=read_version_catalog,
    suits=lambda path: path.endswith(".versions.toml"),
    basis=Basis.DECLARED,
)
SBT_LOCK: Final = LockedForm(name="sbt-lock", wants=named("build.sbt.lock"), read=read_sbt_lock)
