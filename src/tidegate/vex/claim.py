# SPDX-License-Identifier: Apache-2.0
"""One thing somebody said, in the one form all documents and ignore files are read into."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from tidegate.clock import parse_rfc3339
from tidegate.errors import InvalidInputError
from tidegate.evidence import Word
from tidegate.values import Struct
from tidegate.vex.product import Scope

MAX_CLAIMS: Final = 100_000
"""Statements or entries of one document."""
MAX_REASON_CHARS: Final = 2000

SILENCING: Final = frozenset({"not_affected", "fixed", "ignored"})
"""Statuses after which a finding counts no longer."""
STATUSES: Final = ("not_affected", "affected", "fixed", "under_investigation")
"""OpenVEX 0.2.0 "Status Labels"; the other forms' words are turned into these."""

_LONG_AGO: Final = datetime(1, 1, 1, tzinfo=UTC)


class About(StrEnum):
    """What kind of thing a claim can silence."""

    FINDING = "finding"
    SECRET = "secret"  # noqa: S105 - a word, no secret
    MISCONFIGURATION = "misconfiguration"


class Claim(Struct, frozen=True, kw_only=True):
    """One statement or ignore entry.

    Attributes:
        word: who said what, for people.
        ids: every name of the vulnerability (or rule) it is about, upper case.
        scope: products and packages it is about.
        paths: globs (`**` over folders) of where the thing must lie; none means anywhere.
        about: what it can silence.
        made: when it was said; of two that speak of the same thing the later counts.
    """

    word: Word
    ids: frozenset[str]
    scope: Scope = Scope()
    paths: tuple[str, ...] = ()
    about: frozenset[About] = frozenset({About.FINDING})
    made: datetime = _LONG_AGO

    @property
    def silences(self) -> bool:
        """True when what it speaks of counts no longer."""
        return self.word.status in SILENCING


def when(text: str) -> datetime:
    """A document's own time; one that is missing or malformed is older than every other."""
    try:
        return parse_rfc3339(text)
    except InvalidInputError:
        return _LONG_AGO


def reason_of(*parts: str) -> str:
    """What there is to say, in one line of bounded length."""
    return " ".join(": ".join(part.strip() for part in parts if part and part.strip()).split())[:MAX_REASON_CHARS]
