# SPDX-License-Identifier: Apache-2.0
"""`deno.lock`, versions 2 to 5: packages of npm and of JSR, and modules fetched by address."""

import re
from typing import Final

from tidegate.inventory import PackageKind
from tidegate.scan.cataloger import ReadBeside
from tidegate.scan.catalogers.locked.checksums import hexadecimal, integrity
from tidegate.scan.catalogers.locked.form import LockedForm, named
from tidegate.scan.catalogers.locked.gathering import Gathering
from tidegate.scan.catalogers.locked.json_form import Raw, decoded, entry
from tidegate.scan.catalogers.locked.npm_names import divided
from tidegate.values import Struct, field

_MODULE: Final = re.compile(r"https://deno\.land/(?:x/)?([A-Za-z0-9_.-]{1,200})@([^/\s]{1,200})/")
"""A module fetched by address from Deno's own host, which puts its version there."""


class _Packages(Struct, frozen=True):
    npm: dict[str, Raw] = field(default_factory=dict)
    jsr: dict[str, Raw] = field(default_factory=dict)


class _Npm2(Struct, frozen=True):
    packages: dict[str, Raw] = field(default_factory=dict)


class _Document(Struct, frozen=True):
    version: str
    npm: Raw = Raw()
    jsr: dict[str, Raw] = field(default_factory=dict)
    packages: _Packages = field(default_factory=_Packages)
    remote: dict[str, Raw] = field(default_factory=dict)


class _Entry(Struct, frozen=True):
    integrity: str = ""


def read_deno_lock(gathering: Gathering, _beside: ReadBeside) -> None:
    """Reads packages of npm (`pkg:npm`) and JSR (`pkg:generic/jsr.io/…`: it has no type of its own).

    Modules of `deno.land` are `pkg:generic/deno.land/…`; those of other hosts tell no version.

    Raises:
        InvalidInputError: it is no lock file of Deno.
    """
    document = decoded(gathering.content, _Document, where=gathering.path)
    npm, jsr = dict(document.packages.npm), {**document.packages.jsr, **document.jsr}
    if bytes(document.npm):
        is_nested = document.version == "2"  # else `npm` holds the packages themselves
        if is_nested:
            npm.update(decoded(document.npm, _Npm2, where=gathering.path).packages)
        else:
            npm.update(decoded(document.npm, dict[str, Raw], where=gathering.path))
    for identity, raw in npm.items():
        found = entry(gathering, identity, raw, _Entry)
        name, version = divided(identity)
        if found:  # a version goes on with an underscore and the peers it was resolved with
            gathering.add(PackageKind.NPM, name, version.partition("_")[0], checksums=integrity(found.integrity))
    for identity, raw in jsr.items():
        found = entry(gathering, identity, raw, _Entry)
        whole, version = divided(identity)
        vendor, _, name = whole.rpartition("/")
        if found:
            gathering.add(
                PackageKind.GENERIC,
                name,
                version,
                namespace=f"jsr.io/{vendor}".rstrip("/"),
                checksums=hexadecimal(found.integrity, "sha256"),
            )
    for module in map(_MODULE.match, document.remote):
        if module:
            gathering.add(PackageKind.GENERIC, module[1], module[2], namespace="deno.land")


DENO_LOCK: Final = LockedForm(name="deno-lock", wants=named("deno.lock"), read=read_deno_lock)
