# SPDX-License-Identifier: Apache-2.0
"""A copy of the log in a folder. What is there already is not written again, so a later copy costs what was added.

The checkpoint is written last: killed at any moment, the folder is a whole copy of what it says it is.
"""

import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tidegate.artifact import Digest
from tidegate.errors import NotFoundError, OutsideError, RefusedError
from tidegate.ledger.checkpoint import Checkpoint
from tidegate.ledger.copy import CHECKPOINT, HANDOVERS, KEY, FolderCopy, statement_path
from tidegate.ledger.handover import notes_in
from tidegate.ledger.note import NoteKey, split_note, verify_note
from tidegate.ledger.prover import Prover, TileSource
from tidegate.ledger.tile import WIDTH, Tile, split_entries, tiles_of

_AT_ONCE: Final = 64

Named = Callable[[bytes], Digest | None]
"""The statement that an entry names; None when it names none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What a copy holds, and how much of it is new."""

    size: int
    files: int
    statements: int


class Exporter:
    """Writes copies.

    Args:
        source: of tiles.
        statements: gives envelopes by digest; those that are on record no more it leaves out.
        named: reads an entry.
        folder: where to; made when missing.
    """

    def __init__(
        self,
        source: TileSource,
        statements: Callable[[Sequence[Digest]], dict[Digest, bytes]],
        named: Named,
        folder: Path,
    ) -> None:
        self._source = source
        self._statements = statements
        self._named = named
        self._folder = folder
        self._files = self._envelopes = 0

    def write(self, note: str, key: NoteKey, handovers: bytes = b"[]") -> Exported:
        """Copies everything that a checkpoint covers.

        Args:
            note: the signed checkpoint; the folder's own must be its beginning.
            key: the log's, which is put beside it for people.
            handovers: the file of those by which earlier keys lead to it.

        Raises:
            RefusedError: the folder holds a copy of another log, or of one that went on differently.
            OutsideError: the disk failed.
        """
        checkpoint = Checkpoint.from_text(verify_note(note, key, where="checkpoint"))
        before = self._checked_before(checkpoint)
        with _disk(self._folder):
            for tile in tiles_of(checkpoint.size):
                if tile.level == 0:
                    self._copy_entries(tile.bundle, from_index=before)
                self._copy(tile)
            self._write(KEY, f"{key}\n".encode())
            if notes_in(handovers):
                self._write(HANDOVERS, handovers)
            self._write(CHECKPOINT, note.encode())
        return Exported(size=checkpoint.size, files=self._files, statements=self._envelopes)

    def _checked_before(self, new: Checkpoint) -> int:
        """How many entries the folder has already."""
        try:
            old = Checkpoint.from_text(split_note(FolderCopy(self._folder).checkpoint())[0])
        except NotFoundError:
            return 0
        if old.origin != new.origin or old.size > new.size or Prover(self._source).root(old.size) != old.root:
            raise RefusedError(
                f"holds {old.size} entries of {old.origin} that are not the beginning of this log of {new.size}",
                where=str(self._folder),
                remedy="keep it as evidence, and name an empty folder",
            )
        return old.size

    def _copy(self, tile: Tile) -> bytes | None:
        """Writes a file that is not there yet, and takes away the parts that it makes useless; its bytes, if new."""
        path = self._folder / tile.path
        if path.exists():
            return None
        content = self._source.read([tile])[tile]
        self._write(tile.path, content)
        parts = self._folder / f"{Tile(tile.level, tile.index).path}.p"
        for part in parts.iterdir() if parts.is_dir() else ():
            if part != path:
                part.unlink()
        if tile.width == WIDTH:
            with suppress(OSError):
                parts.rmdir()
        return content

    def _copy_entries(self, bundle: Tile, *, from_index: int) -> None:
        """Writes a bundle after the statements its entries name."""
        if (self._folder / bundle.path).exists():
            return
        entries = split_entries(self._source.read([bundle])[bundle], bundle)
        new = entries[max(from_index - bundle.first, 0) :]
        wanted = [digest for digest in map(self._named, new) if digest is not None]
        for first in range(0, len(wanted), _AT_ONCE):
            for digest, envelope in self._statements(wanted[first : first + _AT_ONCE]).items():
                if not (self._folder / statement_path(digest)).exists():
                    self._write(statement_path(digest), envelope)
                    self._envelopes += 1
        self._copy(bundle)

    def _write(self, name: str, content: bytes) -> None:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            with draft.open("wb") as file:
                file.write(content)
            if name == CHECKPOINT:
                os.sync()  # all it covers is on the disk before it is; thousands of files one by one take minutes
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        self._files += 1


@contextmanager
def _disk(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutsideError(f"cannot be written: {error.strerror or error}", where=str(folder)) from error
