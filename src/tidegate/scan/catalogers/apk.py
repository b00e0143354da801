# SPDX-License-Identifier: Apache-2.0
"""Installed packages of Alpine, Wolfi and Chainguard: apk's installed database (format: apk-tools, "installed" v2).

Entries are separated by an empty line; each line is a letter, a colon and a value. A file's folder (`F:`) comes
before its name (`R:`), its digest (`Z:`) after it: `Q1` and a SHA-1, or `Q2` and a SHA-256, in base64; of a link it
is that of the target's name. Everything below `etc/` is protected as configuration (apk-protected_paths(5)).
"""

import io
from collections.abc import Iterator
from typing import Final

from tidegate.bounds import MIB
from tidegate.inventory import FileFacts, Package, PackageKind, Version
from tidegate.scan.cataloger import ImageFile, Wants
from tidegate.scan.catalogers.harvest import Harvest
from tidegate.scan.catalogers.path_budget import GatheredPaths
from tidegate.scan.catalogers.stated_sums import DIGEST_BYTES, of_base64
from tidegate.scan.catalogers.supplier import supplier_of
from tidegate.scan.entry import path_text

_PATHS: Final = frozenset({"lib/apk/db/installed", "usr/lib/apk/db/installed"})
_CONFIGURATION: Final = "etc/"
_ALGORITHMS: Final = {"Q1": "sha1", "Q2": "sha256"}


class ApkCataloger:
    """Reads `lib/apk/db/installed`."""

    name = "apk"
    version = 2
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
        for entry in entries_in(file.content):
            entry.into(harvest)
        return harvest.facts()


def entries_in(content: bytes) -> Iterator["Entry"]:
    """The entries of an installed database, one after the other.

    Raises:
        BoundExceededError: the paths of one are too many, or too long.
    """
    entry = Entry()
    for line in io.BytesIO(content):
        if line != b"\n":
            entry.read(path_text(line.rstrip(b"\n")))
        elif entry.fields:
            yield entry
            entry = Entry()
    if entry.fields:
        yield entry


class Entry:
    """One package: its fields by their letter and colon, its files gathered beside them."""

    __slots__ = ("_gathered", "fields", "folder", "sums")

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self._gathered = GatheredPaths("apk entry")
        self.sums: dict[int, str] = {}
        self.folder = ""

    def read(self, line: str) -> None:
        """Takes one line in, without its end."""
        key, value = line[:2], line[2:]
        if key == "R:":
            self._gathered.add(self.folder, value)
        elif key == "Z:":
            if self._gathered.paths:
                self.sums[len(self._gathered.paths) - 1] = value
        elif key == "F:":
            self.folder = f"{value}/" if value else ""
        else:
            self.fields.setdefault(key, value)

    def into(self, harvest: Harvest) -> None:
        """Keeps the package and its files."""
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
                supplier=supplier_of(fields.get("m:", "")),
            )
        )
        algorithm, paths = self._algorithm(), self._gathered.paths
        harvest.own(
            name,
            paths,
            algorithm=algorithm,
            checksums=self._checksums(algorithm, len(paths)),
            configuration=[path for path in paths if path.startswith(_CONFIGURATION)],
        )

    def _algorithm(self) -> str:
        """Of the entry's digests; one package was built by one tool, so all are of one kind."""
        return _ALGORITHMS.get(next(iter(self.sums.values()), "")[:2], "")

    def _checksums(self, algorithm: str, count: int) -> bytes:
        if not algorithm:
            return b""
        sums, none = self.sums, bytes(DIGEST_BYTES[algorithm])
        return b"".join(
            [
                of_base64(sums[i][2:], algorithm) if i in sums and _ALGORITHMS.get(sums[i][:2]) == algorithm else none
                for i in range(count)
            ]
        )
