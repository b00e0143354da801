# SPDX-License-Identifier: Apache-2.0
"""A Dockerfile as checks see it: its stages, its instructions, and the variables it sets."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tidegate.checks.dockerfile import Dockerfile, Instruction
from tidegate.checks.image_name import split_image
from tidegate.checks.material import Material, Spot, Values
from tidegate.checks.secret_name import is_reference, is_secret_name, looks_empty
from tidegate.checks.shell import commands_of, has_pipe

_SCRATCH: Final = "scratch"
_KEEPS_FAILURES: Final = "pipefail"


@dataclass(slots=True)
class _Stage:
    number: int
    begin: Instruction
    name: str = ""
    base: str = ""
    instructions: list[Instruction] = field(default_factory=list)
    is_duplicate: bool = False

    def last(self, keyword: str) -> Instruction | None:
        return next((one for one in reversed(self.instructions) if one.keyword == keyword), None)


def dockerfile_material(dockerfile: Dockerfile, *, path: str, has_ignore_file: bool = False) -> Material:
    """What checks are asked about a Dockerfile.

    Args:
        dockerfile: the parsed file.
        path: where it lies, for people.
        has_ignore_file: a `.dockerignore` lies beside it.
    """
    stages = _stages(dockerfile.instructions)
    final = stages[-1]
    user = _inherited(final, stages, "USER")
    known = {stage.name for stage in stages if stage.name}
    variables = {
        "path": path,
        "stages": len(stages),
        "final_user": user.words[0] if user and user.words else "",
        "final_has_user": user is not None,
        "final_base": final.base,
        "has_healthcheck": _inherited(final, stages, "HEALTHCHECK") is not None,
        "has_ignore_file": has_ignore_file,
    }
    return Material(
        variables={"dockerfile": variables},
        collections={
            "stages": [(_stage(stage, known, stages), Spot(path, stage.begin.line)) for stage in stages],
            "instructions": [
                (values, Spot(path, line)) for stage in stages for values, line in _instructions(stage, final)
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
    names: set[str] = set()
    for one in instructions:
        if one.keyword == "FROM":
            words = [*one.words, "", "", ""]
            name = words[2].lower() if words[1].lower() == "as" else ""
            base = _substituted(words[0], arguments)
            stages.append(_Stage(len(stages), one, name, base, is_duplicate=bool(name) and name in names))
            names.add(name)
        elif stages:
            stages[-1].instructions.append(one)
        elif one.keyword == "ARG":
            arguments |= {name: value for name, value in _pairs(one) if value}
    return stages


def _inherited(stage: _Stage, stages: Sequence[_Stage], keyword: str) -> Instruction | None:
    """The last such instruction of a stage, or of the stages it is built on."""
    by_name = {one.name: one for one in reversed(stages) if one.name}
    seen: set[int] = set()
    current: _Stage | None = stage
    while current is not None and current.number not in seen:
        seen.add(current.number)
        if found := current.last(keyword):
            return found
        current = by_name.get(current.base.lower())
    return None


def _stage(stage: _Stage, known: set[str], stages: Sequence[_Stage]) -> Values:
    image, tag, has_digest = split_image(stage.base)
    is_stage = stage.base.lower() in known or stage.base.isdecimal()
    return {
        "name": stage.name,
        "number": stage.number,
        "base": stage.base,
        "image": image,
        "tag": tag,
        "has_digest": has_digest,
        "is_scratch": stage.base == _SCRATCH,
        "is_stage": is_stage,
        "is_final": stage is stages[-1],
        "platform": stage.begin.flags.get("platform", ""),
        "commands": sum(one.keyword == "CMD" for one in stage.instructions),
        "entrypoints": sum(one.keyword == "ENTRYPOINT" for one in stage.instructions),
        "is_duplicate": stage.is_duplicate,
        "is_variable": "$" in stage.base,
    }


def _instructions(stage: _Stage, final: _Stage) -> Iterator[tuple[Values, int]]:
    keeps_failures = False
    told = [(one, commands_of(one.text) if one.keyword == "RUN" else []) for one in stage.instructions]
    for one, commands in told:
        if one.keyword == "SHELL":
            keeps_failures = _KEEPS_FAILURES in one.words
        values = {
            "keyword": one.keyword,
            "text": one.text,
            "words": list(one.words),
            "flags": {str(key): value for key, value in one.flags.items()},
            "is_exec": one.is_exec,
            "commands": commands,
            "has_pipe": one.keyword == "RUN" and has_pipe(one.text),
            "pipefail": keeps_failures or _KEEPS_FAILURES in one.text,
            "stage": stage.number,
            "is_final": stage is final,
            "heredoc": one.heredoc,
            "is_last_of_kind": stage.last(one.keyword) is one,
        }
        yield values, one.line


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
        }


def _pairs(one: Instruction) -> Iterator[tuple[str, str]]:
    if one.keyword == "ENV" and one.words and "=" not in one.words[0]:  # the old form: ENV NAME all the rest
        yield one.words[0], " ".join(one.words[1:])
        return
    for word in one.words:
        name, _, value = word.partition("=")
        yield name, value


def _substituted(text: str, arguments: Mapping[str, str]) -> str:
    for name, value in arguments.items():
        text = text.replace(f"${{{name}}}", value)
    for name in sorted(arguments, key=len, reverse=True):
        text = text.replace(f"${name}", arguments[name])
    return text
