# SPDX-License-Identifier: Apache-2.0
"""Which form a program is of, by its first bytes."""

from collections.abc import Iterator

from tidegate.scan.executables import elf, macho, pe
from tidegate.scan.executables.executable import Executable


def executables_of(content: bytes, where: str) -> Iterator[Executable]:
    """The programs in a file: one, several for a universal Mach-O, none for anything else.

    Args:
        content: the whole file.
        where: its path, for errors.

    Raises:
        InvalidInputError: it begins as a program does, but its headers are broken or hostile.
    """
    view = memoryview(content)
    magic = content[:4]
    if magic == elf.MAGIC:
        yield elf.Elf(view, where)
    elif magic in macho.MAGICS:
        yield macho.Macho(view, where)
    elif magic in macho.FAT_MAGICS:
        for part in macho.programs_in(view, where):
            if bytes(part[:4]) in macho.MAGICS:
                yield macho.Macho(part, where)
    elif magic[:2] == pe.MAGIC and pe.is_pe(view):
        yield pe.Pe(view, where)
