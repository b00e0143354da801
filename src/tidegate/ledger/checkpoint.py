# SPDX-License-Identifier: Apache-2.0
"""Signed tree heads: C2SP tlog-checkpoint."""

import base64
import re
from dataclasses import dataclass
from typing import Final, Self

from tidegate.errors import InvalidInputError
from tidegate.ledger.note import NoteKey, NoteSigner, unbase64, verify_note

_FIRST_LINES: Final = 3
_HASH_BYTES: Final = 32
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What a log says of itself: its name, how many entries it has, and the root over them."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def to_text(self) -> str:
        """The note's text, which is what is signed."""
        lines = (self.origin, str(self.size), base64.b64encode(self.root).decode("ascii"), *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Reads a note's text.

        Raises:
            InvalidInputError: it is no checkpoint.
        """
        lines = text.removesuffix("\n").split("\n")
        if len(lines) < _FIRST_LINES or not all(lines) or not _SIZE.fullmatch(lines[1]):
            raise InvalidInputError("needs a name, a size and a root, a line each", where="checkpoint")
        root = unbase64(lines[2], "checkpoint")
        if len(root) != _HASH_BYTES:
            raise InvalidInputError("the root is not 32 bytes", where="checkpoint")
        return cls(origin=lines[0], size=int(lines[1]), root=root, extensions=tuple(lines[_FIRST_LINES:]))


def sign_checkpoint(checkpoint: Checkpoint, signer: NoteSigner) -> str:
    """The checkpoint as a signed note.

    Raises:
        ValueError: the checkpoint names another log than the key signs for.
    """
    if checkpoint.origin != signer.name:
        raise ValueError(f"the checkpoint is of {checkpoint.origin!r}, the key of {signer.name!r}")
    return signer.sign(checkpoint.to_text())


def verify_checkpoint(note: str, trusted: NoteKey) -> Checkpoint:
    """Reads a signed note and returns its checkpoint only when the trusted key signed it for its own log.

    Raises:
        InvalidInputError: no note, no checkpoint, or another log's.
        RefusedError: the trusted key did not sign it.
    """
    checkpoint = Checkpoint.from_text(verify_note(note, trusted, where="checkpoint"))
    if checkpoint.origin != trusted.name:
        raise InvalidInputError(f"is of {checkpoint.origin!r}, not {trusted.name!r}", where="checkpoint")
    return checkpoint
