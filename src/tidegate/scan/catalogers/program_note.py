# SPDX-License-Identifier: Apache-2.0
"""The package a program says it was built for: the ELF note `.note.package` (UAPI Group, "ELF Package Metadata")."""

import struct
from typing import Final

from tidegate.bounds import KIB
from tidegate.errors import InvalidInputError
from tidegate.inventory import Basis, Package, PackageKind, Version
from tidegate.scan.executables import Executable
from tidegate.values import Struct
from tidegate.wire import from_json

MAX_NOTE_BYTES: Final = 64 * KIB

_SECTION: Final = b".note.package"
_OWNER: Final = b"FDO\0"
_TYPE: Final = 0xCAFE1A7E
_KINDS: Final = {
    "deb": PackageKind.DEB,
    "rpm": PackageKind.RPM,
    "apk": PackageKind.APK,
    "alpm": PackageKind.ALPM,
    "pacman": PackageKind.ALPM,
    "arch": PackageKind.ALPM,
    "opkg": PackageKind.OPKG,
}


class _Metadata(Struct, frozen=True):
    type: str = ""
    name: str = ""
    version: str = ""
    architecture: str = ""
    os: str = ""


def package_of_note(program: Executable) -> Package | None:
    """Reads the note; None when there is none, or it tells of no package of a known kind.

    A note is a claim of the program about itself: one that is malformed is passed over.

    Raises:
        InvalidInputError: the section does not lie in the file.
    """
    data = program.section(_SECTION)
    if not data:
        return None
    order = ">" if program.is_big_endian else "<"
    try:
        owner_bytes, text_bytes, kind = struct.unpack_from(f"{order}3I", data)
    except struct.error:
        return None
    start = 12 + -(-owner_bytes // 4) * 4
    if kind != _TYPE or data[12 : 12 + owner_bytes] != _OWNER or text_bytes > MAX_NOTE_BYTES:
        return None
    return _package(data[start : start + text_bytes].rstrip(b"\0"))


def _package(text: bytes) -> Package | None:
    try:
        told = from_json(text, _Metadata, what="package note", max_bytes=MAX_NOTE_BYTES)
    except InvalidInputError:
        return None
    kind = _KINDS.get(told.type)
    if kind is None or not told.name or not told.version:
        return None
    return Package(
        kind=kind,
        name=told.name,
        version=Version(told.version),
        architecture=told.architecture,
        namespace=told.os,
        basis=Basis.RECOGNISED,
    )
