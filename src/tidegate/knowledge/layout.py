# SPDX-License-Identifier: Apache-2.0
"""Where the parts of a knowledge source lie: the public OSV layout, with KEV, EPSS and support dates beside it.

ROOT/[osv/]<ECOSYSTEM>/all.zip       as osv.dev exports them; or plain <ECOSYSTEM>/<ID>.json
ROOT/kev.json                        or known_exploited_vulnerabilities.json
ROOT/epss/*.csv.gz                   the last by name; or epss.csv.gz, epss.csv
ROOT/eol.json
ROOT/packages/<ECOSYSTEM>/*          deprecated, yanked and abandoned packages (`tidegate.knowledge.native_status`)
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tidegate.bounds import printable, read_bounded
from tidegate.errors import BoundExceededError, InvalidInputError, NotFoundError, OutsideError
from tidegate.knowledge.archive import Entry, read_zip
from tidegate.knowledge.limits import KnowledgeLimits
from tidegate.values import Struct

ARCHIVE: Final = "all.zip"
KEV_NAMES: Final = ("kev.json", "known_exploited_vulnerabilities.json")
EPSS_NAMES: Final = ("epss.csv.gz", "epss.csv")
EPSS_FOLDER: Final = "epss"
EOL_NAME: Final = "eol.json"
PACKAGES_FOLDER: Final = "packages"
_NO_ECOSYSTEMS: Final = frozenset({EPSS_FOLDER, PACKAGES_FOLDER})
_MAX_EPSS_FILES: Final = 10_000


class Source(Struct, frozen=True, kw_only=True):
    """One place advisories come from: an `all.zip`, or a folder of `<ID>.json`."""

    ecosystem: str
    path: Path

    def entries(self, limits: KnowledgeLimits) -> Iterator[Entry]:
        """Yields every advisory's bytes, broken ones with the reason.

        Raises:
            BoundExceededError: over one of the limits.
            InvalidInputError: the zip as a whole cannot be read.
            OutsideError: the disk failed.
        """
        try:
            yield from _folder(self.path, limits) if self.path.is_dir() else read_zip(self.path, limits)
        except OSError as error:
            raise OutsideError(f"cannot be read: {error.strerror or error}", where=str(self.path)) from error


class Layout(Struct, frozen=True, kw_only=True):
    """What was found; a path is None where that part is missing."""

    sources: tuple[Source, ...]
    packages: tuple[Source, ...]
    kev: Path | None
    epss: Path | None
    eol: Path | None


def find(root: Path, limits: KnowledgeLimits) -> Layout:
    """Looks for the parts under a folder.

    Raises:
        NotFoundError: there is no such folder.
        InvalidInputError: it holds no advisories.
        BoundExceededError: it holds more ecosystems than the limits allow.
        OutsideError: the disk failed.
    """
    if not root.is_dir():
        raise NotFoundError("no such folder", where=str(root))
    try:
        sources = tuple(_sources(root / "osv" if (root / "osv").is_dir() else root, limits))
        if not sources:
            raise InvalidInputError(
                "no <ecosystem>/all.zip in it", where=str(root), remedy="name a folder laid out as osv.dev exports it"
            )
        return Layout(
            sources=sources,
            packages=tuple(_packages(root / PACKAGES_FOLDER, limits)),
            kev=_first(root, KEV_NAMES),
            epss=_epss(root),
            eol=_first(root, (EOL_NAME,)),
        )
    except OSError as error:
        raise OutsideError(f"cannot be read: {error.strerror or error}", where=str(root)) from error


def read_document(path: Path, limits: KnowledgeLimits) -> bytes:
    """Reads one of the single documents.

    Raises:
        BoundExceededError: it is over `max_document_bytes`.
        OutsideError: the disk failed.
    """
    try:
        with path.open("rb") as file:
            return read_bounded(file, max_bytes=limits.max_document_bytes, what=str(path))
    except OSError as error:
        raise OutsideError(f"cannot be read: {error.strerror or error}", where=str(path)) from error


def _sources(root: Path, limits: KnowledgeLimits) -> Iterator[Source]:
    folders = sorted(path for path in root.iterdir() if path.is_dir() and path.name not in _NO_ECOSYSTEMS)
    if len(folders) > limits.max_ecosystems:
        raise BoundExceededError("max_ecosystems", limits.max_ecosystems, where=str(root))
    for folder in folders:
        if (folder / ARCHIVE).is_file():
            yield Source(ecosystem=folder.name, path=folder / ARCHIVE)
        if any(path.suffix == ".json" for path in folder.iterdir()):
            yield Source(ecosystem=folder.name, path=folder)


def _packages(root: Path, limits: KnowledgeLimits) -> Iterator[Source]:
    if not root.is_dir():
        return
    count = 0
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            count += 1
            if count > limits.max_package_files:
                raise BoundExceededError("max_package_files", limits.max_package_files, where=str(root))
            yield Source(ecosystem=folder.name, path=path)


def _folder(folder: Path, limits: KnowledgeLimits) -> Iterator[Entry]:
    paths = sorted(path for path in folder.iterdir() if path.suffix == ".json")
    if len(paths) > limits.max_zip_entries:
        raise BoundExceededError("max_zip_entries", limits.max_zip_entries, where=str(folder))
    for path in paths:
        with path.open("rb") as file:
            what = f"{folder}: {printable(path.name)}"
            data = file.read(limits.max_entry_bytes + 1)
            if len(data) > limits.max_entry_bytes:
                raise BoundExceededError("max_entry_bytes", limits.max_entry_bytes, where=what)
            yield Entry(printable(path.name), data)


def _first(root: Path, names: tuple[str, ...]) -> Path | None:
    return next((root / name for name in names if (root / name).is_file()), None)


def _epss(root: Path) -> Path | None:
    folder = root / EPSS_FOLDER
    if folder.is_dir():
        found = sorted(path for path in folder.iterdir() if path.name.endswith((".csv.gz", ".csv")))
        if len(found) > _MAX_EPSS_FILES:
            raise BoundExceededError("epss files", _MAX_EPSS_FILES, where=str(folder))
        if found:
            return found[-1]
    return _first(root, EPSS_NAMES)
