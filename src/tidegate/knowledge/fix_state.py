# SPDX-License-Identifier: Apache-2.0
"""Whether a source means to fix what it has not fixed yet: the words distributions use, and what a range says.

Debian's tracker says `no-dsa`, `postponed`, `ignored`, and by urgency `unimportant` and `end-of-life`; Ubuntu's
`needed`, `deferred`, `ignored`; Red Hat's VEX `Affected`, `Fix deferred`, `Will not fix`, `Out of support scope`. A
source that says nothing of this but leaves a range open says that no version without the flaw is known to it.
"""

from collections.abc import Iterable
from typing import Final

from tidegate.evidence import FixState
from tidegate.knowledge.affected import KeyRange

_REFUSED: Final = frozenset(
    {
        "end of life",
        "end of standard support",
        "ignored",
        "out of support scope",
        "unimportant",
        "will not fix",
        "wont fix",
        "won't fix",
    }
)
_OPEN: Final = frozenset(
    {
        "affected",
        "deferred",
        "fix deferred",
        "needed",
        "no dsa",
        "not fixed",
        "open",
        "pending",
        "postponed",
        "under investigation",
        "vulnerable",
    }
)


def fix_state(one: KeyRange, words: Iterable[str]) -> FixState:
    """Tells what a range and its source's words say of a fix.

    Args:
        one: the range.
        words: as the source writes them, in any case, `_` and `-` like spaces; those not known are passed over.
    """
    if one.fixed:
        return FixState.FIXED
    plain = {word.strip().lower().replace("-", " ").replace("_", " ") for word in words}
    if plain & _REFUSED:
        return FixState.WILL_NOT_FIX
    return FixState.NOT_FIXED if plain & _OPEN or not one.last else FixState.UNKNOWN
