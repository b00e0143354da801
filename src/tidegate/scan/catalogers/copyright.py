# SPDX-License-Identifier: Apache-2.0
"""Licences of Debian's packages, which dpkg's database does not state: `usr/share/doc/PACKAGE/copyright`.

Read are the machine-readable form (Debian's copyright format 1.0: the short names of its `License` fields) and, where
a file is written freely, which of Debian's common licences it refers to, and a few texts that are always the same.
"""

import re
from typing import Final

from tidegate.bounds import MIB
from tidegate.inventory import FileFacts, PackageLicenses
from tidegate.scan.cataloger import ImageFile, Wants
from tidegate.scan.catalogers.harvest import MAX_LICENSE_CHARS, fits

MAX_STATEMENTS: Final = 64
"""Different licences of one package that are kept."""

_FOLDER: Final = "usr/share/doc/"
_BASE: Final = "copyright"
_DEPTH: Final = 4
"""Slashes in the path of one package's file."""
_HEAD_BYTES: Final = 4_096
_FORMAT: Final = re.compile(rb"(?im)^format(?:-specification)?:")
_LINE: Final = re.compile(rb"(?i)\n(?:(files|format)[^:\n]*:|license:([^\n]*)|[ \t\r]*(?=\n))")
"""Begins with what ends the line before: a search for that is a few times faster than one for the start of a line."""
_COMMON: Final = re.compile(rb"/usr/share/common-licenses/([A-Za-z]+(?:-[0-9]+(?:\.[0-9]+)*)?)")
_FREE: Final = re.compile(rb"(?i)\n[ \t]*licen[sc]e:[ \t]*([A-Za-z0-9.+-]{2,40})[ \t\r]*(?=\n)")
_LATER: Final = re.compile(rb"(?i)(?:any|or)\s+later\s+version|or\s+\(?at\s+your\s+option\)?|or\s+newer")
_LATER_WITHIN: Final = 1_500
"""Bytes before a reference in which its licence is named, with the versions that may be taken."""
_WITH_VERSIONS: Final = ("GPL-", "LGPL-", "GFDL-")
_TEXTS: Final = (
    (b"permission is hereby granted, free of charge, to any person obtaining a copy", "Expat"),
    (b"permission to use, copy, modify, and/or distribute this software for any purpose with or without fee", "ISC"),
    (b"permission to use, copy, modify, and distribute this software for any purpose with or without fee", "ISC"),
    (b"permission to use, copy, modify, distribute, and sell this software and its documentation", "HPND-sell-variant"),
    (b"permission to use, copy, modify, and distribute this software and its documentation", "HPND"),
    (b"this software is provided 'as-is', without any express or implied warranty", "Zlib"),
)
_BSD: Final = b"redistribution and use in source and binary forms"
_BSD_NAMES: Final = (b"neither the name", b"may not be used to endorse or promote", b"names of its contributors")
_MARGIN: Final = bytes.maketrans(b"*#>|", b"    ")
"""What stands before the lines of a quoted text."""


class CopyrightCataloger:
    """Reads what a package's copyright file says of its licences; the package itself is told of by dpkg's database."""

    name = "copyright"
    version = 1
    wants = Wants(names=frozenset({_BASE}), max_bytes=8 * MIB)

    def accepts(self, path: str) -> bool:
        """True for the file of one package."""
        return path.startswith(_FOLDER) and path.count("/") == _DEPTH

    def catalog(self, file: ImageFile) -> FileFacts:
        """Reads the licences; none are found in a file that names none it knows."""
        package = file.path[len(_FOLDER) : -len(_BASE) - 1]
        statements = _stated(file.content) if _is_machine_readable(file.content) else _recognised(file.content)
        kept = tuple(statements)[:MAX_STATEMENTS]
        told = (PackageLicenses(package=package, licenses=kept),) if kept and fits(package) else ()
        return FileFacts(path=file.path, cataloger=self.name, licenses_of=told)


def _is_machine_readable(content: bytes) -> bool:
    return _FORMAT.search(content, 0, _HEAD_BYTES) is not None


def _stated(content: bytes) -> dict[str, None]:
    """Licences of paragraphs about files, or of the whole; paragraphs that only give a licence's text are passed over.

    A text stands for itself there: `GPL-2+ or Artistic` of some files is followed by a text of each.
    """
    found: dict[str, None] = {}
    texts: dict[str, None] = {}
    is_about_files, license_ = False, ""
    for line in _LINE.finditer(b"\n%b\n" % content):
        if line[1]:
            is_about_files = True
        elif line[2] is not None:
            license_ = _tidy(line[2])
        else:
            _keep(found if is_about_files else texts, license_)
            is_about_files, license_ = False, ""
    _keep(found if is_about_files else texts, license_)
    return found or texts


def _keep(found: dict[str, None], license_: str) -> None:
    if license_ and len(found) < MAX_STATEMENTS:
        found.setdefault(license_)


def _tidy(raw: bytes) -> str:
    return " ".join(raw.decode(errors="replace").split())[:MAX_LICENSE_CHARS]


def _recognised(content: bytes) -> dict[str, None]:
    found: dict[str, None] = {}
    for reference in _COMMON.finditer(content):
        name = reference[1].decode()
        before = content[max(0, reference.start() - _LATER_WITHIN) : reference.start()]
        is_open = name.startswith(_WITH_VERSIONS) and _LATER.search(before) is not None
        _keep(found, f"{name}+" if is_open else name)
    for written in _FREE.finditer(b"\n%b\n" % content):
        _keep(found, written[1].decode())
    plain = b" ".join(content.translate(_MARGIN).lower().split())
    for text, name in _TEXTS:
        if text in plain:
            _keep(found, name)
    if _BSD in plain:
        _keep(found, "BSD-3-clause" if any(words in plain for words in _BSD_NAMES) else "BSD-2-clause")
    if not found and b"public domain" in plain:
        _keep(found, "public-domain")
    return found
