# SPDX-License-Identifier: Apache-2.0
"""Tells English and code from random letters by their pairs.

Half of the neighbouring letters of a text are among the sixty most frequent pairs, of random letters one in eleven.
"""

from typing import Final

_PAIRS: Final = frozenset(
    b"th he in er an re on at en nd ti es or te of ed is it al ar st to nt ng se ha as ou io le ve co me de hi ri ro ic"
    b" ne ea ra ce li ch ll be ma si om ur ot ct ec ke ey tr pr ss pa sw wo rd ge ac et na el la us ut no".split()
)
_MAX_COMMON: Final = 0.4
_MIN_PAIRS: Final = 5


def reads_like_words(secret: bytes) -> bool:
    """True for names, words and sentences; what is too short to tell does not."""
    folded = secret.lower()
    pairs = [folded[i : i + 2] for i in range(len(folded) - 1) if folded[i : i + 2].isalpha()]
    if len(pairs) < _MIN_PAIRS:
        return False
    return sum(pair in _PAIRS for pair in pairs) / len(pairs) > _MAX_COMMON
