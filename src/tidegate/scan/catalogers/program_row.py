# SPDX-License-Identifier: Apache-2.0
"""How one program or library is recognised by what it says of itself: one row of the table."""

import re
from typing import Final

from tidegate.values import Struct, field

_BUNDLED: Final = re.compile(r"-[0-9a-f]{8}$")
_NUMBERING: Final = "0123456789.-_"
_LIBRARIES: Final = (".dll", ".dylib")


class ProgramRow(Struct, frozen=True, kw_only=True):
    """One program or library.

    Attributes:
        name: as its package URL has it: `pkg:generic/NAME@VERSION`.
        names: keys (see `key_of`) of the files it lies in; a row without any is looked for in every program, because
            its mark is compiled into the library itself and into nothing that merely uses it.
        marks: patterns whose first group is the version; the first one that is there counts. Those of a row without
            `names` are also compiled by Hyperscan, so they begin with plain text and have no look-around.
        needs: bytes that must be in the file as well; b"" for none.
        license: SPDX expression; "" when it cannot be said for all versions.
        product: its name among the products of the support dates; "" for none.
        sample: what a real file says, for the table's test.
        sample_version: to be read out of `sample`.
        counter_sample: what looks like it and is not.
    """

    name: str
    names: frozenset[str] = field(default_factory=frozenset)
    marks: tuple[re.Pattern[bytes], ...]
    needs: bytes = b""
    license: str = ""
    product: str = ""
    sample: bytes
    sample_version: str
    counter_sample: bytes

    def version_in(self, content: bytes) -> str:
        """The version a file says, by the first mark that is there; "" when none is."""
        if self.needs in content:
            for mark in self.marks:
                if found := mark.search(content):
                    return found[1].decode("ascii", "replace")
        return ""


def key_of(base: str) -> str:
    """A file's name without what numbers it, in lower case.

    `python3.11` and `Python.exe` are `python`; `libpng16-4cc6a9fc.so.16.40.0` and `libpng16.16.dylib` are `libpng.so`;
    `libc-2.31.so` and `libc.so.6` are `libc.so`; every `vmlinuz-…` is `vmlinuz`.
    """
    base = base.lower()
    if base.startswith("vmlinuz"):
        return "vmlinuz"
    stem, dot, _ = base.partition(".so")
    if dot or base.endswith(_LIBRARIES):
        stem = stem.removesuffix(".dll").removesuffix(".dylib")
        return _BUNDLED.sub("", stem).rstrip(_NUMBERING) + ".so"
    return base.removesuffix(".exe").rstrip(_NUMBERING) or base


def row(
    name: str,
    names: str,
    *marks: bytes,
    sample: tuple[bytes, str],
    counter: bytes,
    needs: bytes = b"",
    license: str = "",  # noqa: A002 - the column's name
    product: str = "",
) -> ProgramRow:
    """A row as it is written in the table: `names` apart by spaces."""
    return ProgramRow(
        name=name,
        names=frozenset(names.split()),
        marks=tuple(re.compile(mark) for mark in marks),
        needs=needs,
        license=license,
        product=product,
        sample=sample[0],
        sample_version=sample[1],
        counter_sample=counter,
    )
