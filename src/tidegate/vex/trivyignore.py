# SPDX-License-Identifier: Apache-2.0
"""`.trivyignore` and `.trivyignore.yaml`, read as Trivy 0.5x reads them (docs "Filtering")."""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

import yaml

from tidegate.bounds import MIB, printable
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.evidence import IdleWord, InVain, SaidIn, Word
from tidegate.values import Struct, field
from tidegate.vex.claim import MAX_CLAIMS, About, Claim, reason_of
from tidegate.vex.product import Scope, products_of
from tidegate.wire import from_builtins

MAX_FILE_BYTES: Final = 4 * MIB
MAX_DEPTH: Final = 16
"""Lists and maps in each other, of the YAML form."""

_EXPIRES: Final = "exp:"
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_NO_VALUE: Final = frozenset({"", "~", "null"})
_EVERYTHING: Final = frozenset(About)
_SECTIONS: Final[Mapping[str, About]] = {
    "vulnerabilities": About.FINDING,
    "misconfigurations": About.MISCONFIGURATION,
    "secrets": About.SECRET,
}


class Ignores(Struct, frozen=True, kw_only=True):
    """What an ignore file says, and the lines of it that say nothing."""

    claims: tuple[Claim, ...]
    idle: tuple[IdleWord, ...] = ()


class _Entry(Struct, frozen=True, kw_only=True):
    id: str
    paths: list[str] = field(default_factory=list)
    purls: list[str] = field(default_factory=list)
    statement: str = ""
    expired_at: str = ""


def read_trivyignore(raw: bytes, *, where: str) -> Ignores:
    """Reads the plain form: an id a line, `exp:YYYY-MM-DD` after it, `#` begins a comment.

    A comment on the lines right above an id is taken for its reason. A line that is malformed silences nothing and is
    told.

    Raises:
        BoundExceededError: too long, or over `MAX_CLAIMS`.
    """
    _check_size(raw, where)
    claims: list[Claim] = []
    idle: list[IdleWord] = []
    reason: list[str] = []
    for number, line in enumerate(raw.decode(errors="replace").splitlines(), 1):
        text, _, comment = line.partition("#")
        words = text.split()
        if not words:
            reason = [*reason, comment] if line.strip() else []
            continue
        word = _word(f"{where}:{number}", words, reason_of(*reason, comment))
        malformed = [extra for extra in words[1:] if not (extra.startswith(_EXPIRES) and _day(extra[len(_EXPIRES) :]))]
        if malformed:
            idle.append(IdleWord(word=word, why=InVain.MALFORMED, detail=f"{malformed[0][:60]!r} is not understood"))
        else:
            claims.append(Claim(word=word, ids=frozenset({word.id.upper()}), about=_EVERYTHING))
        if len(claims) + len(idle) > MAX_CLAIMS:
            raise BoundExceededError("MAX_CLAIMS", MAX_CLAIMS, where=where)
        reason = []
    return Ignores(claims=tuple(claims), idle=tuple(idle))


def read_trivyignore_yaml(raw: bytes, *, where: str) -> Ignores:
    """Reads the YAML form: lists of entries under `vulnerabilities`, `misconfigurations`, `secrets`, `licenses`.

    Raises:
        BoundExceededError: too long, or over `MAX_CLAIMS`.
        InvalidInputError: not YAML, or no such document.
    """
    _check_size(raw, where)
    document = _loaded(raw, where)
    claims: list[Claim] = []
    idle: list[IdleWord] = []
    for section, about in _SECTIONS.items():
        for number, told in enumerate(_listed(document, section, where), 1):
            source = f"{where}#{section}[{number}]"
            entry = from_builtins(told, _Entry, what=source)
            until = "" if entry.expired_at in _NO_VALUE else entry.expired_at
            day = _day(until[:10])
            word = Word(
                said_in=SaidIn.TRIVYIGNORE,
                source=source,
                id=entry.id,
                status="ignored",
                reason=reason_of(entry.statement),
                expires=day,
            )
            if until and day is None:
                idle.append(IdleWord(word=word, why=InVain.MALFORMED, detail="expired_at is no date"))
                continue
            scope = Scope(packages=products_of(entry.purls))
            ids = frozenset({entry.id.upper()})
            paths = tuple(path.lstrip("/") for path in entry.paths)
            claims.append(Claim(word=word, ids=ids, scope=scope, paths=paths, about=frozenset({about})))
            if len(claims) > MAX_CLAIMS:
                raise BoundExceededError("MAX_CLAIMS", MAX_CLAIMS, where=where)
    idle += _passed_over(document, where)
    return Ignores(claims=tuple(claims), idle=tuple(idle))


def _passed_over(document: Mapping[str, Any], where: str) -> Iterator[IdleWord]:
    """Licences are judged by policy here, so an entry about one silences nothing; it is told, not dropped."""
    for number, told in enumerate(_listed(document, "licenses", where), 1):
        identity = str(told.get("id", "")) if isinstance(told, dict) else ""
        word = Word(said_in=SaidIn.TRIVYIGNORE, source=f"{where}#licenses[{number}]", id=identity, status="ignored")
        yield IdleWord(word=word, why=InVain.UNMATCHED, detail="licences are judged by policy; make an exception there")


def _word(source: str, words: list[str], reason: str) -> Word:
    days = (_day(extra[len(_EXPIRES) :]) for extra in words[1:] if extra.startswith(_EXPIRES))
    return Word(
        said_in=SaidIn.TRIVYIGNORE,
        source=source,
        id=words[0],
        status="ignored",
        reason=reason,
        expires=next((day for day in days if day), None),
    )


def _day(text: str) -> date | None:
    if not _DAY.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _check_size(raw: bytes, where: str) -> None:
    if len(raw) > MAX_FILE_BYTES:
        raise BoundExceededError("MAX_FILE_BYTES", MAX_FILE_BYTES, where=where)


def _loaded(raw: bytes, where: str) -> Mapping[str, Any]:
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # every scalar stays text
    try:
        _check_events(yaml.parse(raw, Loader=loader), where)
        document = yaml.load(raw, Loader=loader)  # noqa: S506 - makes nothing but text, lists and dicts
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidInputError(f"not YAML: {printable(' '.join(str(error).split())[:200])}", where=where) from error
    if not document:
        return {}
    if not isinstance(document, dict):
        raise InvalidInputError("not a table of sections", where=where)
    return document


def _check_events(events: Iterator[yaml.Event], where: str) -> None:
    """Refuses aliases, and nesting that the reader, which recurses in C, could not come back from."""
    depth = 0
    for event in events:
        if isinstance(event, yaml.AliasEvent):
            raise InvalidInputError("an alias", where=where, remedy="write it out")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise BoundExceededError("MAX_DEPTH", MAX_DEPTH, where=where)


def _listed(document: Mapping[str, Any], section: str, where: str) -> list[Any]:
    found = document.get(section) or []
    if not isinstance(found, list):
        raise InvalidInputError(f"{section} is not a list", where=where)
    return found
