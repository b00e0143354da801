# SPDX-License-Identifier: Apache-2.0
"""Installed packages of Alpine, Wolfi and Chainguard: apk's installed database (format: apk-tools, "installed" v2).

Entries are separated by an empty line; each line is a letter, a colon and a value. A file's folder (`F:`) comes
before its name (`R:`).
"""

import io
from typing import Final

from tidegate.bounds import MIB
from tidegate.errors import BoundExceededError
from tidegate.inventory import FileFacts, Package, PackageKind, Version
from tidegate.scan.cataloger import ImageFile, Wants
from tidegate.scan.catalogers.harvest import MAX_PATHS, Harvest

_PATHS: Final = frozenset({"lib/apk/db/installed", "usr/lib/apk/db/installed"})


class ApkCataloger:
    """Reads `lib/apk/db/installed`."""

    name = "apk"
    version = 1
    wants = Wants(paths=_PATHS, max_bytes=32 * MIB)

    def accepts(self, path: str) -> bool:
        """True for the database's own two places."""
        return path in _PATHS

    def catalog(self, file: ImageFile) -> FileFacts:
        """Reads packages and their files.

        Raises:
            PartialError: an entry has no name or no version.
            InvalidInputError: no entry could be read, or a bound is exceeded.
        """
        harvest = Harvest(path=file.path, cataloger=self.name)
        entry = _Entry()
        for line in io.BytesIO(file.content):
            if line != b"\n":
                entry.read(line.decode(errors="replace").rstrip("\n"))
            elif entry.fields:
                entry.into(harvest)
                entry = _Entry()
        if entry.fields:
            entry.into(harvest)
        return harvest.facts()


class _Entry:
    __slots__ = ("fields", "folder", "paths")

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self.paths: list[tuple[str, str]] = []
        self.folder = ""

    def read(self, line: str) -> None:
        key, value = line[:2], line[2:]
        if key == "R:":
            if len(self.paths) >= MAX_PATHS:
                raise BoundExceededError("MAX_PATHS", MAX_PATHS, where="apk entry")
            self.paths.append((self.folder, value))
        elif key == "F:":
            self.folder = f"{value}/" if value else ""
        else:
            self.fields.setdefault(key, value)

    def into(self, harvest: Harvest) -> None:
        fields = self.fields
        name, origin = fields.get("P:", ""), fields.get("o:", "")
        licence = fields.get("L:", "")
        harvest.add(
            Package(
                kind=PackageKind.APK,
                name=name,
                version=Version(fields.get("V:", "")),
                source_name="" if origin == name else origin,
                architecture=fields.get("A:", ""),
                licenses=(licence,) if licence else (),
            )
        )
        harvest.own(name, (folder + base for folder, base in self.paths))
