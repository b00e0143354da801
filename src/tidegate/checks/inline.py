# SPDX-License-Identifier: Apache-2.0
"""What documents say of checks in comments of their own: `# tidegate:ignore=TG-DF-002`, and hadolint's, for its rules.

A comment counts for its own line, or for the next line that is no comment. `tidegate:ignore-file=` counts for the whole
document, as does `hadolint global ignore=`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Final

from tidegate.evidence import IdleWord, InVain, Misconfiguration, SaidIn, SuppressedMisconfiguration, Word
from tidegate.values import Struct

MAX_WORDS: Final = 10_000
"""Comments of one document that are heeded; the rest silences nothing."""
MAX_REASON_CHARS: Final = 300

_OURS: Final = re.compile(r"(?:^|\s)(?:#|//)\s*tidegate:ignore(-file)?=([\w,-]+)([^\n]{0,1000})")
_HADOLINT: Final = re.compile(r"\s*#\s*hadolint\s+(global\s+)?ignore=([\w, ]+)")
_EXPIRES: Final = re.compile(r"\bexp:(\d{4}-\d{2}-\d{2})\b")

HADOLINT: Final[Mapping[str, tuple[str, ...]]] = {
    "DL3000": ("TG-DF-026",),
    "DL3002": ("TG-DF-001",),
    "DL3003": ("TG-DF-027",),
    "DL3004": ("TG-DF-017",),
    "DL3005": ("TG-DF-016",),
    "DL3006": ("TG-DF-002",),
    "DL3007": ("TG-DF-002",),
    "DL3009": ("TG-DF-015",),
    "DL3011": ("TG-DF-024",),
    "DL3014": ("TG-DF-013",),
    "DL3015": ("TG-DF-014",),
    "DL3019": ("TG-DF-015",),
    "DL3020": ("TG-DF-007",),
    "DL3023": ("TG-DF-032",),
    "DL3024": ("TG-DF-004",),
    "DL3025": ("TG-DF-025",),
    "DL3029": ("TG-DF-006",),
    "DL3030": ("TG-DF-013",),
    "DL3032": ("TG-DF-015",),
    "DL3034": ("TG-DF-013",),
    "DL3038": ("TG-DF-013",),
    "DL3040": ("TG-DF-015",),
    "DL3042": ("TG-DF-033",),
    "DL4000": ("TG-DF-028",),
    "DL4003": ("TG-DF-005",),
    "DL4004": ("TG-DF-005",),
    "DL4006": ("TG-DF-030",),
}
"""hadolint's rules and the checks that ask the same; its other rules have none here."""


class Heard(Struct, frozen=True, kw_only=True):
    """What still counts of one document, what does not and who said so, and what was said in vain."""

    counting: tuple[Misconfiguration, ...]
    suppressed: tuple[SuppressedMisconfiguration, ...] = ()
    idle: tuple[IdleWord, ...] = ()


class _Comment(Struct, frozen=True, kw_only=True):
    """One id in one comment; `line` 0 speaks of the whole document."""

    word: Word
    ids: tuple[str, ...]
    line: int


def heed_comments(found: Sequence[Misconfiguration], raw: bytes, *, path: str, at: date) -> Heard:
    """Applies a document's own comments to what was found in it.

    Args:
        found: what the checks objected to.
        raw: the document.
        path: its name, for people.
        at: the day; what expired before it silences nothing.
    """
    if b"ignore" not in raw:
        return Heard(counting=tuple(found))
    comments: dict[tuple[str, int], Word] = {}
    said: dict[Word, bool] = {}
    idle: list[IdleWord] = []
    for one in _comments(raw, path):
        if one.word.expires and one.word.expires < at:
            idle.append(IdleWord(word=one.word, why=InVain.EXPIRED, detail=f"since {one.word.expires}"))
            continue
        said[one.word] = False
        comments |= {(identity, one.line): one.word for identity in one.ids}
    counting: list[Misconfiguration] = []
    suppressed: list[SuppressedMisconfiguration] = []
    for wrong in found:
        by = comments.get((wrong.id, wrong.line)) or comments.get((wrong.id, 0))
        if by is None:
            counting.append(wrong)
        else:
            said[by] = True
            suppressed.append(SuppressedMisconfiguration(misconfiguration=wrong, by=by))
    idle += [
        IdleWord(word=word, why=InVain.UNUSED, detail=f"nothing here is {word.id}")
        for word, is_used in said.items()
        if not is_used and word.id not in HADOLINT
    ]
    return Heard(counting=tuple(counting), suppressed=tuple(suppressed), idle=tuple(idle))


def _comments(raw: bytes, path: str) -> Iterator[_Comment]:
    lines = raw.decode("utf-8", "replace").split("\n")
    spoken_of = _next_statements(lines)
    words = 0
    for number, line in enumerate(lines, 1):
        if "ignore" not in line:
            continue
        for comment in _of_line(line, number, spoken_of[number - 1], path):
            words += 1
            if words > MAX_WORDS:
                return
            yield comment


def _of_line(line: str, number: int, target: int, path: str) -> Iterator[_Comment]:
    if found := _OURS.search(line):
        day = _EXPIRES.search(found[3])
        expires = _day(day[1]) if day else None
        reason = _EXPIRES.sub("", found[3]).strip(" -:\r")[:MAX_REASON_CHARS]
        for identity in filter(None, found[2].split(",")):
            word = _word(identity.upper(), f"{path}:{number}", reason, expires)
            yield _Comment(word=word, ids=(word.id,), line=0 if found[1] else target)
    elif found := _HADOLINT.match(line):
        for identity in filter(None, found[2].replace(" ", ",").split(",")):
            ids = HADOLINT.get(identity.upper(), ())
            if ids:
                word = _word(identity.upper(), f"{path}:{number}", "", None)
                yield _Comment(word=word, ids=ids, line=0 if found[1] else target)


def _word(identity: str, source: str, reason: str, expires: date | None) -> Word:
    return Word(said_in=SaidIn.INLINE, source=source, id=identity, status="ignored", reason=reason, expires=expires)


def _next_statements(lines: Sequence[str]) -> list[int]:
    """For every line the one it speaks of: itself, or the next that is neither empty nor a comment."""
    made: list[int] = []
    target = 0
    for number, line in _numbered_from_the_end(lines):
        told = line.strip()
        if told and not told.startswith(("#", "//")):
            target = number
        made.append(target)
    return made[::-1]


def _numbered_from_the_end(lines: Sequence[str]) -> Iterable[tuple[int, str]]:
    return zip(range(len(lines), 0, -1), reversed(lines), strict=True)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
