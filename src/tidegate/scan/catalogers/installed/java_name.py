# SPDX-License-Identifier: Apache-2.0
"""What an archive that carries no Maven metadata is: told by its manifest and its file name, surest first.

The group is never made up: it is taken from what the manifest says, or from a table of well-known artifacts; where
neither tells, the name stays without one.
"""

import re
from typing import Final

from tidegate.scan.catalogers.installed.java_groups import known_group
from tidegate.scan.catalogers.installed.java_manifest import Coordinates

_DIVISION: Final = re.compile(r"-(?=v?\d)")
_WORD: Final = re.compile(r"[A-Za-z]+")
_PHASES: Final = re.compile(
    r"alpha|android|b|beta|build|cr|dev|ea|final|fix|ga|hotfix|incubating|jdk|jre|java|m|milestone|p|pfd|post|pr"
    r"|preview|r|rc|redhat|release|rev|rfc|s|security|snapshot|sp|spark|v|x"
)
"""Words that stand inside versions; any other word between two numbers belongs to the name."""
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]{0,200}")
_VERSION: Final = re.compile(r"v?\d[A-Za-z0-9_.+~\-]{0,120}")
_GROUP: Final = re.compile(r"[a-z][a-z0-9_-]*(?:\.[a-z0-9_-]+)+")
_NEBULA: Final = re.compile(r"([A-Za-z0-9_.-]{1,200})#([A-Za-z0-9_.-]{1,200});([A-Za-z0-9_.+-]{1,120})")
_PREFIXED: Final = re.compile(r"([a-z][a-z0-9]*(?:\.[a-z0-9]+)+)\.([a-z0-9]+(?:-[a-z0-9]+)+)")
"""`org.mortbay.jasper.apache-el`: a group, and an artifact that cannot be part of one for its dash."""
_ANY: Final = frozenset({"app", "application", "boot", "exec", "job", "main", "program", "run", "runner", "service"})
"""What people call an archive when they copy it into an image."""
_REPOSITORIES: Final = frozenset({"repository", "maven-repo"})
_GRADLE: Final = "files-2.1"
_DEPTH_OF_VERSION: Final = 3
"""Folders in a repository down to a version: at least one of the group, the artifact, the version."""
_VERSIONS: Final = ("implementation-version", "bundle-version", "plugin-version", "specification-version")


def divided(stem: str) -> tuple[str, str]:
    """A file name without its extension as name and version: `log4j-1.2-api-2.17.1` → `log4j-1.2-api`, `2.17.1`."""
    places = [found.start() for found in _DIVISION.finditer(stem[:400]) if found.start() > 0]
    if stem.endswith("-spec"):  # `geronimo-annotation-1.3-spec`: the specification's version is part of the name
        return stem, ""
    for index, place in enumerate(places):
        following = places[index + 1 :]
        if all(_is_phase(stem[place:after]) for after in following) or not following:
            return stem[:place], stem[place + 1 :]
    return stem, ""


def by_manifest(stem: str, manifest: dict[str, str]) -> Coordinates | None:
    """What the archive is, by its manifest and its name.

    Args:
        stem: the file name without its extension.
        manifest: as `read_manifest` gives it.

    Returns:
        None when no version can be told.
    """
    artifact, version = divided(stem)
    if nebula := _NEBULA.fullmatch(manifest.get("implementation-title", "")):
        return Coordinates(
            group=nebula[1], artifact=artifact if version == nebula[3] else nebula[2], version=nebula[3]
        )  # the title bears the project's name, the file the artifact's
    stated = _stated_version(manifest)
    if not version:
        artifact = _titled(manifest, artifact)
        version = stated
    elif stated and version.startswith(f"{stated}-"):
        version = stated  # what follows is a classifier
    if not _PLAIN.fullmatch(artifact) or not _VERSION.fullmatch(version):
        return None
    if prefixed := _PREFIXED.fullmatch(artifact):
        return Coordinates(group=prefixed[1], artifact=prefixed[2], version=version)
    group = known_group(artifact, version) or _group(artifact, manifest)
    return Coordinates(group=group, artifact=artifact, version=version)


def by_place(path: str) -> Coordinates | None:
    """What an archive is by where it lies in a repository of Maven's or a cache of Gradle's; None elsewhere.

    `…/repository/org/example/a/1.0/a-1.0.jar`, `…/files-2.1/org.example/a/1.0/<sha1>/a-1.0.jar`.
    """
    *folders, base = path.split("/")
    root = next((place for place, name in enumerate(folders) if name in _REPOSITORIES), len(folders))
    if folders[-5:-4] == [_GRADLE]:
        group, artifact, version = folders[-4:-1]
    elif len(folders) - root > _DEPTH_OF_VERSION:
        group, artifact, version = ".".join(folders[root + 1 : -2]), folders[-2], folders[-1]
    else:
        return None
    fits = _PLAIN.fullmatch(group) and _PLAIN.fullmatch(artifact) and _VERSION.fullmatch(version)
    if not fits or version.endswith(".x") or not base.startswith(f"{artifact}-{version}"):
        return None  # Debian names one archive by many versions: `3.x`, `debian`
    return Coordinates(group=group, artifact=artifact, version=version)


def group_of_bundle(symbolic: str, artifact: str) -> str:
    """The group that OSGi's bundle plug-in for Maven made a symbolic name of; "" when it does not show.

    It writes `group.artifact`, and leaves out the artifact's beginning where the group ends in it:
    `org.apache.maven` and `maven-core` give `org.apache.maven.core`.
    """
    if symbolic.endswith(f".{artifact}.{artifact}"):
        return symbolic.removesuffix(f".{artifact}")
    if symbolic.endswith(f".{artifact}"):
        return symbolic.removesuffix(f".{artifact}") if "-" in artifact or "." in artifact else symbolic
    parts = symbolic.split(".")
    for count in range(len(parts) - 1, 1, -1):
        rest = "-".join(parts[count:])
        if artifact.replace(".", "-") in {f"{parts[count - 1]}-{rest}", f"{parts[count - 1]}{rest}"}:
            return ".".join(parts[:count])
    return ""


def _is_phase(between: str) -> bool:
    return all(_PHASES.fullmatch(word.lower()) for word in _WORD.findall(between))


def _stated_version(manifest: dict[str, str]) -> str:
    stated = (manifest.get(key, "") for key in _VERSIONS)
    return next((text for text in stated if _VERSION.fullmatch(text)), "")


def _titled(manifest: dict[str, str], stem: str) -> str:
    """The name of an archive whose file name has no version: its title, or else its file name where that means it."""
    title = manifest.get("implementation-title", "")
    if _PLAIN.fullmatch(title) and "." not in title:
        return title
    symbolic = manifest.get("bundle-symbolicname", "").partition(";")[0].strip()
    names = (manifest.get("short-name", ""), symbolic, title, manifest.get("automatic-module-name", ""))
    return next((name for name in names if _PLAIN.fullmatch(name)), stem) if stem in _ANY else stem


def _group(artifact: str, manifest: dict[str, str]) -> str:
    symbolic = manifest.get("bundle-symbolicname", "").partition(";")[0].strip()
    stated = (
        manifest.get("group-id", ""),
        manifest.get("implementation-vendor-id", ""),
        group_of_bundle(symbolic, artifact),
    )
    return next((text for text in stated if len(text) <= 200 and _GROUP.fullmatch(text)), "")  # noqa: PLR2004 - a name
