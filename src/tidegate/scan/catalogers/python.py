# SPDX-License-Identifier: Apache-2.0
"""Installed Python distributions: `.dist-info` (PEP 376, core metadata 2.4) and `.egg-info`, file or folder.

Only metadata that lies in such a folder counts, copies vendored by other distributions included: they are code that
can run. A `PKG-INFO` on top of a source archive is no installation.
"""

import csv
import io
import posixpath
import re
from collections.abc import Iterator
from typing import Final

from tidegate.bounds import KIB, MIB
from tidegate.errors import InvalidInputError
from tidegate.inventory import FileFacts, Package, PackageKind, Version
from tidegate.inventory.python_name import normalised
from tidegate.scan.cataloger import ImageFile, Wants
from tidegate.scan.catalogers.fields import headers
from tidegate.scan.catalogers.harvest import Harvest
from tidegate.scan.catalogers.path_budget import GatheredPaths
from tidegate.scan.catalogers.stated_sums import DIGEST_BYTES, of_base64
from tidegate.scan.catalogers.supplier import supplier_of
from tidegate.scan.entry import path_text

MAX_HEADER_BYTES: Final = MIB
"""Bytes of metadata read; the description after the headers is never looked at."""
MAX_LICENSE_CHARS: Final = 256
"""Characters of a licence statement; some distributions put the whole text there, of which the first line is kept."""
MAX_LICENSES: Final = 32

_METADATA: Final = frozenset({"METADATA", "PKG-INFO"})
_RECORDS: Final = frozenset({"RECORD", "installed-files.txt"})
_MAKERS: Final = ("author", "author-email", "maintainer", "maintainer-email")
_FIELDS: Final = frozenset({"name", "version", "license", "license-expression", "classifier", *_MAKERS})
_SHA256: Final = "sha256="
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,254}[A-Za-z0-9])?")

_TWO_UP: Final = "../../"
_SCHEMES: Final = ("lib/python", "lib/site-packages")
"""Folders of libraries, two below the root of what was installed: of the home scheme, and of Windows."""


class PythonCataloger:
    """Reads metadata and path lists of installed Python distributions, anywhere in the image."""

    name = "python"
    version = 3
    wants = Wants(names=_METADATA | _RECORDS, suffixes=frozenset({".egg-info"}), max_bytes=32 * MIB)

    def accepts(self, path: str) -> bool:
        """True inside `X.dist-info`, `X.egg-info` and `X.egg/EGG-INFO`, and for a file `X.egg-info`."""
        folder, _, base = path.rpartition("/")
        if base in {"METADATA", "RECORD"}:
            return folder.endswith(".dist-info")
        if base in {"PKG-INFO", "installed-files.txt"}:
            return folder.endswith((".egg-info", "/EGG-INFO"))
        return base.endswith(".egg-info") and len(base) > len(".egg-info")

    def catalog(self, file: ImageFile) -> FileFacts:
        """Reads one distribution, or the paths of one.

        Raises:
            InvalidInputError: no name or version in the metadata, a malformed list, or a bound is exceeded.
        """
        harvest = Harvest(path=file.path, cataloger=self.name)
        folder, _, base = file.path.rpartition("/")
        if base == "RECORD":
            _own_recorded(file, folder, harvest)
        elif base in _RECORDS:
            harvest.own(_name_of(folder), _installed(file, folder))
        else:
            harvest.add(_package(file))
        return harvest.facts()


def _package(file: ImageFile) -> Package:
    found = headers(file.content[:MAX_HEADER_BYTES].decode(errors="replace"), _FIELDS)
    name = next(iter(found.get("name", ())), "")
    if not _NAME.fullmatch(name):
        raise InvalidInputError(f"no name of a Python distribution in the metadata: {name[:60]!r}", where=file.path)
    return Package(
        kind=PackageKind.PYPI,
        name=normalised(name),
        version=Version(next(iter(found.get("version", ())), "")),
        licenses=_licenses(found),
        supplier=supplier_of(*(next(iter(found.get(field, ())), "") for field in _MAKERS)),
    )


def _licenses(found: dict[str, list[str]]) -> tuple[str, ...]:
    expressions = found.get("license-expression")
    if expressions:
        return (expressions[0][:MAX_LICENSE_CHARS],)
    texts = [_first_line(text) for text in found.get("license", ())]
    classifiers = [text for text in found.get("classifier", ()) if text.startswith("License ::")]
    stated = [text[:MAX_LICENSE_CHARS] for text in texts + classifiers if text and text != "UNKNOWN"]
    return tuple(dict.fromkeys(stated))[:MAX_LICENSES]


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.split("\n") if line.strip()), "")


def _name_of(folder: str) -> str:
    base = folder.rpartition("/")[2]
    if base == "EGG-INFO":  # site-packages/foo-1.0-py3.11.egg/EGG-INFO
        base = posixpath.basename(posixpath.dirname(folder))
    return normalised(base.partition("-")[0].removesuffix(".dist").removesuffix(".egg"))


def _installed(file: ImageFile, folder: str) -> Iterator[str]:
    """Reads an `installed-files.txt`, whose paths start from the .egg-info itself and have no digests."""
    lines = (path_text(line.rstrip(b"\r\n")) for line in io.BytesIO(file.content))
    return (path for name in lines if name and (path := _resolved(folder, name)))


def _own_recorded(file: ImageFile, folder: str, harvest: Harvest) -> None:
    """Reads a RECORD: path, digest and size; paths start from the folder that holds the .dist-info.

    Only sha256 is kept: what else the specification allows, nobody writes.
    """
    start = folder.rpartition("/")[0]
    gathered = GatheredPaths(file.path)
    sums: list[bytes] = []
    none = bytes(DIGEST_BYTES["sha256"])
    lines = (path_text(line.rstrip(b"\r\n")) for line in io.BytesIO(file.content))
    for name, stated in _columns(lines, b'"' in file.content, file.path):
        path = _resolved(start, _as_moved(start, name)) if name else ""
        if path:
            gathered.add("", path)
            sums.append(of_base64(stated[7:], "sha256", is_for_urls=True) if stated.startswith(_SHA256) else none)
    harvest.own(_name_of(folder), gathered.paths, algorithm="sha256", checksums=b"".join(sums))


def _columns(lines: Iterator[str], is_quoted: bool, where: str) -> Iterator[tuple[str, str]]:
    """The first two columns of each line."""
    if not is_quoted:
        for line in lines:
            name, _, rest = line.partition(",")
            yield name, rest.partition(",")[0]
        return
    try:
        for row in csv.reader(lines):
            if row:
                yield row[0], row[1] if len(row) > 1 else ""
    except csv.Error as error:
        raise InvalidInputError(f"not a RECORD: {error}", where=where) from error


def _as_moved(start: str, name: str) -> str:
    """Where `pip install --target` put what a RECORD places beside the folder of libraries.

    It installs by the home scheme (`lib/python` and `bin` below one folder) elsewhere, and moves both into the target
    without writing the RECORD anew.
    """
    is_of_home = name.startswith(_TWO_UP) and not name.startswith("../../../")
    return name if not is_of_home or start.lower().endswith(_SCHEMES) else name[len(_TWO_UP) :]


def _resolved(start: str, name: str) -> str:
    if len(name) > 4 * KIB:
        return ""
    path = f"{start}/{name}" if name[0] != "/" else name
    if "//" in path or "./" in path or path[0] == "/":
        path = posixpath.normpath("/" + path)[1:].lstrip("/")  # above the root is the root, as for the kernel
    return path
