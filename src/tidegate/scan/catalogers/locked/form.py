# SPDX-License-Identifier: Apache-2.0
"""A cataloger of one format of lock file or manifest: which files it is, and the function that reads one."""

import posixpath
from collections.abc import Callable
from typing import Final

from tidegate.bounds import MIB
from tidegate.inventory import Basis, FileFacts
from tidegate.scan.cataloger import Cataloger, ImageFile, ReadBeside, Wants
from tidegate.scan.catalogers.locked.gathering import Gathering
from tidegate.values import Struct, replace

MAX_LOCK_BYTES: Final = 16 * MIB
"""Bytes of a lock file that is read as JSON or line by line."""
MAX_TREE_BYTES: Final = 16 * MIB
"""Bytes of a lock file that is read as YAML, TOML or XML."""

_INSTALLED: Final = ("node_modules/", "site-packages/", "dist-packages/")
"""What lies below is installed: its makers' own lock files say nothing of what is there."""


def alone(_path: str) -> bytes | None:
    """There is nothing beside the file, as far as is known."""
    return None


def anything(_path: str) -> bool:
    """The name was enough."""
    return True


class LockedForm(Struct, kw_only=True):
    """One format; a `Cataloger`, and one that `LooksBeside`.

    Attributes:
        read: gathers the packages of one file; the second argument reads a file by its path in the same folder of
            sources. Raises nothing but `InvalidInputError`.
        suits: a second look at the path.
        basis: how surely the packages are there.
        look: what reads a file beside; of a layer, none is read.
    """

    name: str
    version: int = 1
    wants: Wants
    read: Callable[[Gathering, ReadBeside], None]
    suits: Callable[[str], bool] = anything
    basis: Basis = Basis.LOCKED
    look: ReadBeside = alone

    def accepts(self, path: str) -> bool:
        """True for the format's own files, outside what is installed."""
        return not any(part in path for part in _INSTALLED) and self.suits(path)

    def catalog(self, file: ImageFile) -> FileFacts:
        """Reads one file.

        Raises:
            PartialError: some entries could not be read.
            InvalidInputError: the file is not of its format, or over a bound.
        """
        gathering = Gathering(file, self.name, self.basis)
        self.read(gathering, self.look)
        return gathering.facts()

    def beside(self, read: ReadBeside) -> Cataloger:
        """The same format, read where the files beside it can be seen."""
        return replace(self, look=read)


def named(*names: str, max_bytes: int = MAX_LOCK_BYTES) -> Wants:
    """Wants of a format that is known by the base names of its files."""
    return Wants(names=frozenset(names), max_bytes=max_bytes)


def neighbour(path: str, name: str) -> str:
    """The path of another file, as seen from the folder of the first; "" when it leads out of the sources."""
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
    return "" if joined.startswith(("../", "/")) or joined in {"..", "."} else joined
