# SPDX-License-Identifier: Apache-2.0
"""A proof that an entry is in a log, in one small file that needs no server: C2SP tlog-proof."""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from tidegate.bounds import MIB
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.ledger.note import unbase64
from tidegate.ledger.tile import HASH_BYTES

MAX_PROOF_BYTES: Final = 2 * MIB
MAX_PROOF_HASHES: Final = 63
FIRST_LINE: Final = "c2sp.org/tlog-proof@v1"
_INDEX: Final = re.compile(r"index (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True, kw_only=True)
class TlogProof:
    """A proof as its file has it.

    Attributes:
        index: of the entry, from 0.
        hashes: from the leaf's sibling up.
        checkpoint: the signed note, cosignatures included.
        extra: not authenticated by itself; ours is the entry, whose hash the proof is about.
    """

    index: int
    hashes: Sequence[bytes]
    checkpoint: str
    extra: bytes = b""

    def to_text(self) -> str:
        """The file."""
        lines = [FIRST_LINE]
        if self.extra:
            lines.append(f"extra {_base64(self.extra)}")
        lines += [f"index {self.index}", *map(_base64, self.hashes), "", self.checkpoint]
        return "\n".join(lines)

    @classmethod
    def from_text(cls, text: str, *, where: str) -> Self:
        """Reads a file; nothing in it is verified.

        Raises:
            BoundExceededError: over `MAX_PROOF_BYTES` or `MAX_PROOF_HASHES`.
            InvalidInputError: it is no proof.
        """
        if len(text) > MAX_PROOF_BYTES:
            raise BoundExceededError("MAX_PROOF_BYTES", MAX_PROOF_BYTES, where=where)
        head, separator, checkpoint = text.partition("\n\n")
        lines = head.split("\n")
        if not separator or lines.pop(0) != FIRST_LINE:
            raise InvalidInputError(f"does not begin with {FIRST_LINE}, or has no checkpoint", where=where)
        extra = b""
        if lines and lines[0].startswith("extra "):
            extra = unbase64(lines.pop(0).removeprefix("extra "), where)
        found = _INDEX.fullmatch(lines.pop(0)) if lines else None
        if found is None:
            raise InvalidInputError("has no index line where it must stand", where=where)
        if len(lines) > MAX_PROOF_HASHES:
            raise BoundExceededError("MAX_PROOF_HASHES", MAX_PROOF_HASHES, where=where)
        hashes = tuple(unbase64(line, where) for line in lines)
        if any(len(item) != HASH_BYTES for item in hashes):
            raise InvalidInputError("a line of the proof is no hash", where=where)
        return cls(index=int(found[1]), hashes=hashes, checkpoint=checkpoint, extra=extra)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")
