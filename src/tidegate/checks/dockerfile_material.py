# SPDX-License-Identifier: Apache-2.0
"""A Dockerfile as checks see it: its stages, its instructions, and the variables it sets."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from tidegate.checks.dockerfile import Dockerfile, Instruction
from tidegate.checks.image_name import split_image
from tidegate.checks.material import Material, Spot, Values
from tidegate.checks.secret_name import is_reference, is_secret_name, looks_empty
from tidegate.checks.shell import commands_of, has_pipe
from tidegate.checks.words import substituted

_SCRATCH: Final = "scratch"
_KEEPS_FAILURES: Final = "pipefail"
_NOT_POSIX: Final = ("powershell", "pwsh", "cmd")
_EXPANDED: Final = frozenset({"USER", "WORKDIR", "EXPOSE", "STOPSIGNAL"})
"""Instructions whose references are put in before they are judged; an ENV that refers is judged as it is written."""


@dataclass(slots=True)
class _Stage:
    """One FROM and what follows; `parent` is the earlier stage it is built on."""

    number: int
    begin: Instruction
    name: str = ""
    base: str = ""
    instructions: list[Instruction] = field(default_factory=list)
    is_duplicate: bool = False
    parent: "_Stage | None" = None
    last: dict[str, Instruction] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)

    def inherited(self, keyword: str) -> Instruction | None:
        """The last such instruction of the stage, or of the stages it is built on."""
        stage: _Stage | None = self
        while stage is not None:
            if keyword in stage.last:
                return stage.last[keyword]
            stage = stage.parent
        return None

    def add(self, one: Instruction, arguments: Mapping[str, str]) -> None:
        """Takes an instruction in, its references expanded; `arguments` are those before the first FROM."""
        if one.keyword in _EXPANDED:
            words = tuple(substituted(word, self.values) for word in one.words)
            one = replace(one, text=substituted(one.text, self.values), words=words)
        if one.keyword == "WORKDIR" and (before := self.inherited("WORKDIR")) and before.text.startswith("/"):
            # A relative folder lies in the one before it, and is known when that is.
            one = replace(one, text=one.text if one.text.startswith("/") else f"{before.text}/{one.text}")
        self.instructions.append(one)
        if one.is_trigger:
            return
        self.last[one.keyword] = one
        if one.keyword == "ENV":
            self.values |= {name: substituted(value, self.values) for name, value in _pairs(one)}
        elif one.keyword == "ARG":
            for name, value in _pairs(one):
                self.values[name] = substituted(value, self.values) or arguments.get(name, "")


def dockerfile_material(dockerfile: Dockerfile, *, path: str, has_ignore_file: bool = False) -> Material:
    """What checks are asked about a Dockerfile.

    Args:
        dockerfile: the parsed file.
        path: where it lies, for people.
        has_ignore_file: a `.dockerignore` lies beside it.
    """
    stages = _stages(dockerfile.instructions)
    final = stages[-1]
    user, health = final.inherited("USER"), final.inherited("HEALTHCHECK")
    variables = {
        "path": path,
        "stages": len(stages),
        "final_user": user.words[0] if user and user.words else "",
        "final_has_user": user is not None,
        "final_base": final.base,
        "has_healthcheck": health is not None and health.text.upper() != "NONE",
        "has_ignore_file": has_ignore_file,
    }
    return Material(
        variables={"dockerfile": variables},
        collections={
            "stages": [(_stage(stage, stages), Spot(path, stage.begin.line)) for stage in stages],
            "instructions": [
                (values, Spot(path, line)) for stage in stages for values, line in _instructions(stage, stages)
            ],
            "variables": [
                (values, Spot(path, one.line)) for one in dockerfile.instructions for values in _variables(one)
            ],
        },
        spot=Spot(path, (user or final.begin).line),
    )


def _stages(instructions: Sequence[Instruction]) -> list[_Stage]:
    """The stages, with ARGs from before the first FROM put into their base names."""
    arguments: dict[str, str] = {}
    stages: list[_Stage] = []
    by_name: dict[str, _Stage] = {}
    for one in instructions:
        if one.keyword == "FROM":
            words = [*one.words, "", "", ""]
            name = words[2].lower() if words[1].lower() == "as" else ""
            base = substituted(words[0], arguments)
            parent = by_name.get(base.lower())
            stage = _Stage(len(stages), one, name, base, is_duplicate=bool(name) and name in by_name, parent=parent)
            stage.values = dict(parent.values) if parent else {}
            stages.append(stage)
            if name:
                by_name[name] = stage
        elif stages:
            stages[-1].add(one, arguments)
        elif one.keyword == "ARG":
            arguments |= {name: substituted(value, arguments) for name, value in _pairs(one) if value}
    return stages


def _stage(stage: _Stage, stages: Sequence[_Stage]) -> Values:
    image, tag, has_digest = split_image(stage.base)
    return {
        "name": stage.name,
        "number": stage.number,
        "base": stage.base,
        "image": image,
        "tag": tag,
        "has_digest": has_digest,
        "is_scratch": stage.base == _SCRATCH,
        "is_stage": stage.parent is not None,
        "is_final": stage is stages[-1],
        "platform": stage.begin.flags.get("platform", ""),
        "commands": sum(one.keyword == "CMD" for one in stage.instructions if not one.is_trigger),
        "entrypoints": sum(one.keyword == "ENTRYPOINT" for one in stage.instructions if not one.is_trigger),
        "is_duplicate": stage.is_duplicate,
        "is_variable": "$" in stage.base,
    }


def _instructions(stage: _Stage, stages: Sequence[_Stage]) -> Iterator[tuple[Values, int]]:
    shell = stage.parent.inherited("SHELL") if stage.parent else None
    names = {one.name for one in stages if one.name}
    is_shipped = _is_shipped(stage, stages[-1])
    for one in stage.instructions:
        if one.keyword == "SHELL":
            shell = one
        is_run = one.keyword == "RUN"
        is_posix = not (shell and shell.words and shell.words[0].lower().startswith(_NOT_POSIX))
        values = {
            "keyword": one.keyword,
            "text": one.text,
            "words": list(one.words),
            "flags": {str(key): value for key, value in one.flags.items()},
            "is_exec": one.is_exec,
            "commands": _commands(one) if is_run else [],
            "has_pipe": is_run and is_posix and has_pipe(one.text),
            "pipefail": (shell is not None and _KEEPS_FAILURES in shell.words) or _KEEPS_FAILURES in one.text,
            "keeps_cache": "type=cache" in one.flags.get("mount", ""),
            "stage": stage.number,
            "stage_name": stage.name,
            "is_final": stage is stages[-1],
            "is_shipped": is_shipped,
            "heredoc": one.heredoc,
            "is_last_of_kind": stage.last.get(one.keyword) is one,
            "is_trigger": one.is_trigger,
            "from_image": _from_image(one, names),
        }
        yield values, one.line


def _is_shipped(stage: _Stage, final: _Stage) -> bool:
    """True for the last stage and those it is built on: what they leave behind is in the image."""
    current: _Stage | None = final
    while current is not None and current is not stage:
        current = current.parent
    return current is stage


def _commands(one: Instruction) -> list[str]:
    """A shell's own command line is the commands it is given."""
    if one.is_exec:
        is_shell = len(one.words) > 2 and one.words[1].startswith("-") and "c" in one.words[1]  # noqa: PLR2004 - sh -c …
        return commands_of(one.words[2]) if is_shell else [" ".join(one.words)]
    return commands_of(one.text)


def _from_image(one: Instruction, names: set[str]) -> str:
    """The image a COPY or a mount takes files from; "" when it is a stage, or not known before the build."""
    told = one.flags.get("from", "")
    return "" if told.lower() in names or told.isdecimal() or "$" in told else told


def _variables(one: Instruction) -> Iterator[Values]:
    if one.keyword not in {"ENV", "ARG"}:
        return
    for name, value in _pairs(one):
        yield {
            "name": name,
            "value": value,
            "is_argument": one.keyword == "ARG",
            "is_secret_name": is_secret_name(name),
            "looks_empty": looks_empty(value),
            "is_reference": is_reference(value),
            "is_old_form": _is_old_form(one),
        }


def _pairs(one: Instruction) -> Iterator[tuple[str, str]]:
    if _is_old_form(one):
        yield one.words[0], " ".join(one.words[1:])
        return
    for word in one.words:
        name, _, value = word.partition("=")
        yield name, value


def _is_old_form(one: Instruction) -> bool:
    """`ENV NAME all the rest`."""
    return one.keyword == "ENV" and len(one.words) > 1 and "=" not in one.words[0]
