# SPDX-License-Identifier: Apache-2.0
"""The newest checkpoint that was signed here, in a file: it outlives the process, and a database that is put back."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from tidegate.bounds import read_bounded
from tidegate.errors import OutsideError, TidegateError
from tidegate.ledger.checkpoint import Checkpoint, verify_checkpoint
from tidegate.ledger.note import MAX_NOTE_BYTES, NoteVerifier


class LastSigned:
    """Remembers one checkpoint of one log.

    Args:
        path: of the file; made when something is signed.
        keys: the log's, those of before too. A file that others signed, or of another log, is as good as none.
    """

    def __init__(self, path: Path, *keys: NoteVerifier) -> None:
        self._path = path
        self._keys = keys

    def read(self) -> Checkpoint | None:
        """The checkpoint; None when there is none.

        Raises:
            OutsideError: the disk failed.
        """
        try:
            with self._path.open("rb") as file:
                text = read_bounded(file, max_bytes=MAX_NOTE_BYTES, what=str(self._path)).decode("utf-8", "replace")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise OutsideError(f"cannot be read: {error.strerror}", where=str(self._path)) from error
        for key in self._keys:
            with suppress(TidegateError):
                return verify_checkpoint(text, key)
        return None

    def keep(self, note: str, size: int) -> None:
        """Writes a newer one, whole or not at all; an older one changes nothing.

        Raises:
            OutsideError: the disk refused, and then the note must not be shown to anybody.
        """
        known = self.read()
        if known is not None and known.size >= size:
            return
        draft = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with draft.open("w", encoding="utf-8") as file:
                file.write(note)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise OutsideError(f"cannot be written: {error.strerror}", where=str(self._path)) from error
