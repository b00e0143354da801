# SPDX-License-Identifier: Apache-2.0
"""Verdicts on disk: signed envelopes as they came, one a file, and what was withdrawn since, one a line.

They are verified again when they are read: whoever writes into the folder can take verdicts away, and give none.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from tidegate.artifact import Digest
from tidegate.bounds import MIB
from tidegate.errors import InvalidInputError, OutsideError
from tidegate.signing.bounds import MAX_ENVELOPE_BYTES
from tidegate.signing.keys import KeyId
from tidegate.values import Struct
from tidegate.wire import from_json, to_json

_MAX_LINE_BYTES: Final = 4096
_MAX_POSITION_BYTES: Final = 4096
_MAX_REVOKED_BYTES: Final = MIB


class Position(Struct, frozen=True, kw_only=True):
    """How far a server was heard.

    Attributes:
        offset: of the newest event that was heard; -1 for none.
        settled: what the server stood on when everything there is was taken in; "" for not yet.
    """

    offset: int = -1
    settled: str = ""


class _Withdrawn(Struct, frozen=True):
    subject: str
    offset: int


class VerdictFolder:
    """One folder, of one process.

    Args:
        path: made where it is not there.

    Raises:
        OutsideError: the disk failed; so does everything below.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._batches = path / "batches"
        self._policies = path / "policies.json"
        self._position = path / "position.json"
        self._journal = path / "withdrawn.jsonl"
        self._revoked = path / "revoked-keys.json"
        with _told(path):
            self._batches.mkdir(parents=True, exist_ok=True, mode=0o700)

    def batches(self) -> Iterator[tuple[str, bytes]]:
        """Every envelope of verdicts by its name, as it came."""
        with _told(self._batches):
            for path in sorted(self._batches.glob("*.json")):
                if path.stat().st_size <= MAX_ENVELOPE_BYTES:
                    yield path.stem, path.read_bytes()

    def names(self) -> list[str]:
        """Names of all envelopes of verdicts."""
        with _told(self._batches):
            return [path.stem for path in self._batches.glob("*.json")]

    def add(self, envelope: bytes) -> str:
        """Keeps an envelope; it is on disk when this returns.

        Returns:
            Its name.
        """
        name = Digest.of(envelope).hex
        _write(self._batches / f"{name}.json", envelope)
        return name

    def drop(self, names: Iterable[str]) -> None:
        """Deletes envelopes."""
        with _told(self._batches):
            for name in names:
                (self._batches / f"{name}.json").unlink(missing_ok=True)

    def note_withdrawn(self, subjects: Iterable[str], offset: int) -> None:
        """Writes down what is withdrawn; it is on disk when this returns."""
        lines = b"".join(to_json(_Withdrawn(subject, offset)) + b"\n" for subject in subjects)
        with _told(self._journal), self._journal.open("ab") as file:
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())

    def withdrawn(self) -> Iterator[tuple[str, int]]:
        """What was withdrawn, and by which event; a line that a kill cut off was not yet acted upon."""
        if not self._journal.exists():
            return
        with _told(self._journal), self._journal.open("rb") as file:
            for line in file:
                try:
                    found = from_json(line, _Withdrawn, what="withdrawn", max_bytes=_MAX_LINE_BYTES)
                except InvalidInputError:
                    continue
                yield found.subject, found.offset

    def rewrite_withdrawn(self, subjects: Iterable[tuple[str, int]]) -> None:
        """Writes the list anew, each subject once."""
        _write(self._journal, b"".join(to_json(_Withdrawn(*one)) + b"\n" for one in subjects))

    @property
    def policies(self) -> bytes | None:
        """The envelope of the policies; None for none."""
        with _told(self._policies):
            return self._policies.read_bytes() if self._policies.exists() else None

    @policies.setter
    def policies(self, envelope: bytes) -> None:
        _write(self._policies, envelope)

    @property
    def revoked(self) -> frozenset[KeyId]:
        """Keys that a server told to be revoked.

        Raises:
            InvalidInputError: that cannot be read, and nobody can say whose word counts.
        """
        with _told(self._revoked):
            raw = self._revoked.read_bytes() if self._revoked.exists() else b"[]"
        found = from_json(raw, tuple[str, ...], what=str(self._revoked), max_bytes=_MAX_REVOKED_BYTES)
        return frozenset(map(KeyId, found))

    @revoked.setter
    def revoked(self, keys: frozenset[KeyId]) -> None:
        _write(self._revoked, to_json(sorted(keys)))

    @property
    def position(self) -> Position:
        """How far the server was heard; from the beginning when that cannot be read."""
        try:
            with _told(self._position):
                raw = self._position.read_bytes() if self._position.exists() else b"{}"
            return from_json(raw, Position, what=str(self._position), max_bytes=_MAX_POSITION_BYTES)
        except InvalidInputError:
            return Position()

    @position.setter
    def position(self, position: Position) -> None:
        _write(self._position, to_json(position))


def _write(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all; it is on disk when this returns."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with _told(path):
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class _told:  # noqa: N801 - reads as what it does
    """What the disk says becomes an error of ours that names the file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            what = f"verdicts cannot be kept: {error.strerror or error}"
            raise OutsideError(what, where=str(self._path), remedy="make room, or set webhook.folder") from error
