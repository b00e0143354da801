# SPDX-License-Identifier: Apache-2.0
"""What is read from the contents of files: their nature and digests, what catalogers find in them, and secrets."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tidegate.bounds import MIB
from tidegate.errors import BoundExceededError
from tidegate.inventory import FileFacts, Outcome, OutcomeStatus, SecretFact
from tidegate.scan.analyser import Analyser
from tidegate.scan.cataloging import Found, catalog, too_large
from tidegate.scan.digests import FileDigests
from tidegate.scan.dispatch import Takers
from tidegate.scan.entry import Entry, Walk, path_text
from tidegate.scan.nature import NATURE_BYTES, PROGRAM, nature_of
from tidegate.scan.parts import SECRETS
from tidegate.scan.secret_search import SecretSearch

HUGE_BYTES: Final = 8 * MIB
"""Files above it are handed whole to catalogers one at a time, however many layers are read at once."""

_PIECE_BYTES: Final = MIB
_OVER_HOLES: Final = "passed over with all sparse files after it: holes of the layer add up to more than max_hole_bytes"


class FileReader:
    """Reads the files of one layer, or of one folder, as they come by.

    Args:
        analyser: who reads, what is looked for, and at what cost.
        where: the layer's name in errors.
    """

    def __init__(self, analyser: Analyser, where: str) -> None:
        self._limits = analyser.limits
        self._where = where
        self._huge = analyser.huge
        self._digests = FileDigests(analyser.sums) if analyser.parts.custody else None
        self._search = SecretSearch(analyser.secrets, analyser.limits, where) if analyser.parts.secrets else None
        self._reads_all = self._digests is not None or self._search is not None
        self._whole = analyser.limits.max_secret_file_bytes
        self._takers = analyser.dispatch.takers
        self._with_programs = analyser.dispatch.with_programs if analyser.dispatch.programs else None
        self._files: dict[bytes, Found] = {}
        self._outcomes: list[Outcome] = []
        self._holes = 0

    @property
    def files(self) -> list[FileFacts]:
        """What catalogers read."""
        return [found for facts, _ in self._files.values() for found in facts]

    @property
    def outcomes(self) -> list[Outcome]:
        """What could not be read."""
        ours = [outcome for _, outcomes in self._files.values() for outcome in outcomes] + self._outcomes
        return ours + self._search.outcomes if self._search is not None else ours

    @property
    def secrets(self) -> list[SecretFact]:
        """What the secret scanner found, once `flush` was called."""
        return self._search.found if self._search is not None else []

    def take(self, entry: Entry, walk: Walk) -> tuple[int, bytes]:
        """Reads the file the walk yielded last; returns its nature and digests as `TreeWriter.add` takes them."""
        name, _, _, size, _ = entry
        takers = self._takers(name)
        if name in self._files:
            del self._files[name]  # a later entry of the same path wins
        if size > self._whole or walk.holes:
            return self._take_large(entry, takers, walk)
        if not size:
            if takers:
                self._catalog(entry, takers, b"")
            return 0, self._digests.of(name, b"") if self._digests is not None else b""
        is_wanted = takers or self._reads_all
        if not is_wanted and (self._with_programs is None or nature_of(walk.peek(NATURE_BYTES)) != PROGRAM):
            return 0, b""
        content = walk.view()
        nature = nature_of(content)
        if nature == PROGRAM and self._with_programs is not None:
            takers = self._with_programs(name, takers)
        if takers:
            self._catalog(entry, takers, content, is_program=nature == PROGRAM)
        if self._search is not None:
            self._search.put(name, content)
        return nature, self._digests.of(name, content) if self._digests is not None else b""

    def forget(self, name: bytes) -> None:
        """Something that is no file took the path of one."""
        self._files.pop(name, None)

    def flush(self) -> None:
        """Looks for secrets in what was put by; always before the walk's buffer changes under it."""
        if self._search is not None:
            self._search.flush()

    def _take_large(self, entry: Entry, takers: Takers, walk: Walk) -> tuple[int, bytes]:
        name, _, _, size, _ = entry
        if walk.holes and self._is_over_holes(entry, walk.holes):
            return 0, b""
        nature = nature_of(walk.peek(NATURE_BYTES))
        if nature == PROGRAM and self._with_programs is not None:
            takers = self._with_programs(name, takers)
        if any(size <= cataloger.wants.max_bytes for cataloger in takers):
            with self._alone(size):
                content = walk.read()
                self._catalog(entry, takers, content, is_program=nature == PROGRAM)
                return nature, self._pass_by(name, _cut(content))
        if takers:
            self._catalog(entry, takers, b"", is_program=nature == PROGRAM)
        if not (self._digests or self._search):
            return nature, b""
        return nature, self._pass_by(name, walk.pieces())

    def _pass_by(self, name: bytes, pieces: Iterator[bytes | memoryview]) -> bytes:
        """Takes a file piece by piece: each is hashed and searched before the next."""
        digesting = self._digests.begin(name) if self._digests is not None else None
        passing = digesting.passing(pieces) if digesting is not None else pieces
        if self._search is not None:
            self._search.large(name, passing)
        if digesting is None:
            return b""
        for _ in passing:  # the scanner may have had enough before the end
            pass
        return digesting.digests

    def _catalog(self, entry: Entry, takers: Takers, content: bytes | memoryview, *, is_program: bool = False) -> None:
        path = path_text(entry.name)
        fitting = tuple(cataloger for cataloger in takers if entry.size <= cataloger.wants.max_bytes)
        facts, outcomes = too_large(tuple(it for it in takers if it not in fitting), path, entry.size)
        if fitting:
            found, troubles = catalog(fitting, path, bytes(content))
            facts += found
            outcomes += troubles
        if is_program:  # of the thousands of programs those that say nothing leave no trace
            named = {cataloger.name for cataloger in self._takers(entry.name)}
            facts = [it for it in facts if it.cataloger in named or it.packages or it.ownership or it.os_release]
            if not (facts or outcomes):
                return
        self._files[entry.name] = (facts, outcomes)
        if len(self._files) > self._limits.max_wanted_files:
            raise BoundExceededError("max_wanted_files", self._limits.max_wanted_files, where=self._where)

    @contextmanager
    def _alone(self, size: int) -> Iterator[None]:
        """No other worker holds a very large file meanwhile."""
        if size <= HUGE_BYTES:
            yield
            return
        with self._huge:
            yield

    def _is_over_holes(self, entry: Entry, holes: int) -> bool:
        """True when the holes of the layer's sparse files add up to more than is worth reading zeros."""
        was_over = self._holes > self._limits.max_hole_bytes
        self._holes += holes
        is_over = self._holes > self._limits.max_hole_bytes
        if is_over and not was_over:
            path = path_text(entry.name)
            self._outcomes.append(
                Outcome(plugin=SECRETS, status=OutcomeStatus.PARTIAL, location=path, reason=_OVER_HOLES)
            )
        return is_over


def _cut(content: bytes) -> Iterator[memoryview]:
    view = memoryview(content)
    return (view[at : at + _PIECE_BYTES] for at in range(0, len(view), _PIECE_BYTES))
