# SPDX-License-Identifier: Apache-2.0
"""From a sighting to the fact that is kept: line, column, what people are shown, fingerprint, inline allowance."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Final

from tidegate.inventory import SecretFact
from tidegate.scan.secrets.allowlist import Allowlist
from tidegate.scan.secrets.rule import Buffer, Sighting
from tidegate.values import Struct

FLOOD: Final = "secret-flood"
"""Not a kind of token: a file was so full of hits that the rest of them was not looked at."""

_SHOWN_CHARS: Final = 4
_MIN_HIDDEN: Final = 8
_LINE_BYTES: Final = 4_096
_ALLOW: Final = re.compile(rb"(?:gitleaks|tidegate):allow")


def fingerprint_of(rule: str, secret: bytes) -> str:
    """Sha256 in hex over rule and secret."""
    return hashlib.sha256(rule.encode() + b"\0" + secret).hexdigest()


class Ruler:
    """Lines and columns of a content that comes whole, or as its next piece."""

    def __init__(self, content: Buffer, line: int = 1, column: int = 1) -> None:
        self._content = content
        self._line, self._column, self._counted = line, column, 0

    def at(self, place: int) -> tuple[int, int]:
        """Line and column of a place, both from 1; places may not go back."""
        passed = bytes(self._content[self._counted : place])
        lines = passed.count(b"\n")
        self._line += lines
        self._column = len(passed) - passed.rfind(b"\n") if lines else self._column + len(passed)
        self._counted = place
        return self._line, self._column


class Part(Struct, frozen=True, kw_only=True):
    """A content to be looked at: a file, a window of one, or what was decoded.

    Attributes:
        decoded: how it was encoded, outermost first.
        text: whether it is text, or part of one.
        line: of its first byte, and `column`; None when it is whole.
    """

    content: Buffer
    text: bool
    decoded: tuple[str, ...] = ()
    line: int | None = None
    column: int = 1

    @property
    def is_whole(self) -> bool:
        """True unless it is a window."""
        return self.line is None

    def ruler(self) -> Ruler:
        """Lines and columns of it, from its beginning."""
        return Ruler(self.content, self.line or 1, self.column)


def told(path: str, part: Part, found: Iterable[Sighting], allowlists: Sequence[Allowlist] = ()) -> list[SecretFact]:
    """Facts of sightings that come by start; with the name of the allow-list or comment that allows one."""
    ruler = part.ruler()
    facts: list[SecretFact] = []
    for sighting in found:
        line, column = ruler.at(sighting.start)
        facts.append(
            SecretFact(
                rule=sighting.rule,
                path=path,
                line=line,
                column=column,
                redacted=redacted(sighting),
                fingerprint=fingerprint_of(sighting.rule, sighting.secret),
                decoded=part.decoded,
                allowed=_allowed(path, part.content, sighting, allowlists),
            )
        )
    return facts


def flood(path: str) -> SecretFact:
    """The fact that a file was not looked through to its end."""
    mark = path.encode(errors="surrogateescape")
    return SecretFact(
        rule=FLOOD, path=path, line=1, redacted="the rest was not looked at", fingerprint=fingerprint_of(FLOOD, mark)
    )


def redacted(sighting: Sighting) -> str:
    """What people are shown: the first characters of a long secret, its length, and what else is to be said."""
    size = len(sighting.secret)
    kept = _SHOWN_CHARS if size >= _SHOWN_CHARS + _MIN_HIDDEN else 0
    shown = sighting.shown or _ascii(sighting.secret[:kept]) + "…"
    return f"{shown} ({size} characters)" + (f", {sighting.note}" if sighting.note else "")


def _allowed(path: str, content: Buffer, sighting: Sighting, allowlists: Sequence[Allowlist]) -> str:
    line = _line_at(content, sighting.start)
    if found := _ALLOW.search(line):
        return found[0].decode()
    return next((one.name for one in allowlists if one.allows(path, sighting, line)), "")


def _line_at(content: Buffer, place: int) -> bytes:
    before = bytes(content[max(0, place - _LINE_BYTES) : place]).rpartition(b"\n")[2]
    return before + bytes(content[place : place + _LINE_BYTES]).partition(b"\n")[0]


def _ascii(text: bytes) -> str:
    return "".join(chr(char) if 32 < char < 127 else "?" for char in text)  # noqa: PLR2004 - printable ASCII
