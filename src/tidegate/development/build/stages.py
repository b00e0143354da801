# SPDX-License-Identifier: Apache-2.0
"""The stages of a Dockerfile that a build needs, and the images they are built upon. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from tidegate.artifact import Platform
from tidegate.checks.dockerfile import Dockerfile, Instruction
from tidegate.checks.words import substituted
from tidegate.errors import InvalidInputError, UsageError
from tidegate.values import Struct

_SCRATCH: Final = "scratch"
_FROM_MOUNT: Final = re.compile(r"(?:^|[\s,])from=([^\s,]+)")
_URL: Final = re.compile(r"(?:https?|git|ssh)://\S+|git@\S+")


class Stage(Struct, frozen=True, kw_only=True):
    """One FROM and what follows.

    Attributes:
        name: as `AS` has it; "" without one.
        base: the image it is built upon; "" for an earlier stage or for nothing.
        parent: the earlier stage it is built upon.
        taken: stages it takes files of.
        images: other images it takes files of.
        urls: what ADD fetches, with the line.
        instructions: the FROM first.
    """

    number: int
    name: str
    base: str
    parent: int | None
    taken: tuple[int, ...]
    images: tuple[str, ...]
    urls: tuple[tuple[str, int], ...]
    instructions: tuple[Instruction, ...]

    @property
    def title(self) -> str:
        """Its name, or else its number."""
        return self.name or str(self.number)


class Plan(Struct, frozen=True, kw_only=True):
    """What is built.

    Attributes:
        stages: those that are needed, the one that is asked for last.
        bases: every image they need, in the order of the Dockerfile.
    """

    stages: tuple[Stage, ...]
    bases: tuple[str, ...]

    @property
    def final(self) -> Stage:
        """The stage that is asked for."""
        return self.stages[-1]

    def chain(self, stage: Stage) -> tuple[Instruction, ...]:
        """The instructions whose layers are in a stage's image, above those of its base; without FROM."""
        by_number = {one.number: one for one in self.stages}
        below = self.chain(by_number[stage.parent]) if stage.parent is not None else ()
        return (*below, *(one for one in stage.instructions[1:] if not one.is_trigger))


def plan_of(
    dockerfile: Dockerfile, *, target: str, arguments: Mapping[str, str], platform: Platform, where: str
) -> Plan:
    """Which stages and images a build needs.

    Args:
        dockerfile: the parsed file.
        target: a stage by name or number; "" for the last.
        arguments: of the command line.
        platform: what is built for.
        where: the file's name in errors.

    Raises:
        InvalidInputError: a base depends on an argument without a value.
        UsageError: there is no such stage.
    """
    stages = list(_stages(dockerfile.instructions, _given(arguments, platform), arguments, where))
    last = _named(stages, target, where)
    needed: set[int] = set()
    waiting = [last.number]
    while waiting:
        number = waiting.pop()
        if number not in needed:
            needed.add(number)
            stage = stages[number]
            waiting += [*stage.taken, *([] if stage.parent is None else [stage.parent])]
    kept = tuple(one for one in stages if one.number in needed)
    bases = dict.fromkeys(image for one in kept for image in (one.base, *one.images) if image)
    return Plan(stages=kept, bases=tuple(bases))


def _given(arguments: Mapping[str, str], platform: Platform) -> dict[str, str]:
    """What every Dockerfile may use before its first FROM (Dockerfile reference, "Automatic platform ARGs")."""
    told = {"PLATFORM": str(platform), "OS": platform.os, "ARCH": platform.architecture, "VARIANT": platform.variant}
    return {**{f"{side}{name}": value for side in ("TARGET", "BUILD") for name, value in told.items()}, **arguments}


def _named(stages: Sequence[Stage], target: str, where: str) -> Stage:
    if not target:
        return stages[-1]
    for one in stages:
        if target.lower() == one.name or target == str(one.number):
            return one
    names = ", ".join(one.title for one in stages)
    raise UsageError(f"no stage is called {target[:80]!r}", where=where, remedy=f"choose of {names}")


def _stages(
    instructions: Sequence[Instruction], values: dict[str, str], arguments: Mapping[str, str], where: str
) -> Iterator[Stage]:
    groups: list[list[Instruction]] = []
    for one in instructions:
        if one.keyword == "FROM":
            groups.append([one])
        elif groups:
            groups[-1].append(one)
        elif one.keyword == "ARG":
            for word in one.words:
                name, _, value = word.partition("=")
                values[name] = arguments.get(name, substituted(value, values) or values.get(name, ""))
    names: dict[str, int] = {}
    for number, group in enumerate(groups):
        words = [*group[0].words, "", "", ""]
        base = substituted(words[0], values)
        if "$" in base or not base:
            raise InvalidInputError(
                f"FROM {words[0][:80]} depends on an argument without a value",
                where=f"{where}:{group[0].line}",
                remedy="give it by --build-arg, or a default by ARG",
            )
        name = words[2].lower() if words[1].lower() == "as" else ""
        parent = names.get(base.lower())
        froms = [text for one in group[1:] for text in _taken(one)]
        yield Stage(
            number=number,
            name=name,
            base="" if parent is not None or base == _SCRATCH else base,
            parent=parent,
            taken=tuple(dict.fromkeys(found for text in froms if (found := _earlier(text, names, number)) is not None)),
            images=tuple(dict.fromkeys(text for text in froms if _earlier(text, names, number) is None)),
            urls=tuple((word, one.line) for one in group[1:] for word in _fetched(one)),
            instructions=tuple(group),
        )
        if name:
            names[name] = number


def _taken(one: Instruction) -> list[str]:
    found = [one.flags["from"]] if one.flags.get("from") else []
    return found + _FROM_MOUNT.findall(one.flags.get("mount", ""))


def _fetched(one: Instruction) -> list[str]:
    return [word for word in one.words[:-1] if _URL.fullmatch(word)] if one.keyword == "ADD" else []


def _earlier(text: str, names: Mapping[str, int], below: int) -> int | None:
    if text.lower() in names:
        return names[text.lower()]
    return int(text) if text.isdecimal() and int(text) < below else None
