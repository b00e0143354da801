# SPDX-License-Identifier: Apache-2.0
"""Installed packages of Red Hat, SUSE and their kin: rpm's database, in each of the three forms it has had.

The form is told by the file's own first bytes, not by its name: `Packages` (Berkeley DB), `Packages.db` (ndb),
`rpmdb.sqlite`. All three hold the same: one package header each entry.
"""

from collections.abc import Callable, Iterator
from typing import Final

from tidegate.bounds import MIB
from tidegate.errors import InvalidInputError
from tidegate.inventory import FileFacts, Package, PackageKind, Version
from tidegate.scan.cataloger import ImageFile, Wants
from tidegate.scan.catalogers import rpm_bdb, rpm_ndb, rpm_sqlite
from tidegate.scan.catalogers.harvest import Harvest
from tidegate.scan.catalogers.rpm_files import own_files
from tidegate.scan.catalogers.rpm_header import Header, Tag
from tidegate.scan.catalogers.supplier import supplier_of

_NAMES: Final = frozenset({"Packages", "Packages.db", "rpmdb.sqlite"})
_FOLDERS: Final = ("var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm")
KEYS: Final = "gpg-pubkey"
"""Imported public keys stand among the packages under this name."""
_Reader = tuple[Callable[[bytes], bool], Callable[[bytes, str], Iterator[bytes | InvalidInputError]]]
_FORMS: Final[tuple[_Reader, ...]] = (
    (rpm_sqlite.is_one, rpm_sqlite.blobs),
    (rpm_ndb.is_one, rpm_ndb.blobs),
    (rpm_bdb.is_one, rpm_bdb.blobs),
)


class RpmCataloger:
    """Reads rpm's database, wherever its folder lies in the image."""

    name = "rpm"
    version = 2
    wants = Wants(names=_NAMES, max_bytes=80 * MIB)

    def accepts(self, path: str) -> bool:
        """True in the folders rpm keeps its database in, below any root."""
        folder = path.rpartition("/")[0]
        return folder.endswith(_FOLDERS) and any(folder == own or folder.endswith("/" + own) for own in _FOLDERS)

    def catalog(self, file: ImageFile) -> FileFacts:
        """Reads packages and their files.

        Raises:
            PartialError: some entries are damaged.
            InvalidInputError: it is no database of rpm, none of its entries can be read, or a bound is exceeded.
        """
        harvest = Harvest(path=file.path, cataloger=self.name)
        for entry in headers_in(file):
            try:
                if isinstance(entry, InvalidInputError):
                    raise entry
                _add(Header(entry), harvest)
            except InvalidInputError as error:
                harvest.defect(error.what)
        return harvest.facts()


def headers_in(file: ImageFile) -> Iterator[bytes | InvalidInputError]:
    """The headers' bytes; an error in the place of one that cannot be had.

    Raises:
        InvalidInputError: it is no database of rpm, or a bound is exceeded.
    """
    if not file.content:
        return iter(())
    for is_one, blobs in _FORMS:
        if is_one(file.content):
            return blobs(file.content, file.path)
    raise InvalidInputError("not a database of rpm (sqlite, ndb or Berkeley DB)", where=file.path)


def version_in(header: Header) -> Version:
    """A package's version, with epoch and release."""
    epoch = header.number(Tag.EPOCH)
    return Version(f"{epoch}:{_release(header)}" if epoch else _release(header))


def _release(header: Header) -> str:
    return f"{header.string(Tag.VERSION)}-{header.string(Tag.RELEASE)}"


def _add(header: Header, harvest: Harvest) -> None:
    name = header.string(Tag.NAME)
    if name == KEYS:
        return
    release = _release(header)
    source_name, source_version = _source(header.string(Tag.SOURCERPM))
    licence = header.string(Tag.LICENSE)
    harvest.add(
        Package(
            kind=PackageKind.RPM,
            name=name,
            version=version_in(header),
            source_name="" if source_name == name else source_name,
            source_version="" if source_version == release else source_version,
            architecture=header.string(Tag.ARCH),
            licenses=(licence,) if licence else (),
            modularity=header.string(Tag.MODULARITYLABEL),
            supplier=supplier_of(header.string(Tag.VENDOR), header.string(Tag.PACKAGER)),
        )
    )
    own_files(name, header, harvest)


def _source(file_name: str) -> tuple[str, str]:
    """Name and version-release out of `openssl-1.1.1k-5.el8_5.src.rpm`; its name carries no epoch."""
    stem = file_name.removesuffix(".rpm").removesuffix(".src").removesuffix(".nosrc")
    parts = stem.rsplit("-", 2)
    return (parts[0], f"{parts[1]}-{parts[2]}") if len(parts) == 3 else ("", "")  # noqa: PLR2004 - name, version, release
