# SPDX-License-Identifier: Apache-2.0
"""Which catalogers want which path: all their `Wants` compiled into five look-ups.

Who wants every program is asked for when a file turned out to be one.
"""

from collections.abc import Sequence

from tidegate.scan.cataloger import Cataloger
from tidegate.scan.entry import path_bytes, path_text
from tidegate.scan.listed import itself

Takers = tuple[Cataloger, ...]


class Dispatch:
    """The roster's wants by path, base name, suffix and folder, in bytes as layers write them.

    Attributes:
        roster: in the order of the outcome.
        programs: those that want every program.
    """

    def __init__(self, roster: Sequence[Cataloger]) -> None:
        self.roster = tuple(map(itself, roster))
        self.programs = tuple(cataloger for cataloger in self.roster if cataloger.wants.programs)
        self._paths = self._compiled("paths")
        self._names = self._compiled("names")
        self._suffixes = self._compiled("suffixes")
        self._folders = self._compiled("folders")
        self._inner = {b"/" + name: takers for name, takers in self._compiled("folder_names").items()}
        self._ends = tuple(self._inner)

    def find(self, name: bytes) -> Takers:
        """The catalogers whose `wants` match, in the roster's order; they have not been asked yet."""
        parent, _, base = name.rpartition(b"/")
        dot = base.rfind(b".")
        suffix = base[dot:] if dot >= 0 else b""
        inner = parent.endswith(self._ends)
        if not (
            base in self._names or suffix in self._suffixes or parent in self._folders or inner or name in self._paths
        ):
            return ()
        by_path, by_name, by_folder = self._paths.get(name), self._names.get(base), self._folders.get(parent)
        by_suffix = self._suffixes.get(suffix) if suffix else None
        by_inner = self._inner.get(b"/" + parent.rpartition(b"/")[2]) if inner else None
        groups = (by_path, by_name, by_folder, by_suffix, by_inner)
        found = {id(cataloger) for group in groups for cataloger in group or ()}
        return tuple(cataloger for cataloger in self.roster if id(cataloger) in found)

    def takers_of_link(self, name: bytes) -> Takers:
        """The same as `takers` for a link: a folder's base name says nothing of what its links lead to."""
        base = name.rpartition(b"/")[2]
        return self.takers(name) if not self._ends or not name[: -len(base) - 1].endswith(self._ends) else ()

    def with_programs(self, name: bytes, takers: Takers) -> Takers:
        """Those, and who wants every program at a second look, too, in the roster's order."""
        path = path_text(name)
        more = tuple(cataloger for cataloger in self.programs if _accepts(cataloger, path))
        return more if not takers else tuple(it for it in self.roster if it in takers or it in more)

    def takers(self, name: bytes) -> Takers:
        """The catalogers that want this path at a second look, too."""
        found = self.find(name)
        if not found:
            return ()
        path = path_text(name)
        return tuple(cataloger for cataloger in found if _accepts(cataloger, path))

    def _compiled(self, part: str) -> dict[bytes, list[Cataloger]]:
        table: dict[bytes, list[Cataloger]] = {}
        for cataloger in self.roster:
            for key in getattr(cataloger.wants, part):
                table.setdefault(path_bytes(key), []).append(cataloger)
        return table


def _accepts(cataloger: Cataloger, path: str) -> bool:
    try:
        return cataloger.accepts(path)
    except Exception:  # noqa: BLE001 - it will most likely break over the file too, and then an outcome tells of it
        return True
