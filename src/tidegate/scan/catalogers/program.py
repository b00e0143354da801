# SPDX-License-Identifier: Apache-2.0
"""Programs and libraries recognised by what they say of themselves; the table is in `program_table`.

Every program of an image is handed over, so all marks that may be anywhere are looked for at once, by one Hyperscan
automaton; a mark is then read again by its own expression. The others are tried only in files of the right name.
A packed program (UPX) shows nothing of what is in it: that is told as a partial outcome.
"""

import re
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from tidegate.bounds import KIB, MIB
from tidegate.errors import InvalidInputError
from tidegate.inventory import Basis, FileFacts, Package, PackageKind, Version
from tidegate.scan.cataloger import ImageFile, PartialError, Wants
from tidegate.scan.catalogers.harvest import Harvest
from tidegate.scan.catalogers.program_note import package_of_note
from tidegate.scan.catalogers.program_row import ProgramRow, key_of
from tidegate.scan.catalogers.program_table import PROGRAMS
from tidegate.scan.executables import executables_of
from tidegate.values import Struct

if TYPE_CHECKING:
    import hyperscan

MAX_HITS: Final = 1_000
"""Hits of the automaton read again in one file; a program that has more is made to have them."""

_PACKED_WITHIN: Final = 4 * KIB
_PACKED: Final = (b"UPX!", b"UPX0\0\0\0\0")


class _Mark(Struct, frozen=True):
    row: ProgramRow
    pattern: re.Pattern[bytes]

    def version_at(self, content: bytes, start: int) -> str:
        """The version at a hit; "" when what the row needs is missing."""
        found = self.pattern.match(content, start)
        return found[1].decode("ascii", "replace") if found and self.row.needs in content else ""


class ProgramCataloger:
    """Recognises programs and libraries; one instance serves all threads."""

    name = "program"
    version = 2
    wants = Wants(programs=True, max_bytes=192 * MIB)

    def __init__(self, rows: tuple[ProgramRow, ...] = PROGRAMS) -> None:
        """Takes the table; nothing is compiled before the first file."""
        self._by_key: dict[str, list[ProgramRow]] = {}
        for row in rows:
            for key in row.names:
                self._by_key.setdefault(key, []).append(row)
        self._anywhere = [_Mark(row, mark) for row in rows if not row.names for mark in row.marks]
        self._lock = threading.Lock()
        self._database: hyperscan.Database | None = None
        self._of_thread = threading.local()

    def accepts(self, path: str) -> bool:
        """True for every program, but for what was stripped off one: it has sections without their bytes."""
        return not path.endswith(".debug")

    def catalog(self, file: ImageFile) -> FileFacts:
        """Recognises one program, and the libraries linked into it.

        Raises:
            PartialError: the program is packed.
            InvalidInputError: what it says cannot be a version.
        """
        harvest = Harvest(path=file.path, cataloger=self.name)
        note = _note(file)
        if note is not None:
            harvest.add(note)
        for name, version in sorted(self._recognised(file).items()):
            harvest.add(_package(name, version))
        facts = harvest.facts()
        beginning = file.content[:_PACKED_WITHIN]
        if any(mark in beginning for mark in _PACKED):
            raise PartialError(facts, "packed by UPX: what is in it does not show; unpack it, or ship it unpacked")
        return facts

    def _recognised(self, file: ImageFile) -> dict[str, str]:
        """Names and versions; the file's own name is asked first, then the first mark of a row."""
        found: dict[str, str] = {}
        for row in self._by_key.get(key_of(file.path.rpartition("/")[2]), ()):
            if row.name not in found and (version := row.version_in(file.content)):
                found[row.name] = version
        for number, start in sorted(self._hits(file.content)):
            mark = self._anywhere[number]
            if mark.row.name not in found and (version := mark.version_at(file.content, start)):
                found[mark.row.name] = version
        return found

    def _hits(self, content: bytes) -> set[tuple[int, int]]:
        """Where the marks hit that may be anywhere, as number of the mark and start."""
        import hyperscan  # a layer that is known already is scanned without it

        hits: set[tuple[int, int]] = set()

        def note(mark: int, start: int, _end: int, _flags: int, _context: object) -> bool:
            hits.add((mark, start))
            return len(hits) >= MAX_HITS

        database, scratch = self._automaton()
        with suppress(hyperscan.ScanTerminated):
            database.scan(content, match_event_handler=note, scratch=scratch)
        return hits

    def _automaton(self) -> "tuple[hyperscan.Database, hyperscan.Scratch]":
        """The one database, and this thread's own scratch space."""
        import hyperscan

        scratch = getattr(self._of_thread, "scratch", None)
        if self._database is None or scratch is None:
            with self._lock:
                self._database = self._database or _compiled(self._anywhere)
                scratch = self._of_thread.scratch = hyperscan.Scratch(self._database)
        return self._database, scratch


def _compiled(marks: list[_Mark]) -> "hyperscan.Database":
    import hyperscan

    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[mark.pattern.pattern for mark in marks],
        ids=list(range(len(marks))),
        elements=len(marks),
        flags=hyperscan.HS_FLAG_SOM_LEFTMOST,
    )
    return database


def _package(name: str, version: str) -> Package:
    row = next(row for row in PROGRAMS if row.name == name)
    return Package(
        kind=PackageKind.GENERIC,
        name=name,
        version=Version(version),
        licenses=(row.license,) if row.license else (),
        basis=Basis.RECOGNISED,
    )


def _note(file: ImageFile) -> Package | None:
    """The package a program says it belongs to; broken headers are told of by the cataloger of Go programs."""
    with suppress(InvalidInputError):
        for program in executables_of(file.content, file.path):
            return package_of_note(program)
    return None
