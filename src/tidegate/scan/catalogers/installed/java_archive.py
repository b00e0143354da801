# SPDX-License-Identifier: Apache-2.0
"""Java packages in archives: jar, war, ear and their kin, archives in them, and what was shaded into one.

Each Maven coordinate an archive carries is a component, and the archive itself is one where its manifest or its name
tells what none of them does. An archive inside is told by its path in the qualifier `inner-path`; `location` stays a
path of the image. Hostile archives are bounded by count, depth and the sum of what is unpacked.
"""

import hashlib
import posixpath
from typing import Final

from tidegate.bounds import MIB
from tidegate.errors import InvalidInputError
from tidegate.inventory import Basis, FileFacts, Package, PackageKind, Version
from tidegate.scan.cataloger import ImageFile, Wants
from tidegate.scan.catalogers.harvest import Harvest, fits
from tidegate.scan.catalogers.installed.documents import note, notes
from tidegate.scan.catalogers.installed.java_groups import known_group
from tidegate.scan.catalogers.installed.java_manifest import (
    MAX_MANIFEST_BYTES,
    MAX_POM_BYTES,
    Coordinates,
    manifest_licenses,
    pom_licenses,
    read_manifest,
    read_pom,
    read_properties,
)
from tidegate.scan.catalogers.installed.java_name import by_manifest, by_place
from tidegate.scan.catalogers.installed.zip_archive import ZipArchive, ZipMember
from tidegate.values import Struct, field, replace

MAX_ARCHIVE_BYTES: Final = 256 * MIB
_SUFFIXES: Final = (".jar", ".war", ".ear", ".par", ".sar", ".rar", ".hpi", ".jpi", ".kar", ".nar", ".lpkg")
_INNER: Final = tuple(suffix.encode() for suffix in _SUFFIXES)
_WANTED: Final = (*_INNER, b"/pom.properties", b"/pom.xml", b"META-INF/MANIFEST.MF")
_ZIP: Final = b"PK"
_SCRIPT: Final = b"#!"
_MAVEN: Final = "META-INF/maven/"
_PROPERTIES: Final = "pom.properties"
_POM: Final = "pom.xml"


class ArchiveLimits(Struct, frozen=True, kw_only=True):
    """What one archive with all that is in it may cost; what is over a limit is left out, and the outcome says so.

    Attributes:
        max_inner_bytes: of one archive inside another, unpacked.
        max_unpacked_bytes: of all archives inside one file together.
        max_text_bytes: of all manifests, properties and poms of one file together.
        max_archives: inside one file, at all depths.
        max_depth: archives inside each other: a jar in a war in an ear is two.
        max_poms: Maven coordinates of one archive.
    """

    max_inner_bytes: int = 128 * MIB
    max_unpacked_bytes: int = 1024 * MIB
    max_text_bytes: int = 128 * MIB
    max_archives: int = 5_000
    max_depth: int = 4
    max_poms: int = 10_000


class JavaArchiveCataloger:
    """Reads Maven coordinates out of Java archives, and out of the metadata of unpacked ones."""

    name = "java-archive"
    version = 2
    wants = Wants(names=frozenset({_PROPERTIES}), suffixes=frozenset(_SUFFIXES), max_bytes=MAX_ARCHIVE_BYTES)

    def __init__(self, limits: ArchiveLimits | None = None) -> None:
        self._limits = limits or ArchiveLimits()

    def accepts(self, path: str) -> bool:
        """True for archives, and for the properties of an unpacked one."""
        return path.endswith(_SUFFIXES) or _MAVEN in path

    def catalog(self, file: ImageFile) -> FileFacts:
        """Reads one archive with all that is in it.

        Raises:
            PartialError: something in it could not be read.
            InvalidInputError: it is no archive, or nothing of it could be read.
        """
        harvest = Harvest(path=file.path, cataloger=self.name)
        if file.path.endswith(f"/{_PROPERTIES}"):
            _add(harvest, _named(read_properties(file.content), posixpath.dirname(file.path)))
        elif file.content[:2] == _ZIP or file.content[:2] == _SCRIPT:
            _Reading(harvest=harvest, limits=self._limits).read(file.content, file.path, inner="", depth=0)
        elif not file.path.endswith(".rar") and file.content:  # a .rar may be of the other kind
            raise InvalidInputError("not a zip archive", where=file.path)
        return harvest.facts()


