# SPDX-License-Identifier: Apache-2.0
"""The order of RubyGems (`Gem::Version`).

A version is numbers and words, read apart at every change between them; `-` says `.pre.`. Words are before the end,
the end equals zeros, words are compared by letter with capitals first. Trailing zeros of the numbers before the first
word do not count, nor do those of all.
"""

import re
from typing import Final

from tidegate.inventory import Version
from tidegate.knowledge.versions.order import InvalidVersionError, checked, number

_FORM: Final = re.compile(r"[0-9][0-9A-Za-z]*(?:\.[0-9A-Za-z]+)*(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?")
_PIECE: Final = re.compile(r"[0-9]+|[A-Za-z]+")
_WORD, _ZERO_BEFORE_WORD, _END, _NUMBER = b"\x01", b"\x02", b"\x03", b"\x04"


class RubyGemsOrder:
    """Orders versions as `Gem::Version` does."""

    name: Final = "rubygems"

    def key(self, version: Version) -> bytes:
        """See `VersionOrder.key`."""
        text = checked(self.name, version)
        if not _FORM.fullmatch(text):
            raise InvalidVersionError(self.name, version, "not of the form 1.2.3[.pre][-pre]")
        pieces = _PIECE.findall(text.replace("-", ".pre."))
        first_word = next((at for at, piece in enumerate(pieces) if piece[0] > "9"), len(pieces))
        return _coded([*_trimmed(pieces[:first_word]), *_trimmed(pieces[first_word:])])


def _trimmed(pieces: list[str]) -> list[str]:
    while pieces and not pieces[-1].strip("0"):
        pieces.pop()
    return pieces


def _coded(pieces: list[str]) -> bytes:
    out = [_END]
    before_word = False  # nothing but zeros stand between here and a word
    for piece in reversed(pieces):
        if piece[0] > "9":
            out.append(_WORD + piece.encode("ascii") + b"\x00")
            before_word = True
        elif before_word and not piece.strip("0"):
            out.append(_ZERO_BEFORE_WORD)
        else:
            out.append(_NUMBER + number(piece))
            before_word = False
    return b"".join(reversed(out))
