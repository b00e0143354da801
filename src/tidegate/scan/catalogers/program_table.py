# SPDX-License-Identifier: Apache-2.0
"""The table of programs and libraries that are recognised by what they say of themselves.

Two kinds of rows. Those with file names are read only in files so named, by marks that would be too common elsewhere.
Those without are looked for in every program: their marks are compiled into the library's own code (`deflate 1.2.13
Copyright …`), so a program that has one has the library linked in; what its headers leave in users of it
(`built with OpenSSL …`) is no such mark.
"""

from typing import Final

from tidegate.scan.catalogers.program_interpreters import INTERPRETERS
from tidegate.scan.catalogers.program_libraries import LIBRARIES
from tidegate.scan.catalogers.program_row import ProgramRow
from tidegate.scan.catalogers.program_servers import SERVERS
from tidegate.scan.catalogers.program_tools import TOOLS

PROGRAMS: Final[tuple[ProgramRow, ...]] = (*INTERPRETERS, *SERVERS, *LIBRARIES, *TOOLS)


def support_product_of(name: str) -> str:
    """The product whose support dates hold for a recognised program; "" when there is none.

    Args:
        name: of a component of kind GENERIC.
    """
    return next((row.product for row in PROGRAMS if row.name == name and row.product), "")
