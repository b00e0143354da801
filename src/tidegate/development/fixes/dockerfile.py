# SPDX-License-Identifier: Apache-2.0
"""Safe edits of a Dockerfile: digests, exec form, flags of package managers, a user that is not root.

What is not surely the same is left alone: a command with anything a shell would do something with, a command beside an
ENTRYPOINT that might look at it, a stage whose start is no plain program.
"""

import json
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from tidegate.artifact import Digest, Reference
from tidegate.checks.dockerfile import Dockerfile, Instruction, parse_dockerfile
from tidegate.checks.image_name import split_image
from tidegate.development.fixes.edit import Edit, line_end, line_starts
from tidegate.errors import InvalidInputError

Resolve = Callable[[Reference], Digest | None]
"""Which digest a reference means now; None when that is not known."""

_PLAIN: Final = re.compile(r"[\w\s./:=@%+,'\"-]+")
"""A command in which a shell has nothing to do but split words."""
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*=")
_SHELL_WORDS: Final = frozenset(
    {
        *(".", ":", "[", "alias", "bg", "break", "case", "cd", "command", "continue", "do", "done", "elif", "else"),
        *("esac", "eval", "exec", "exit", "export", "false", "fg", "fi", "for", "function", "getopts", "hash", "if"),
        *("jobs", "kill", "local", "read", "readonly", "return", "set", "shift", "source", "test", "then", "times"),
        *("trap", "true", "type", "ulimit", "umask", "unalias", "unset", "until", "wait", "while"),
    }
)
_INSTALL: Final = re.compile(r"\b(?:apt-get|apt)(?:[ \t]+-\S+)*[ \t]+(?:-\S+[ \t]+)*install(?=[ \t\\])")
_APK: Final = re.compile(r"\bapk(?:[ \t]+-\S+)*[ \t]+add(?=[ \t])")
_PIP: Final = re.compile(r"\bpip3?(?:[ \t]+-\S+)*[ \t]+install(?=[ \t])")
_COMMAND_END: Final = re.compile(r"&&|\|\||[;|]|(?<!\\)\r?\n")
_FLAGS: Final = (
    ("TG-DF-014", _INSTALL, "--no-install-recommends", ("--no-install-recommends", "Install-Recommends")),
    ("TG-DF-015", _APK, "--no-cache", ("--no-cache",)),
    ("TG-DF-033", _PIP, "--no-cache-dir", ("--no-cache-dir",)),
)
_USERS: Final = (
    (re.compile(r"(?:docker\.io/)?(?:library/)?node"), "node"),
    (re.compile(r"gcr\.io/distroless/.+"), "65532:65532"),
    (
        re.compile(r"(?:docker\.io/)?(?:library/)?(?:python|ruby|eclipse-temurin|amazoncorretto|alpine|debian|ubuntu)"),
        "65532:65532",
    ),
    (re.compile(r"scratch"), "65532:65532"),
)
"""Bases whose user is known, or whose own start needs none: a number needs no entry in passwd."""
_PROGRAMS: Final = re.compile(
    r"(?:\S*/)?(?:node|python[\d.]*|java|ruby|bundle|gunicorn|uvicorn|hypercorn|daphne|puma|waitress-serve|flask)|/(?!\S*\.sh$)\S+|\./(?!\S*\.sh$)\S+"
)
_NEEDS_ROOT: Final = re.compile(r"nginx|apache2|httpd|supervisord|cron|sshd|haproxy|entrypoint|/init\b|/sbin/")
_AFTER_USER: Final = frozenset({"CMD", "ENTRYPOINT", "EXPOSE", "HEALTHCHECK", "LABEL", "STOPSIGNAL", "ENV"})
_FIRST_FREE_PORT: Final = 1024


def dockerfile_edits(text: str, *, where: str, resolve: Resolve | None) -> list[Edit]:
    """Every edit that is safe, whether or not a check asks for it.

    Args:
        text: the file.
        where: its name in errors.
        resolve: None pins nothing.

    Raises:
        InvalidInputError: it cannot be read.
    """
    dockerfile = parse_dockerfile(text.encode(), where=where)
    file = _File(text, dockerfile)
    return [
        *(file.digests(resolve) if resolve else ()),
        *file.exec_forms(),
        *file.flags(),
        *file.user(),
    ]


