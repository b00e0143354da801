# SPDX-License-Identifier: Apache-2.0
"""How bad an advisory says it is: CVSS vectors scored by the `cvss` library, else the words databases use."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from tidegate.evidence import Severity
from tidegate.values import Struct

MAX_VECTOR_CHARACTERS: Final = 512
MAX_SCORE: Final = 10.0

_WORDS: Final[Mapping[str, Severity]] = MappingProxyType(
    {
        "none": Severity.NONE,
        "negligible": Severity.LOW,  # Ubuntu and Debian: real, but hardly a problem
        "unimportant": Severity.LOW,
        "low": Severity.LOW,
        "medium": Severity.MEDIUM,
        "moderate": Severity.MEDIUM,  # GitHub, Red Hat
        "high": Severity.HIGH,
        "important": Severity.HIGH,  # Red Hat, AlmaLinux
        "critical": Severity.CRITICAL,
    }
)


_FLOORS: Final = ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM), (0.1, Severity.LOW))


class Rating(Struct, frozen=True, kw_only=True):
    """A severity and what it rests on.

    Attributes:
        score: CVSS base score, 0.0 to 10.0; None when only words were given.
        vector: the CVSS vector scored; "" when only words were given.
        generation: major version of CVSS, 0 for words.
    """

    severity: Severity = Severity.UNKNOWN
    score: float | None = None
    vector: str = ""
    generation: int = 0

    @property
    def rank(self) -> tuple[int, float, int, str]:
        """The better rating is the greater: by generation of CVSS, then score, then word."""
        return self.generation, self.score or 0.0, self.severity.rank, self.vector


UNRATED: Final = Rating()


class Rater:
    """Scores vectors, each distinct one once."""

    def __init__(self) -> None:
        self._seen: dict[str, Rating] = {}

    def rate(
        self,
        severities: Iterable[tuple[str, str]],
        words: Iterable[str],
        scores: Iterable[tuple[int, float]] = (),
    ) -> Rating:
        """Returns the best rating there is: a vector, else a score, else a word.

        Args:
            severities: pairs of type and score as in OSV's `severity` (schema 1.7): a vector, or a word for types
                such as `Ubuntu`.
            words: further words, best first, used when no vector can be scored.
            scores: base scores without vectors, each with the generation of CVSS, best first.
        """
        best = UNRATED
        for kind, score in severities:
            rating = self.of_vector(score) if kind.startswith("CVSS") else of_word(score)
            best = max(best, rating, key=lambda one: one.rank)
        if best.severity is not Severity.UNKNOWN:
            return best
        for generation, base in scores:
            return Rating(severity=of_score(base, generation), score=base, generation=generation)
        return next((rating for word in words if (rating := of_word(word)).severity is not Severity.UNKNOWN), UNRATED)

    def of_vector(self, vector: str) -> Rating:
        """Scores one vector of CVSS 2, 3.0, 3.1 or 4.0; `UNRATED` when it is none."""
        if len(vector) > MAX_VECTOR_CHARACTERS:
            return UNRATED
        rating = self._seen.get(vector)
        if rating is None:
            rating = self._seen[vector] = _scored(vector)
        return rating


def of_word(word: str) -> Rating:
    """Reads a severity in words, in any case; `UNRATED` when the word is not known."""
    return Rating(severity=_WORDS.get(word.strip().lower(), Severity.UNKNOWN))


def of_score(score: float, generation: int) -> Severity:
    """The qualitative rating of a base score (CVSS 3.1 section 5, CVSS 4.0 section 6; of CVSS 2 as NVD has it)."""
    if generation == 2:  # noqa: PLR2004 - CVSS 2 knows no critical
        return Severity.HIGH if score >= 7 else Severity.MEDIUM if score >= 4 else Severity.LOW  # noqa: PLR2004
    for floor, severity in _FLOORS:
        if score >= floor:
            return severity
    return Severity.NONE


def _scored(vector: str) -> Rating:
    from cvss import CVSS2, CVSS3, CVSS4, CVSSError

    try:
        if vector.startswith("CVSS:4"):
            four = CVSS4(vector)
            return _rating(float(four.base_score), four.severity, vector, 4)
        if vector.startswith("CVSS:3"):
            three = CVSS3(vector)
            return _rating(float(three.base_score), three.severities()[0], vector, 3)
        two = CVSS2(vector.strip("()"))
        return _rating(float(two.base_score), two.severities()[0], vector, 2)
    except (CVSSError, ValueError, KeyError, IndexError, ArithmeticError):
        return UNRATED


def _rating(score: float, word: str, vector: str, generation: int) -> Rating:
    return Rating(severity=of_word(word).severity, score=score, vector=vector, generation=generation)
