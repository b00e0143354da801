# SPDX-License-Identifier: Apache-2.0
"""What a file is by its first bytes: ELF (System V ABI), PE (MS-DOS header), Mach-O (`loader.h`), `#!`."""

from typing import Final

DATA: Final = 0
PROGRAM: Final = 1
SCRIPT: Final = 2
"""Indexes into `tidegate.scan.tree.NATURES`."""

NATURE_BYTES: Final = 64
"""Bytes from the beginning of a file that decide."""

_FIRST: Final = frozenset(b"\x7fM#\xfe\xce\xcf\xca")
_ELF: Final = b"\x7fELF"
_DOS: Final = b"MZ"
_DOS_HEADER_BYTES: Final = 64
_MACH: Final = frozenset((b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe"))
_FAT: Final = frozenset((b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf"))
_MAX_FAT_PARTS: Final = 44  # Java classes begin alike; there the next word is a version, 45 or more


def nature_of(content: bytes | memoryview) -> int:
    """Index of the nature of a file, by its content or the first `NATURE_BYTES` of it."""
    if not content or content[0] not in _FIRST:
        return DATA
    head = bytes(content[:NATURE_BYTES])
    if head.startswith(b"#!"):
        return SCRIPT
    magic = head[:4]
    if magic == _ELF or magic in _MACH:
        return PROGRAM
    if magic in _FAT and len(head) >= 8:  # noqa: PLR2004 - magic and count
        return PROGRAM if 0 < int.from_bytes(head[4:8], "big") < _MAX_FAT_PARTS else DATA
    is_dos = head.startswith(_DOS) and len(head) >= _DOS_HEADER_BYTES and b"\0" in head  # text may begin with MZ, too
    return PROGRAM if is_dos else DATA
