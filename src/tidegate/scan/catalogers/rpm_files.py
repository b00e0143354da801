# SPDX-License-Identifier: Apache-2.0
"""Files of a package as its rpm header tells them: paths, digests, and what may be otherwise.

Parallel arrays, one value a file (RPM package format V4, "File information"). A file that was not unpacked
(`--excludedocs`, a language left out) or that another package's took the place of has a state of its own, and is not
this package's. No digest is kept for a ghost, which the package only lays claim to, for what may be missing, and for
what the package's makers ask not to verify.
"""

from collections.abc import Sequence
from typing import Final

from tidegate.scan.catalogers.harvest import Harvest
from tidegate.scan.catalogers.path_budget import GatheredPaths
from tidegate.scan.catalogers.rpm_header import Header, Tag
from tidegate.scan.catalogers.stated_sums import packed_hex

_FOLDER_MODE: Final = 0o040000
_TYPE_OF_MODE: Final = 0o170000
_ELSEWHERE: Final = frozenset({1, 2, 3, 4})
"""States of a file: replaced, not installed, on a shared net, of the wrong colour."""
_CONFIGURATION: Final = 1 << 0
_MAY_BE_MISSING: Final = 1 << 3
_GHOST: Final = 1 << 6
_VERIFY_DIGEST: Final = 1 << 0
_ALGORITHMS: Final = {0: "md5", 1: "md5", 2: "sha1", 8: "sha256", 9: "sha384", 10: "sha512"}
"""OpenPGP's numbers (RFC 4880, section 9.4); 0 where the header names none."""


def own_files(package: str, header: Header, harvest: Harvest) -> None:
    """Keeps the files of one package.

    Raises:
        BoundExceededError: too many, or their names too long.
        InvalidInputError: the header's arrays reach over its end.
    """
    gathered = GatheredPaths("rpm header")
    sums: list[str] = []
    configuration: list[str] = []
    folders = header.strings(Tag.DIRNAMES)
    modes, states = header.numbers(Tag.FILEMODES), header.numbers(Tag.FILESTATES)
    flags, verified = header.numbers(Tag.FILEFLAGS), header.numbers(Tag.FILEVERIFYFLAGS)
    digests = header.strings(Tag.FILEDIGESTS)
    for i, (name, index) in enumerate(zip(header.strings(Tag.BASENAMES), header.numbers(Tag.DIRINDEXES), strict=False)):
        is_folder = _at(modes, i) & _TYPE_OF_MODE == _FOLDER_MODE
        if index >= len(folders) or is_folder or _at(states, i) in _ELSEWHERE:
            continue
        path = gathered.add(folders[index].lstrip("/"), name)
        marks = _at(flags, i)
        is_verified = not verified or bool(_at(verified, i) & _VERIFY_DIGEST)
        is_stated = is_verified and not marks & (_GHOST | _MAY_BE_MISSING) and i < len(digests)
        sums.append(digests[i] if is_stated else "")
        if marks & _CONFIGURATION:
            configuration.append(path)
    algorithm = _ALGORITHMS.get(header.number(Tag.FILEDIGESTALGO), "")
    checksums = packed_hex(sums, algorithm) if algorithm and any(sums) else b""
    harvest.own(
        package,
        gathered.paths,
        algorithm=algorithm if checksums else "",
        checksums=checksums,
        configuration=configuration,
    )


def _at(numbers: Sequence[int], place: int) -> int:
    return numbers[place] if place < len(numbers) else 0
