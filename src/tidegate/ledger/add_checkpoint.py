# SPDX-License-Identifier: Apache-2.0
"""What is said between a log and its witness: the `add-checkpoint` call of C2SP tlog-witness, both ways."""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from tidegate.bounds import KIB
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.ledger.note import unbase64
from tidegate.ledger.tile import HASH_BYTES

MAX_REQUEST_BYTES: Final = 256 * KIB
MAX_PROOF_LINES: Final = 63
SIZE_TYPE: Final = "text/x.tlog.size"
"""The media type of a conflict: the size of the checkpoint that was cosigned last."""
_OLD: Final = re.compile(r"old (0|[1-9][0-9]{0,18})")
_SIZE: Final = re.compile(r"(0|[1-9][0-9]{0,18})\n")
MAX_SIZE_BYTES: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class AddCheckpoint:
    """A request.

    Attributes:
        old_size: of the checkpoint that the witness is believed to have cosigned last; 0 for none.
        proof: that the new tree starts with that one.
        note: the new checkpoint, signed.
    """

    old_size: int
    proof: Sequence[bytes]
    note: str

    def to_body(self) -> bytes:
        """The request's body."""
        lines = [
            f"old {self.old_size}",
            *(base64.b64encode(item).decode("ascii") for item in self.proof),
            "",
            self.note,
        ]
        return "\n".join(lines).encode()

    @classmethod
    def from_body(cls, body: bytes) -> Self:
        """Reads a request's body.

        Raises:
            BoundExceededError: over `MAX_REQUEST_BYTES` or `MAX_PROOF_LINES`.
            InvalidInputError: it is none.
        """
        where = "add-checkpoint"
        if len(body) > MAX_REQUEST_BYTES:
            raise BoundExceededError("MAX_REQUEST_BYTES", MAX_REQUEST_BYTES, where=where)
        try:
            head, separator, note = body.decode().partition("\n\n")
        except UnicodeDecodeError as error:
            raise InvalidInputError("not UTF-8", where=where) from error
        first, *lines = head.split("\n")
        old = _OLD.fullmatch(first)
        if old is None or not separator:
            raise InvalidInputError(
                "needs a line with the old size, the proof's, an empty one, and a note", where=where
            )
        if len(lines) > MAX_PROOF_LINES:
            raise BoundExceededError("MAX_PROOF_LINES", MAX_PROOF_LINES, where=where)
        proof = [unbase64(line, where) for line in lines]
        if any(len(item) != HASH_BYTES for item in proof):
            raise InvalidInputError("a line of the proof is no hash", where=where)
        return cls(old_size=int(old[1]), proof=proof, note=note)


def read_size(body: bytes) -> int:
    """The size in the answer to a request whose old size was wrong.

    Raises:
        InvalidInputError: it is none.
    """
    found = _SIZE.fullmatch(body[:MAX_SIZE_BYTES].decode("latin-1"))
    if found is None:
        raise InvalidInputError("the answer is no tree size", where="add-checkpoint")
    return int(found[1])
