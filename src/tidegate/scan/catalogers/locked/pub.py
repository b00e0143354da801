# SPDX-License-Identifier: Apache-2.0
"""Dart's `pubspec.lock` (dart.dev/tools/pub): hosted packages and repositories; those of the SDK or a path are not."""

from typing import Final

from tidegate.errors import InvalidInputError
from tidegate.inventory import PackageKind, Scope
from tidegate.scan.cataloger import ReadBeside
from tidegate.scan.catalogers.locked.checksums import hexadecimal
from tidegate.scan.catalogers.locked.form import MAX_TREE_BYTES, LockedForm, named
from tidegate.scan.catalogers.locked.gathering import Gathering
from tidegate.scan.catalogers.locked.tables import table, text
from tidegate.scan.catalogers.locked.yaml_form import read_yaml


def read_pubspec_lock(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads `packages`; what only a package for development brings along is not told apart.

    Raises:
        InvalidInputError: it is no lock file of pub.
    """
    document = table(next(iter(read_yaml(gathering.content, where=gathering.path)), None))
    if "packages" not in document:
        raise InvalidInputError("no lock file of pub", where=gathering.path)
    for name, body in table(document["packages"]).items():
        found, about = table(body), table(table(body).get("description"))
        source = text(found.get("source"))
        if source in {"hosted", "git"}:
            commit = text(about.get("resolved-ref"))
            gathering.add(
                PackageKind.PUB,
                name,
                text(found.get("version")),
                scope=Scope.DEVELOPMENT if text(found.get("dependency")) == "direct dev" else Scope.RUNTIME,
                checksums=hexadecimal(text(about.get("sha256")), "sha256"),
                qualifiers={"vcs_url": f"git+{text(about.get('url'))}@{commit}"} if source == "git" else {},
            )


PUBSPEC_LOCK: Final = LockedForm(
    name="pubspec-lock", wants=named("pubspec.lock", max_bytes=MAX_TREE_BYTES), read=read_pubspec_lock
)
