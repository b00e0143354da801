# SPDX-License-Identifier: Apache-2.0
"""`vcpkg.json`: the versions it overrides are pins; all others are a registry's baseline's to tell.

A package URL has no type for vcpkg: `pkg:generic/vcpkg/…`.
"""

from typing import Final

from tidegate.bounds import MIB
from tidegate.inventory import Basis, PackageKind
from tidegate.scan.cataloger import ReadBeside
from tidegate.scan.catalogers.locked.form import LockedForm, named
from tidegate.scan.catalogers.locked.gathering import Gathering
from tidegate.scan.catalogers.locked.json_form import Raw, decoded, entry
from tidegate.values import Struct, field


class _Override(Struct, frozen=True):
    name: str
    version: str = ""
    semver: str = field(default="", name="version-semver")
    date: str = field(default="", name="version-date")
    text: str = field(default="", name="version-string")


class _Document(Struct, frozen=True):
    overrides: list[Raw] = field(default_factory=list)


def read_vcpkg(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads `overrides`.

    Raises:
        InvalidInputError: it is no manifest of vcpkg.
    """
    for place, raw in enumerate(decoded(gathering.content, _Document, where=gathering.path).overrides):
        found = entry(gathering, f"override {place}", raw, _Override)
        if found:
            version = found.version or found.semver or found.date or found.text
            gathering.add(PackageKind.GENERIC, found.name, version, namespace="vcpkg")


VCPKG: Final = LockedForm(
    name="vcpkg", wants=named("vcpkg.json", max_bytes=4 * MIB), read=read_vcpkg, basis=Basis.DECLARED
)
