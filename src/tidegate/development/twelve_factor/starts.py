# SPDX-License-Identifier: Apache-2.0
"""What is run when a container starts: commands of images, Compose services, pods and Procfiles, and their scripts."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from tidegate.checks.dockerfile import Dockerfile, Instruction
from tidegate.checks.kubernetes import POD_AT
from tidegate.checks.plain import key_line, line_of, table, tables, text, texts
from tidegate.checks.shell import commands_of
from tidegate.development.twelve_factor.tree import SourceTree, is_for_development

_SCRIPT: Final = re.compile(r"(?:^|[/\s])([\w.-]+\.(?:sh|bash)|[\w-]*(?:entrypoint|bootstrap|start|run)[\w-]*)(?=\s|$)")
_SHELL: Final = re.compile(r"#!\s*\S*(?:/|\s)(?:ba|da|a|k|z)?sh\b")
_SHELLS: Final = frozenset({"sh", "bash", "ash", "dash", "zsh"})
_LOOPS: Final = ("if ", "case ", "for ", "while ", "until ", "function ")
_RUNS_ONCE: Final = frozenset({"Job", "CronJob"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One command that a start runs.

    Attributes:
        command: with single spaces, of one simple command; what a shell is given with -c is taken apart.
        text: the whole line it stands in, with `&` and redirections.
        is_first: it is process 1, or what a shell that is process 1 runs, and not a line of a script.
        is_script: it is a line of a script.
        is_development: what it stands in is for developers or tests by its name.
        is_own: it is of an image built here.
    """

    path: str
    line: int
    command: str
    text: str
    is_first: bool = True
    is_script: bool = False
    is_development: bool = False
    is_own: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A shell script that a container starts with."""

    path: str
    lines: tuple[tuple[int, str], ...]


def starts_of(tree: SourceTree) -> Iterator[Start]:
    """Every command of every start in the tree, scripts' lines included."""
    for path, dockerfile in tree.dockerfiles.items():
        for one in final_commands(dockerfile):
            yield from _started(one.text, one.words if one.is_exec else None, path, one.line)
    for path, compose in tree.composes.items():
        yield from _of_compose(compose, path)
    for path, documents in tree.manifests.items():
        for document in documents:
            yield from _of_manifest(document, path)
    for number, line in tree.lines("Procfile"):
        _, colon, command = line.partition(":")
        if colon and not line.startswith("#"):
            yield from _started(command.strip(), None, "Procfile", number)
    yield from _of_scripts(tree)


def final_commands(dockerfile: Dockerfile) -> list[Instruction]:
    """The ENTRYPOINT and the CMD that count: the last of each in the last stage."""
    found: dict[str, Instruction] = {}
    for one in dockerfile.instructions:
        if one.keyword == "FROM":
            found = {}
        elif one.keyword in {"ENTRYPOINT", "CMD"} and not one.is_trigger:
            found[one.keyword] = one
    return [found[keyword] for keyword in ("ENTRYPOINT", "CMD") if keyword in found]


def final_stage(dockerfile: Dockerfile) -> list[Instruction]:
    """The instructions of the last stage, its FROM first."""
    at = max(place for place, one in enumerate(dockerfile.instructions) if one.keyword == "FROM")
    return [one for one in dockerfile.instructions[at:] if not one.is_trigger]


def _of_scripts(tree: SourceTree) -> Iterator[Start]:
    for script in scripts_of(tree):
        for number, line in script.lines:
            for command in commands_of(line):
                yield Start(
                    path=script.path,
                    line=number,
                    command=command,
                    text=line,
                    is_first=False,
                    is_script=True,
                    is_development=is_for_development(script.path),
                )


def scripts_of(tree: SourceTree) -> list[Script]:
    """Shell scripts of the tree that a start of a Dockerfile names, once each."""
    names: set[str] = set()
    for dockerfile in tree.shipped.values():
        for one in final_commands(dockerfile):
            for word in one.words if one.is_exec else one.text.split():
                if found := _SCRIPT.search(word):
                    names.add(PurePosixPath(found[1]).name)
    paths = [path for path in tree.own if PurePosixPath(path).name in names and _SHELL.match(tree.text(path)[:80])]
    return [Script(path=path, lines=tuple(_script_lines(tree, path))) for path in paths]


def _script_lines(tree: SourceTree, path: str) -> Iterator[tuple[int, str]]:
    """Logical lines, without comments and heredocs' ends; each has the number it begins on."""
    held, began = "", 0
    heredoc = ""
    for number, line in tree.lines(path):
        bare = line.strip()
        if heredoc:
            heredoc = "" if bare == heredoc else heredoc
            continue
        if not held and (not bare or bare.startswith("#")):
            continue
        began = began if held else number
        if bare.endswith("\\"):
            held += bare[:-1] + " "
            continue
        if found := re.search(r"<<-?\s*['\"]?(\w+)", bare):
            heredoc = found[1]
        yield began, held + bare
        held = ""


def _started(
    line: str,
    words: tuple[str, ...] | list[str] | None,
    path: str,
    number: int,
    *,
    is_development: bool | None = None,
    is_own: bool = True,
) -> Iterator[Start]:
    """The commands of one start; `words` when it is in exec form."""
    development = is_for_development(path) if is_development is None else is_development
    given = line if words is None else " ".join(words)
    if words and len(words) > 2 and PurePosixPath(words[0]).name in _SHELLS and words[1].startswith("-"):  # noqa: PLR2004 - sh -c …
        given, words = words[2], None
    for command in commands_of(given) if words is None else [_bare(given)]:
        yield Start(
            path=path,
            line=number,
            command=command,
            text=given,
            is_development=development,
            is_own=is_own,
        )


def _bare(command: str) -> str:
    program, space, rest = command.partition(" ")
    return PurePosixPath(program).name + space + rest if program else command


def _of_compose(compose: Mapping[str, Any], path: str) -> Iterator[Start]:
    services = table(compose.get("services"))
    for name, service in services.items():
        if not isinstance(service, dict):
            continue
        for key in ("entrypoint", "command"):
            told = service.get(key)
            words = texts(told) if isinstance(told, list) else None
            line = " ".join(words) if words else text(told)
            if line:
                place = key_line(service, key) or key_line(services, name)
                # A Compose file with a build is how developers start it; its name says so when it is not.
                is_development = "build" in service or is_for_development(path)
                yield from _started(line, words, path, place, is_development=is_development, is_own="build" in service)


def _of_manifest(document: Mapping[str, Any], path: str) -> Iterator[Start]:
    kind = text(document.get("kind"))
    if kind not in POD_AT or kind in _RUNS_ONCE:
        return
    pod: Any = document
    for step in POD_AT[kind]:
        pod = table(pod.get(step))
    for container in tables(table(pod.get("spec")).get("containers")):
        words = [*texts(container.get("command")), *texts(container.get("args"))]
        if words:
            key = "command" if "command" in container else "args"
            place = key_line(container, key) or line_of(container)
            yield from _started(" ".join(words), words, path, place)
