# SPDX-License-Identifier: Apache-2.0
"""One thing a developer is told of, whatever found it: where, why, how to mend it, how to accept it."""

from tidegate.evidence import Severity
from tidegate.values import Struct


class Concern(Struct, frozen=True, kw_only=True):
    """What to do something about.

    Attributes:
        kind: `dependency`, `secret`, or what a check is of: `dockerfile`, `kubernetes`, `twelve-factor`, `sast`, …
        ids: names of what is wrong, the worst first.
        score: 0.0 to 100.0, on the scale of `tidegate.examination.priority`.
        place: the file, with its line where that is known.
        accept: how somebody who may do so accepts the risk, in words.
        is_new: true when it was not there before; always, when nothing is known of before.
    """

    kind: str
    ids: tuple[str, ...]
    title: str
    severity: Severity
    score: float
    place: str
    why: str
    fix: str
    accept: str
    references: tuple[str, ...] = ()
    is_new: bool = True
