# SPDX-License-Identifier: Apache-2.0
"""Installed packages of pacman (Arch Linux): one folder each in its local database, alpm-db(7).

`desc` tells of the package; `mtree` (gzip, mtree(5)) of its files with their sums; `files` which of them people are
meant to change. The paths are taken from `mtree`, so that path and sum come from one place.
"""

import re
import zlib
from collections.abc import Iterator
from typing import Final

from tidegate.bounds import MIB
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.inventory import FileFacts, Package, PackageKind, Version
from tidegate.scan.cataloger import ImageFile, Wants
from tidegate.scan.catalogers.harvest import Harvest
from tidegate.scan.catalogers.installed.documents import note, notes
from tidegate.scan.catalogers.installed.paths import below

MAX_DESC_BYTES: Final = 32 * MIB
MAX_MTREE_BYTES: Final = 128 * MIB
"""Bytes of an unpacked mtree: a kernel's headers have 8 MiB."""
MAX_VALUES: Final = 1_000
"""Lines kept of one section of a `desc`."""

_FOLDER: Final = "var/lib/pacman/local/"
_FILES: Final = frozenset({"desc", "files", "mtree"})
_RELEASE: Final = re.compile(r"(.{1,255})-[^-]{1,255}-[^-]{1,64}")
_OWN_FILES: Final = frozenset({".BUILDINFO", ".CHANGELOG", ".INSTALL", ".MTREE", ".PKGINFO"})
_ESCAPE: Final = re.compile(rb"\\([0-3][0-7]{2})")
_SHA256: Final = re.compile(rb" sha256digest=([0-9a-f]{64})(?: |$)")
_MD5: Final = re.compile(rb" md5digest=([0-9a-f]{32})(?: |$)")
_WINDOW_BITS: Final = 31  # gzip


class AlpmCataloger:
    """Reads pacman's local database."""

    name = "alpm"
    version = 1
    wants = Wants(names=_FILES, max_bytes=MAX_DESC_BYTES)

    def accepts(self, path: str) -> bool:
        """True for the three files in a package's folder."""
        return path.startswith(_FOLDER) and path.count("/") == _FOLDER.count("/") + 1

    def catalog(self, file: ImageFile) -> FileFacts:
        """Reads one package, the paths of one with their sums, or those people are meant to change.

        Raises:
            InvalidInputError: no name or version, an mtree that is damaged, or a bound is exceeded.
        """
        harvest = Harvest(path=file.path, cataloger=self.name)
        folder, _, base = file.path.rpartition("/")
        owner = _owner(folder.rpartition("/")[2])
        if base == "desc":
            harvest.add(_package(_sections(file.content)))
        elif base == "files":
            lines = _sections(file.content).get("BACKUP", ())
            backups = [path for line in lines if (path := below("", line.partition("\t")[0]))]
            harvest.own(owner, backups, configuration=backups)
        else:
            _own_summed(harvest, owner, _inflated(file))
        return harvest.facts()


def _owner(folder: str) -> str:
    found = _RELEASE.fullmatch(folder)
    return found[1] if found else ""


def _package(sections: dict[str, list[str]]) -> Package:
    def first(section: str) -> str:
        return next(iter(sections.get(section, ())), "")

    source = first("BASE")
    return Package(
        kind=PackageKind.ALPM,
        name=first("NAME"),
        version=Version(first("VERSION")),
        source_name="" if source == first("NAME") else source,
        architecture=first("ARCH"),
        licenses=notes(sections.get("LICENSE", ())),
        supplier=note(first("PACKAGER")),
    )


def _sections(content: bytes) -> dict[str, list[str]]:
    """`%SECTION%`, then a value a line, then an empty line."""
    sections: dict[str, list[str]] = {}
    values: list[str] = []
    for line in content.decode(errors="replace").splitlines():
        if len(line) > 2 and line[0] == line[-1] == "%":  # noqa: PLR2004 - both marks and a name
            values = sections.setdefault(line[1:-1], [])
        elif line and len(values) < MAX_VALUES:
            values.append(line)
    return sections


def _inflated(file: ImageFile) -> bytes:
    if file.content[:2] != b"\x1f\x8b":
        return file.content
    inflater = zlib.decompressobj(_WINDOW_BITS)
    try:
        text = inflater.decompress(file.content, MAX_MTREE_BYTES + 1)
    except zlib.error as error:
        raise InvalidInputError("a damaged mtree", where=file.path) from error
    if len(text) > MAX_MTREE_BYTES:
        raise BoundExceededError("MAX_MTREE_BYTES", MAX_MTREE_BYTES, where=file.path)
    if not inflater.eof:
        raise InvalidInputError("an mtree that is cut short", where=file.path)
    return text


def _own_summed(harvest: Harvest, owner: str, text: bytes) -> None:
    algorithm, pattern, size = ("sha256", _SHA256, 32) if b" sha256digest=" in text else ("md5", _MD5, 16)
    paths: list[str] = []
    sums = bytearray()
    for path, line in _entries(text):
        found = pattern.search(line)
        paths.append(path)
        sums += bytes.fromhex(found[1].decode()) if found else bytes(size)
    harvest.own(owner, paths, algorithm=algorithm if any(sums) else "", checksums=bytes(sums) if any(sums) else b"")


def _entries(text: bytes) -> Iterator[tuple[str, bytes]]:
    """Files and links; a `/set` line gives the kind where an entry does not."""
    usual = b"file"
    for line in text.splitlines():
        kind = line.partition(b" type=")[2].partition(b" ")[0]
        if line.startswith(b"/set"):
            usual = kind or usual
        elif line.startswith(b"./") and (kind or usual) != b"dir":
            name = _ESCAPE.sub(lambda it: bytes((int(it[1], 8),)), line.partition(b" ")[0])
            path = below("", name.decode(errors="replace"))
            if path and path not in _OWN_FILES:
                yield path, line
