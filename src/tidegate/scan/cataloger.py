# SPDX-License-Identifier: Apache-2.0
"""The contract of catalogers: what reads packages out of one file of a layer.

A cataloger opens nothing and walks nothing. It says by name which files it wants; the analyser hands each to it once,
whole and within the cataloger's own bound. What it returns depends on those bytes and that path alone, so it can be
kept for ever under (layer digest, cataloger version). How to add one: docs/add-a-cataloger.md.
"""

from collections.abc import Callable
from typing import Final, Protocol, TypeAlias, runtime_checkable

from tidegate.bounds import MIB
from tidegate.inventory import FileFacts
from tidegate.values import Struct, field

DEFAULT_MAX_FILE_BYTES: Final = 64 * MIB


class Wants(Struct, frozen=True, kw_only=True):
    """Which files a cataloger wants, as data, so that one look-up serves all catalogers. Any one part suffices.

    Attributes:
        paths: whole paths, no leading slash: `var/lib/dpkg/status`.
        names: base names, anywhere: `METADATA`.
        suffixes: last extension of the base name with its dot, anywhere: `.jar`.
        folders: every file directly in such a folder: `var/lib/dpkg/status.d`.
        folder_names: every file directly in a folder of that base name, anywhere: `.bin`; never a link.
        programs: every file that begins as a program does: ELF, PE or Mach-O.
        max_bytes: a larger file is not handed over; it leaves a failed outcome.
    """

    paths: frozenset[str] = field(default_factory=frozenset)
    names: frozenset[str] = field(default_factory=frozenset)
    suffixes: frozenset[str] = field(default_factory=frozenset)
    folders: frozenset[str] = field(default_factory=frozenset)
    folder_names: frozenset[str] = field(default_factory=frozenset)
    programs: bool = False
    max_bytes: int = DEFAULT_MAX_FILE_BYTES


class ImageFile(Struct, frozen=True, kw_only=True):
    """One regular file of a layer: its path (no leading slash) and its whole content."""

    path: str
    content: bytes


@runtime_checkable
class Cataloger(Protocol):
    """Reads packages out of files.

    Attributes:
        name: unique in the roster; stays the same for ever.
        version: raised with every change of what is returned for the same bytes, here and in the roster.
    """

    name: str
    version: int

    @property
    def wants(self) -> Wants:
        """Which files are handed over."""
        ...

    def accepts(self, path: str) -> bool:
        """A second look at a path that `wants` let through; cheap, pure."""
        ...

    def catalog(self, file: ImageFile) -> FileFacts:
        """Reads one file.

        Raises:
            InvalidInputError: the file is not what its name promises; the analyser records a failed outcome and
                goes on. A `PartialError` carries what could be read all the same.
        """
        ...


ReadBeside: TypeAlias = Callable[[str], bytes | None]
"""Reads another file of the same folder of sources by its path; None when it is not there or over the bound."""


@runtime_checkable
class LooksBeside(Protocol):
    """A cataloger of a manifest that means something only with a file beside it: `go.mod` with `go.sum`.

    Only folders of sources, whose facts are never kept, have something to look at; a layer's file stands alone.
    """

    def beside(self, read: ReadBeside) -> Cataloger:
        """The same cataloger, where the files beside can be read; pure but for them."""
        ...


class PartialError(Exception):
    """Part of a file could be read: the analyser keeps `facts` and records a partial outcome with the reason."""

    def __init__(self, facts: FileFacts, reason: str) -> None:
        super().__init__(reason)
        self.facts = facts
        self.reason = reason