class _File:
    def __init__(self, text: str, dockerfile: Dockerfile) -> None:
        self._text = text
        self._starts = line_starts(text)
        self._escape = "`" if dockerfile.directives.get("escape") == "`" else "\\"
        self._stages: list[list[Instruction]] = []
        for one in dockerfile.instructions:
            if one.keyword == "FROM":
                self._stages.append([])
            if self._stages:
                self._stages[-1].append(one)

    def digests(self, resolve: Resolve) -> Iterator[Edit]:
        names = {stage[0].words[2].lower() for stage in self._stages if len(stage[0].words) > 2}  # noqa: PLR2004 - AS
        for stage in self._stages:
            one = stage[0]
            image = one.words[0] if one.words else ""
            if "$" in image or "@" in image or image == "scratch" or image.lower() in names:
                continue
            start, end = self._extent(one)
            if (found := re.search(rf"(?<=\s){re.escape(image)}(?=\s|$)", self._text[start:end])) is None:
                continue
            _, tag, _ = split_image(image)
            try:
                reference = Reference.parse(image)
            except InvalidInputError:
                continue
            if digest := resolve(reference):
                at = start + found.end()
                put = f"{'' if tag else ':latest'}@{digest}"
                check = "TG-DF-003" if tag and tag != "latest" else "TG-DF-002"
                yield Edit(start=at, end=at, put=put, check=check, line=one.line, what=f"pins {image} to {digest}")

    def exec_forms(self) -> Iterator[Edit]:
        stage = self._stages[-1]
        kinds = [one.keyword for one in self._lineage()]
        if "SHELL" in kinds:
            return
        for one in stage:
            other = "CMD" if one.keyword == "ENTRYPOINT" else "ENTRYPOINT"
            is_start = one.keyword in {"CMD", "ENTRYPOINT"} and not one.is_exec and not one.is_trigger
            # Beside the other one the words would be read differently: as its arguments, or at all.
            if not is_start or other in kinds or kinds.count(one.keyword) > 1:
                continue
            start, end = self._extent(one)
            written = self._text[start:end]
            if "\n" in written or (words := _exec_words(one.text)) is None:
                continue
            at = written.index(one.text.split(None, 1)[0], len(one.keyword))
            put = json.dumps(words, ensure_ascii=False)
            yield Edit(
                start=start + at,
                end=start + len(written.rstrip()),
                put=put,
                check="TG-DF-025",
                line=one.line,
                what=f"{one.keyword} in exec form",
            )

    def flags(self) -> Iterator[Edit]:
        for stage in self._stages:
            for one in stage:
                if one.keyword != "RUN" or one.is_exec or one.is_trigger or one.heredoc:
                    continue
                start, end = self._extent(one)
                for check, words, flag, excused in _FLAGS:
                    for found in words.finditer(self._text, start, end):
                        stops = _COMMAND_END.search(self._text, found.end(), end)
                        rest = self._text[found.start() : stops.start() if stops else end]
                        if not any(it in rest for it in excused):
                            at = found.end()
                            yield Edit(
                                start=at, end=at, put=f" {flag}", check=check, line=one.line, what=f"{flag} added"
                            )

    def user(self) -> Iterator[Edit]:
        """A USER before the start of the last stage, where its base and its program are known not to need root."""
        stage = self._stages[-1]
        lineage = self._lineage()
        if any(one.keyword in {"USER", "VOLUME"} for one in lineage) or (user := self._user_of_base(lineage)) is None:
            return
        starts = [one for one in stage if one.keyword in {"CMD", "ENTRYPOINT"} and not one.is_trigger]
        if not starts or not all(_is_plain_start(one) for one in starts):
            return
        ports = [word.partition("/")[0] for one in stage if one.keyword == "EXPOSE" for word in one.words]
        if not all(port.isdecimal() and int(port) >= _FIRST_FREE_PORT for port in ports):
            return
        tail = next((at for at in range(len(stage), 0, -1) if stage[at - 1].keyword not in _AFTER_USER), 0)
        behind = [one for one in stage[tail:] if one.keyword in {"CMD", "ENTRYPOINT"}]
        if len(behind) != len(starts):
            return  # something that may need root stands behind them
        at = behind[0].line - 1
        while self._text.startswith("#", self._starts[at - 1]):
            at -= 1  # what speaks of the start stays above it
        start = self._starts[at]
        _, newline = line_end(self._text, start)
        put = f"USER {user}{newline or _newline_of(self._text)}"
        line = stage[0].line
        yield Edit(start=start, end=start, put=put, check="TG-DF-001", line=line, what=f"runs as {user}")

    def _user_of_base(self, lineage: Sequence[Instruction]) -> str | None:
        base = next((one.words[0] for one in lineage if one.keyword == "FROM" and one.words), "")
        image, tag, _ = split_image(base)
        if "windows" in tag or "nanoserver" in tag:
            return None
        return next((user for pattern, user in _USERS if pattern.fullmatch(image)), None)

    def _lineage(self) -> list[Instruction]:
        """The last stage and the stages it is built on, the first of them first."""
        found: list[Instruction] = []
        wanted = len(self._stages) - 1
        while wanted >= 0:
            stage = self._stages[wanted]
            found = [*stage, *found]
            base = stage[0].words[0].lower() if stage[0].words else ""
            names = [[*it[0].words, "", "", ""][2].lower() for it in self._stages[:wanted]]
            wanted = names.index(base) if base and base in names else -1
        return found

    def _extent(self, one: Instruction) -> tuple[int, int]:
        """From its keyword's line to the end of its last line, line end not included; heredocs are left out."""
        start = self._starts[one.line - 1]
        at = one.line - 1
        while True:
            end, _ = line_end(self._text, self._starts[at])
            line = self._text[self._starts[at] : end].rstrip()
            is_passed_over = at > one.line - 1 and (not line.strip() or line.lstrip().startswith("#"))
            if at + 1 >= len(self._starts) or not (line.endswith(self._escape) or is_passed_over):
                return start, end
            at += 1


def _exec_words(text: str) -> list[str] | None:
    """The words of a command that is the same without a shell; None for one that is not."""
    told = text.removeprefix("exec ").strip()
    if not _PLAIN.fullmatch(told) or told.startswith("-"):
        return None
    try:
        words = shlex.split(told)
    except ValueError:
        return None
    if not words or words[0] in _SHELL_WORDS or _ASSIGNMENT.match(words[0]):
        return None
    return words


def _is_plain_start(one: Instruction) -> bool:
    told = one.words if one.is_exec else tuple(_exec_words(one.text) or ())
    if not told or _NEEDS_ROOT.search(" ".join(told)):
        return False
    return bool(_PROGRAMS.fullmatch(told[0])) or (one.keyword == "CMD" and told[0].startswith("-"))


def _newline_of(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