class _Reading(Struct, kw_only=True):
    """What was spent of the limits while one file is read."""

    harvest: Harvest
    limits: ArchiveLimits
    archives: int = 0
    unpacked_bytes: int = 0
    text_bytes: int = 0
    full: bool = False
    seen: set[tuple[str, str]] = field(default_factory=set)

    def read(self, content: bytes | memoryview, path: str, *, inner: str, depth: int) -> None:
        try:
            archive = ZipArchive(content, where=inner or path)
        except InvalidInputError as error:
            self.harvest.defect(str(error))
            return
        members = archive.members(lambda name: name.endswith(_WANTED))
        if archive.defect:
            self.harvest.defect(f"{inner or path}: {archive.defect}")
        self._tell(archive, members, content, inner or path, inner=inner)
        for member in members:
            if member.name.endswith(_SUFFIXES):
                self._descend(archive, member, path, inner=inner, depth=depth + 1)

    def _descend(self, archive: ZipArchive, member: ZipMember, path: str, *, inner: str, depth: int) -> None:
        if self.full:
            return
        if depth > self.limits.max_depth:
            self.harvest.defect(f"{member.name[:200]}: over the limit max_depth = {self.limits.max_depth}")
            return
        if self.archives >= self.limits.max_archives:
            self.full = True
            self.harvest.defect(f"{member.name[:200]}: over the limit max_archives = {self.limits.max_archives}")
            return
        self.archives += 1
        content = self._inner(archive, member)
        if content is not None and content[:2] in {_ZIP, _SCRIPT}:
            self.read(content, path, inner=f"{inner}!/{member.name}" if inner else member.name, depth=depth)

    def _tell(
        self, archive: ZipArchive, members: list[ZipMember], content: bytes | memoryview, path: str, *, inner: str
    ) -> None:
        texts = {member.name: member for member in members if not member.name.endswith(_SUFFIXES)}
        found = self._coordinates(archive, texts)
        manifest = self._manifest(archive, texts)
        stem = posixpath.basename(path).rpartition(".")[0]
        own = _own(stem, found)
        named = None if own else by_place(path) or by_manifest(stem, manifest)
        sums = (f"sha1:{hashlib.sha1(content, usedforsecurity=False).hexdigest()}",) if own or named else ()
        supplier = note(manifest.get("implementation-vendor") or manifest.get("bundle-vendor"))
        for coordinates, licenses in found:
            is_own = own == coordinates
            stated = licenses or (manifest_licenses(manifest) if is_own else ())
            it = _package(coordinates, stated, sums if is_own else (), supplier if is_own else "")
            self._add(it, inner)
        if named is not None and not _is_told(named, found, stem):
            it = _package(named, manifest_licenses(manifest), sums, supplier, basis=Basis.RECOGNISED)
            self._add(it, inner)

    def _add(self, package: Package, inner: str) -> None:
        key = (package.name, package.version)
        if key in self.seen:
            return
        self.seen.add(key)
        if inner and fits(inner.replace(" ", "")):
            package = _within(package, inner)
        _add(self.harvest, package)

    def _coordinates(
        self, archive: ZipArchive, texts: dict[str, ZipMember]
    ) -> list[tuple[Coordinates, tuple[str, ...]]]:
        folders: dict[str, None] = {}
        for name in texts:
            folder, _, base = name.rpartition("/")
            if base == _PROPERTIES or (base == _POM and _MAVEN in name):
                folders[folder] = None
        most = self.limits.max_poms
        if len(folders) > most:
            self.harvest.defect(f"over the limit max_poms = {most}")
        found: dict[Coordinates, tuple[str, ...]] = {}
        for folder in list(folders)[:most]:
            told = self._pom(archive, texts.get(f"{folder}/{_PROPERTIES}"), texts.get(f"{folder}/{_POM}"), folder)
            if told is not None:
                found.setdefault(*told)
        return list(found.items())

    def _pom(
        self, archive: ZipArchive, properties: ZipMember | None, pom: ZipMember | None, folder: str
    ) -> tuple[Coordinates, tuple[str, ...]] | None:
        text = self._text(archive, pom, MAX_POM_BYTES)
        stated = self._text(archive, properties, MAX_MANIFEST_BYTES)
        coordinates = _named(read_properties(stated), folder) if stated is not None else None
        if coordinates is None and text is not None:
            try:
                coordinates = _named(read_pom(text, where=f"{folder}/{_POM}"), folder)
            except InvalidInputError as error:
                self.harvest.defect(str(error))
        if coordinates is None:
            return None
        return coordinates, pom_licenses(text) if text is not None else ()

    def _manifest(self, archive: ZipArchive, texts: dict[str, ZipMember]) -> dict[str, str]:
        content = self._text(archive, texts.get("META-INF/MANIFEST.MF"), MAX_MANIFEST_BYTES)
        return read_manifest(content) if content is not None else {}

    def _inner(self, archive: ZipArchive, member: ZipMember) -> memoryview | None:
        self.unpacked_bytes += member.size
        most = self.limits.max_unpacked_bytes
        if self.unpacked_bytes > most:
            self.full = True
            self.harvest.defect(f"{member.name[:200]}: over the limit max_unpacked_bytes = {most}")
            return None
        return self._read(archive, member, self.limits.max_inner_bytes)

    def _text(self, archive: ZipArchive, member: ZipMember | None, max_bytes: int) -> bytes | None:
        if member is None or self.full:
            return None
        self.text_bytes += member.size
        most = self.limits.max_text_bytes
        if self.text_bytes > most:
            self.full = True
            self.harvest.defect(f"{member.name[:200]}: over the limit max_text_bytes = {most}")
            return None
        content = self._read(archive, member, max_bytes)
        return bytes(content) if content is not None else None

    def _read(self, archive: ZipArchive, member: ZipMember, max_bytes: int) -> memoryview | None:
        try:
            return archive.read(member, max_bytes=max_bytes)
        except InvalidInputError as error:
            self.harvest.defect(str(error))
            return None


