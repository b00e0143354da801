# SPDX-License-Identifier: Apache-2.0
"""A Dockerfile as its instructions (Dockerfile reference, syntax 1.x): directives, continuations, heredocs, flags."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from tidegate.bounds import KIB
from tidegate.errors import BoundExceededError, InvalidInputError

MAX_BYTES: Final = 512 * KIB
MAX_INSTRUCTIONS: Final = 2000

KEYWORDS: Final = frozenset(
    {
        *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER"),
        *("ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
    }
)
_DIRECTIVE: Final = re.compile(r"#\s*(syntax|escape|check)\s*=\s*(\S.*?)\s*", re.IGNORECASE)
_HEREDOC: Final = re.compile(r"<<(-?)(['\"]?)([A-Za-z_][A-Za-z0-9_.]*)\2")
_FLAG: Final = re.compile(r"--([a-z][a-z0-9-]*)(?:=(\S*))?(?:\s+|$)")
_WITH_HEREDOC: Final = frozenset({"RUN", "COPY", "ADD"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One instruction.

    Attributes:
        text: its arguments in one line, flags taken off; of a RUN with heredocs, their lines follow.
        flags: `--name=value` before the arguments; the last of one name.
        words: the list of the exec form, or the words of the shell form.
        line: it begins on, counted from 1.
        heredoc: the lines of its heredocs; "" without.
    """

    keyword: str
    text: str
    flags: Mapping[str, str] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    is_exec: bool = False
    line: int = 0
    heredoc: str = ""


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
    lines = raw.decode("utf-8-sig", "replace").splitlines()
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
    for line in lines:
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
                yield self._instruction(self._logical_line(), start + 1)
            else:
                self._at += 1

    def _logical_line(self) -> str:
        """One instruction over all its lines; comments and empty lines between them are passed over."""
        parts: list[str] = []
        while self._at < len(self._lines):
            line = self._lines[self._at].rstrip()
            self._at += 1
            if parts and (not line.strip() or line.lstrip().startswith("#")):
                continue
            goes_on = line.endswith(self._escape)
            parts.append(line[:-1] if goes_on else line)
            if not goes_on:
                break
        return "\n".join(parts).strip()

    def _instruction(self, text: str, line: int) -> Instruction:
        keyword, _, rest = text.replace("\t", " ").partition(" ")
        keyword, rest = keyword.upper(), rest.strip()
        if keyword not in KEYWORDS:
            raise InvalidInputError(f"unknown instruction {keyword[:40]!r}", where=f"{self._where}:{line}")
        flags, rest = _flags(rest)
        heredoc = self._heredocs(rest, line) if keyword in _WITH_HEREDOC else ""
        exec_words = None if keyword in {"ENV", "ARG", "LABEL"} else _exec_form(rest)
        told = " ".join(rest.split()) if keyword != "RUN" else rest.replace("\n", " ").strip()
        if keyword == "RUN" and heredoc:
            told = f"{told}\n{heredoc}"
        return Instruction(
            keyword=keyword,
            text=told,
            flags=flags,
            words=tuple(exec_words if exec_words is not None else _words(rest)),
            is_exec=exec_words is not None,
            line=line,
            heredoc=heredoc,
        )

    def _heredocs(self, text: str, line: int) -> str:
        bodies: list[str] = []
        for dash, _, name in _HEREDOC.findall(text):
            body: list[str] = []
            while True:
                if self._at >= len(self._lines):
                    raise InvalidInputError(f"<<{name[:40]} without its end", where=f"{self._where}:{line}")
                told = self._lines[self._at]
                self._at += 1
                if (told.lstrip("\t") if dash else told) == name:
                    break
                body.append(told)
            bodies.append("\n".join(body))
        return "\n".join(bodies)


def _flags(text: str) -> tuple[dict[str, str], str]:
    flags: dict[str, str] = {}
    while found := _FLAG.match(text):
        flags[found[1]] = found[2] or ""
        text = text[found.end() :].lstrip()
    return flags, text


def _exec_form(text: str) -> list[str] | None:
    if not text.startswith("["):
        return None
    try:
        words = json.loads(text.replace("\n", " "))
    except (ValueError, RecursionError):
        return None
    return words if isinstance(words, list) and all(isinstance(word, str) for word in words) else None


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text.replace("\n", " "))
    except ValueError:  # a quote without its end
        return text.split()
