# SPDX-License-Identifier: Apache-2.0
"""`composer.lock`: packages, and those for development (getcomposer.org/doc, composer.lock)."""

from typing import Final

from tidegate.errors import InvalidInputError
from tidegate.inventory import PackageKind, Scope
from tidegate.scan.cataloger import ReadBeside
from tidegate.scan.catalogers.locked.checksums import hexadecimal
from tidegate.scan.catalogers.locked.form import LockedForm, named
from tidegate.scan.catalogers.locked.gathering import Gathering
from tidegate.scan.catalogers.locked.json_form import Raw, decoded, entry
from tidegate.values import Struct, field


class _Place(Struct, frozen=True):
    type: str = ""
    url: str = ""
    reference: str | None = None
    shasum: str | None = None


class _Package(Struct, frozen=True):
    name: str
    version: str
    source: _Place | None = None
    dist: _Place | None = None
    license: list[str] | str = ""
    abandoned: bool | str = False


class _Document(Struct, frozen=True):
    packages: list[Raw] | None = None
    development: list[Raw] | None = field(default=None, name="packages-dev")


def read_composer_lock(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads `packages` and `packages-dev`.

    Raises:
        InvalidInputError: it is no lock file of Composer.
    """
    document = decoded(gathering.content, _Document, where=gathering.path)
    if document.packages is None and document.development is None:
        raise InvalidInputError("no lock file of Composer", where=gathering.path)
    for scope, packages in ((Scope.RUNTIME, document.packages), (Scope.DEVELOPMENT, document.development)):
        for place, raw in enumerate(packages or ()):
            found = entry(gathering, f"{scope} package {place}", raw, _Package)
            if found and not (found.dist and found.dist.type == "path"):
                _add(gathering, found, scope)


def _add(gathering: Gathering, found: _Package, scope: Scope) -> None:
    source, dist = found.source, found.dist
    qualifiers = {}
    if found.version.startswith("dev-") and source and source.url:
        qualifiers["vcs_url"] = f"{source.type}+{source.url}@{source.reference or ''}".rstrip("@")
    gathering.add(
        PackageKind.COMPOSER,
        found.name.lower(),
        found.version,
        scope=scope,
        checksums=hexadecimal(dist.shasum or "", "sha1") if dist else (),
        licenses=[found.license] if isinstance(found.license, str) else found.license,
        deprecated=_advice(found.abandoned),
        qualifiers=qualifiers,
    )


def _advice(abandoned: bool | str) -> str:
    if isinstance(abandoned, str):
        return f"abandoned; use {abandoned}" if abandoned else "abandoned"
    return "abandoned" if abandoned else ""


COMPOSER_LOCK: Final = LockedForm(name="composer-lock", wants=named("composer.lock"), read=read_composer_lock)