def _named(told: Coordinates, folder: str) -> Coordinates | None:
    """Coordinates with what the folder's name says where they leave something out: `META-INF/maven/GROUP/ARTIFACT`."""
    parts = folder.rpartition(_MAVEN)[2].split("/")
    group, artifact = parts if _MAVEN in folder and len(parts) == 2 else ("", "")  # noqa: PLR2004 - group, artifact
    whole = Coordinates(group=told.group or group, artifact=told.artifact or artifact, version=told.version)
    is_whole = all(fits(text) and ":" not in text and "/" not in text for text in (whole.group, whole.artifact))
    return whole if is_whole and fits(whole.version) else None


def _own(stem: str, found: list[tuple[Coordinates, tuple[str, ...]]]) -> Coordinates | None:
    """Which of an archive's coordinates are its own: the longest artifact that the file name begins with."""
    fitting = [it for it, _ in found if stem == it.artifact or stem.startswith(f"{it.artifact}-")]
    exact = [it for it in fitting if f"{it.artifact}-{it.version}" == stem]
    return max(exact or fitting, key=lambda it: len(it.artifact), default=None)


def _is_told(named: Coordinates, found: list[tuple[Coordinates, tuple[str, ...]]], stem: str) -> bool:
    """True when one of the coordinates is the archive itself under another file name (`COPY target/x-1.0.jar app.jar`).

    A file name with a version stands for itself, unless the only coordinates in the archive have that version; so does
    that of a well-known artifact whose manifest has a version of its own (`guice.jar`, with cglib shaded in).
    """
    if any(it.version == named.version and it.artifact in {named.artifact, stem} for it, _ in found):
        return True
    versioned = stem.endswith(named.version)
    same = any(it.version == named.version for it, _ in found)
    is_known = bool(known_group(named.artifact, named.version))
    return bool(found) and ((len(found) == 1 and same) if versioned else (same or not is_known))


def _package(
    coordinates: Coordinates,
    licenses: tuple[str, ...],
    checksums: tuple[str, ...],
    supplier: str,
    *,
    basis: Basis = Basis.INSTALLED,
) -> Package:
    group, artifact = coordinates.group, coordinates.artifact
    return Package(
        kind=PackageKind.MAVEN,
        name=f"{group}:{artifact}" if group else artifact,
        version=Version(coordinates.version),
        licenses=notes(licenses),
        checksums=checksums,
        supplier=supplier,
        basis=basis,
    )


def _within(package: Package, inner: str) -> Package:
    return replace(package, qualifiers=(("inner-path", note(inner)),))


def _add(harvest: Harvest, told: Package | Coordinates | None) -> None:
    if isinstance(told, Coordinates):
        told = _package(told, (), (), "")
    if told is not None:
        harvest.add(told)
