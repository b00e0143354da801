# SPDX-License-Identifier: Apache-2.0
"""Packages of a conda environment: `conda-meta/*.json`, one record a package, with its files and their sha256."""

from collections.abc import Iterator
from typing import Any, Final

from tidegate.bounds import MIB
from tidegate.inventory import FileFacts, Package, PackageKind, Version
from tidegate.scan.cataloger import ImageFile, Wants
from tidegate.scan.catalogers.harvest import Harvest
from tidegate.scan.catalogers.installed.documents import json_object, list_of, note, notes, object_of, text_of
from tidegate.scan.catalogers.installed.paths import below
from tidegate.scan.catalogers.locked.checksums import hexadecimal

MAX_RECORD_BYTES: Final = 64 * MIB

_FOLDER: Final = "conda-meta"
_SHA256_BYTES: Final = 32
_NOT_A_FILE: Final = frozenset({"softlink", "directory"})


class CondaCataloger:
    """Reads the records conda, mamba and micromamba keep of what they installed."""

    name = "conda"
    version = 1
    wants = Wants(suffixes=frozenset({".json"}), max_bytes=MAX_RECORD_BYTES)

    def accepts(self, path: str) -> bool:
        """True directly in a folder `conda-meta`."""
        folder = path.rpartition("/")[0]
        return folder.rpartition("/")[2] == _FOLDER

    def catalog(self, file: ImageFile) -> FileFacts:
        """Reads one package and the paths it owns.

        Raises:
            InvalidInputError: it is not JSON, or tells no name or no version.
        """
        harvest = Harvest(path=file.path, cataloger=self.name)
        record = json_object(file.content, where=file.path)
        package = _package(record)
        harvest.add(package)
        prefix = file.path.rpartition("/")[0].rpartition("/")[0]
        owned = dict(_owned(record, prefix))
        has_sums = any(map(any, owned.values()))
        harvest.own(
            package.name,
            owned,
            algorithm="sha256" if has_sums else "",
            checksums=b"".join(owned.values()) if has_sums else b"",
        )
        return harvest.facts()


def _package(record: dict[str, Any]) -> Package:
    sums = hexadecimal(text_of(record.get("sha256")), "sha256") or hexadecimal(text_of(record.get("md5")), "md5")
    qualifiers = {
        "build": note(record.get("build")),
        "channel": _channel(record),
        "subdir": note(record.get("subdir")),
        "type": "conda" if text_of(record.get("fn")).endswith(".conda") else "tar.bz2" if record.get("fn") else "",
    }
    return Package(
        kind=PackageKind.CONDA,
        name=text_of(record.get("name")),
        version=Version(text_of(record.get("version"))),
        licenses=notes([record.get("license")]),
        checksums=sums,
        qualifiers=tuple((key, value) for key, value in qualifiers.items() if value),
    )


def _channel(record: dict[str, Any]) -> str:
    """The channel's name, out of its address: `https://conda.anaconda.org/conda-forge/linux-64` → `conda-forge`."""
    address = note(record.get("channel")).rstrip("/").removesuffix(f"/{text_of(record.get('subdir'))}")
    return address.rpartition("/")[2]


def _owned(record: dict[str, Any], prefix: str) -> Iterator[tuple[str, bytes]]:
    """Paths with their sha256; what was changed while it was installed has another one than in the archive."""
    entries = [object_of(one) for one in list_of(object_of(record.get("paths_data")).get("paths"))]
    stated = {text_of(entry.get("_path")): _sum(entry) for entry in entries}
    for name in list_of(record.get("files")) or list(stated):
        path = below(prefix, text_of(name))
        if path:
            yield path, stated.get(name, bytes(_SHA256_BYTES))


def _sum(entry: dict[str, Any]) -> bytes:
    if text_of(entry.get("path_type")) in _NOT_A_FILE:
        return bytes(_SHA256_BYTES)
    digits = text_of(entry.get("sha256_in_prefix")) or text_of(entry.get("sha256"))
    told = hexadecimal(digits, "sha256")
    return bytes.fromhex(told[0].partition(":")[2]) if told else bytes(_SHA256_BYTES)
