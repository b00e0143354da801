# SPDX-License-Identifier: Apache-2.0
"""A Dockerfile whose bases are called by names that only this build knows, line for line. Pure."""

import re
from collections.abc import Mapping
from typing import Final

from tidegate.development.build.stages import Plan, Stage

_DIRECTIVE: Final = re.compile(r"\s*#\s*(?:syntax|escape|check)\s*=", re.IGNORECASE)
_SYNTAX: Final = re.compile(r"\s*#\s*syntax\s*=", re.IGNORECASE)


def pinned_dockerfile(raw: bytes, plan: Plan, aliases: Mapping[str, str]) -> bytes:
    """The file with every base replaced; lines keep their numbers, so that errors are told where they are.

    Args:
        raw: as it was written.
        plan: read from it.
        aliases: by the base's name.
    """
    lines = _without_frontend(raw.decode("utf-8-sig", "surrogateescape").split("\n"))
    starts = sorted(one.line for stage in plan.stages for one in stage.instructions)
    for stage in plan.stages:
        if stage.base:
            _replace_from(lines, stage, aliases[stage.base])
        for one in stage.instructions[1:]:
            text = f"{one.flags.get('from', '')} {one.flags.get('mount', '')}"
            for image in stage.images:
                if image in text:
                    end = next((start for start in starts if start > one.line), len(lines) + 1)
                    _replace_taken(lines, one.line - 1, end - 1, image, aliases[image])
    return "\n".join(lines).encode("utf-8", "surrogateescape")


def _without_frontend(lines: list[str]) -> list[str]:
    """Takes out `# syntax=`, for which BuildKit fetches a program from a registry; other directives stay in force."""
    end = 0
    while end < len(lines) and _DIRECTIVE.match(lines[end]):
        end += 1
    kept = [line for line in lines[:end] if not _SYNTAX.match(line)]
    return [*kept, *["#"] * (end - len(kept)), *lines[end:]]


def _replace_from(lines: list[str], stage: Stage, alias: str) -> None:
    begin = stage.instructions[0]
    at = begin.line - 1
    flags = "".join(f"--{name}={value} " for name, value in begin.flags.items())
    name = f" AS {stage.name}" if stage.name else ""
    end = at
    while end < len(lines) - 1 and lines[end].rstrip().endswith(("\\", "`")):
        lines[end] = ""
        end += 1
    lines[end] = ""
    lines[at] = f"FROM {flags}{alias}{name}"


def _replace_taken(lines: list[str], start: int, end: int, image: str, alias: str) -> None:
    wanted = re.compile(rf"(from=[\"']?){re.escape(image)}(?=[\"',\s]|$)")
    for at in range(start, min(end, len(lines))):
        lines[at] = wanted.sub(lambda found: found[1] + alias, lines[at])
