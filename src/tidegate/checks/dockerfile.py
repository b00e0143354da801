# SPDX-License-Identifier: Apache-2.0
"""A Dockerfile as its instructions (Dockerfile reference, syntax 1.x): directives, continuations, heredocs, flags."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from tidegate.artifact.build_instruction import KEYWORDS
from tidegate.bounds import KIB
from tidegate.checks.words import unquoted_words, words_of
from tidegate.errors import BoundExceededError, InvalidInputError

MAX_BYTES: Final = 512 * KIB
MAX_INSTRUCTIONS: Final = 2000

_DIRECTIVE: Final = re.compile(r"#\s*(syntax|escape|check)\s*=\s*(\S.*?)\s*", re.IGNORECASE)
_HEREDOC: Final = re.compile(r"\d*<<(-?)(\"[^\"<]+\"|'[^'<]+'|[^\s<'\"]+)")
_FLAG: Final = re.compile(r"--([A-Za-z][A-Za-z0-9-]*)(?:=((?:\"[^\"]*\"|'[^']*'|[^\s\"'])*))?(?:\s+|$)")
_WITH_HEREDOC: Final = frozenset({"RUN", "COPY", "ADD"})
_NEVER_EXEC: Final = frozenset({"ENV", "ARG", "LABEL", "FROM", "USER", "WORKDIR", "EXPOSE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One instruction.

    Attributes:
        text: its arguments in one line, flags taken off; of a RUN with heredocs, their lines follow.
        flags: `--name=value` before the arguments; values of one name given several times stand side by side.
        words: the list of the exec form, or the words of the shell form.
        line: it begins on, counted from 1.
        heredoc: the lines of its heredocs; "" without.
        is_trigger: it stands behind ONBUILD, and is run when an image is built upon this one.
    """

    keyword: str
    text: str
    flags: Mapping[str, str] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    is_exec: bool = False
    line: int = 0
    heredoc: str = ""
    is_trigger: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dockerfile:
    """The instructions of a file, in order."""

    instructions: tuple[Instruction, ...]
    directives: Mapping[str, str]


def parse_dockerfile(raw: bytes, *, where: str) -> Dockerfile:
    """Reads a Dockerfile.

    Raises:
        BoundExceededError: over `MAX_BYTES` or `MAX_INSTRUCTIONS`.
        InvalidInputError: an instruction nobody knows, a heredoc without its end, or no FROM at all.
    """
    if len(raw) > MAX_BYTES:
        raise BoundExceededError("MAX_BYTES", MAX_BYTES, where=where)
    lines = [line.rstrip("\r") for line in raw.decode("utf-8-sig", "replace").split("\n")]
    directives = dict(_directives(lines))
    instructions: list[Instruction] = []
    reader = _Reader(lines, "`" if directives.get("escape") == "`" else "\\", where)
    for instruction in reader.instructions():
        instructions.append(instruction)
        if len(instructions) > MAX_INSTRUCTIONS:
            raise BoundExceededError("MAX_INSTRUCTIONS", MAX_INSTRUCTIONS, where=where)
    if not any(one.keyword == "FROM" for one in instructions):
        raise InvalidInputError("no FROM: not a Dockerfile", where=where)
    return Dockerfile(instructions=tuple(instructions), directives=directives)


def _directives(lines: list[str]) -> Iterator[tuple[str, str]]:
    start = 1 if lines and lines[0].startswith("#!") else 0
    for line in lines[start:]:
        found = _DIRECTIVE.fullmatch(line.strip())
        if not found:
            return
        yield found[1].lower(), found[2]


class _Reader:
    def __init__(self, lines: list[str], escape: str, where: str) -> None:
        self._lines = lines
        self._escape = escape
        self._where = where
        self._at = 0

    def instructions(self) -> Iterator[Instruction]:
        while self._at < len(self._lines):
            line = self._lines[self._at].strip()
            if line and not line.startswith("#"):
                start = self._at
                if text := self._logical_line():  # else nothing but marks of lines that go on
                    yield self._instruction(text, start + 1)
            else:
                self._at += 1

    def _logical_line(self) -> str:
        """One instruction over all its lines; comments and empty lines between them are passed over."""
        parts: list[str] = []
        while self._at < len(self._lines):
            line = self._lines[self._at].rstrip()
            self._at += 1
            if parts and (not line or line.lstrip().startswith("#")):
                continue
            goes_on = line.endswith(self._escape) and line[-2:-1] != self._escape
            parts.append(line[:-1] if goes_on else line)
            if not goes_on:
                break
        return "".join(parts).strip()

    def _instruction(self, text: str, line: int) -> Instruction:
        keyword, *others = text.split(None, 1)
        keyword, rest = keyword.upper(), others[0] if others else ""
        if keyword not in KEYWORDS:
            raise InvalidInputError(f"unknown instruction {keyword[:40]!r}", where=f"{self._where}:{line}")
        if keyword == "ONBUILD" and rest:
            if rest.split(None, 1)[0].upper() in {"ONBUILD", "FROM"}:
                raise InvalidInputError(f"ONBUILD {rest[:8]} cannot be", where=f"{self._where}:{line}")
            return replace(self._instruction(rest, line), is_trigger=True)
        flags, rest = _flags(rest)
        exec_words = None if keyword in _NEVER_EXEC else _exec_form(rest)
        heredoc = self._heredocs(rest, line) if keyword in _WITH_HEREDOC and exec_words is None else ""
        told = rest.strip() if keyword == "RUN" else " ".join(rest.split())
        if keyword == "RUN" and heredoc:
            told = f"{told}\n{heredoc}"
        return Instruction(
            keyword=keyword,
            text=told,
            flags=flags,
            words=tuple(words_of(rest, escape=self._escape) if exec_words is None else exec_words),
            is_exec=exec_words is not None,
            line=line,
            heredoc=heredoc,
        )

    def _heredocs(self, text: str, line: int) -> str:
        if "<<" not in text:
            return ""
        found = [one for word in unquoted_words(text) if (one := _HEREDOC.fullmatch(word))]
        return "\n".join(self._heredoc(one[2].strip("'\""), bool(one[1]), line) for one in found)

    def _heredoc(self, name: str, is_indented: bool, line: int) -> str:
        body: list[str] = []
        while self._at < len(self._lines):
            told = self._lines[self._at]
            self._at += 1
            if (told.lstrip("\t") if is_indented else told) == name:
                return "\n".join(body)
            body.append(told)
        raise InvalidInputError(f"<<{name[:40]} without its end", where=f"{self._where}:{line}")


def _flags(text: str) -> tuple[dict[str, str], str]:
    flags: dict[str, str] = {}
    at = 0
    while found := _FLAG.match(text, at):
        value = (found[2] or "").replace('"', "").replace("'", "")
        flags[found[1]] = f"{flags[found[1]]} {value}" if found[1] in flags else value
        at = found.end()
    rest = text[at:].lstrip()
    return flags, rest[3:].lstrip() if rest.startswith("-- ") else rest


def _exec_form(text: str) -> list[str] | None:
    if not text.startswith("["):
        return None
    try:
        words = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        return None
    # Half a surrogate pair would end the checks of the whole file.
    return [word.encode("utf-8", "replace").decode() for word in words]
