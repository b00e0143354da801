# SPDX-License-Identifier: Apache-2.0
"""Which build instruction made a layer, as the image's history tells it in the words of whichever builder wrote it.

Docker's classic builder and buildah write `/bin/sh -c #(nop) COPY …` and `/bin/sh -c …` for RUN; BuildKit and kaniko
write the instruction itself, BuildKit with `# buildkit` behind it. Others name only themselves; of those that put
one's own program into a layer of its own (ko, jib) it is known which layer that is. Entries that made no layer are
marked so (OCI image-spec 1.1 `config.md`, `empty_layer`).
"""

import re
from enum import StrEnum
from typing import Final

from tidegate.artifact import ImageConfig
from tidegate.artifact.image_config import HistoryEntry
from tidegate.values import Struct

MAX_INSTRUCTION_CHARS: Final = 4_096
"""Characters of an instruction that are kept and looked at."""

_NOP: Final = "#(nop)"
_SHELLS: Final = ("/bin/sh -c ", "/bin/bash -c ", "/bin/ash -c ", "cmd /S /C ", "powershell ")
_KEYWORD: Final = re.compile(
    r"(ADD|COPY|RUN|WORKDIR|ENV|LABEL|CMD|ENTRYPOINT|EXPOSE|USER|VOLUME|ONBUILD|ARG)\b", re.ASCII
)
_ARGUMENTS: Final = re.compile(r"\|\d{1,4} ", re.ASCII)
_JIBS_OWN: Final = frozenset({"classes", "resources"})


class Act(StrEnum):
    """What an instruction does to the files of an image."""

    COPY = "copy"
    """Files of the maker's own are laid in: COPY, ADD, or a tool's own word for it."""
    RUN = "run"
    """A program of the image was run, and this is what it left."""
    OTHER = "other"
    """Neither: WORKDIR, or a builder whose words are not known."""


class BuildStep(Struct, frozen=True, kw_only=True):
    """The step of a build that made one layer.

    Attributes:
        number: of the entry in the history, counted from 1.
        instruction: as the builder wrote it, without its own marks around it.
    """

    number: int
    act: Act
    instruction: str


def steps_of(config: ImageConfig | None, layers: int) -> tuple[BuildStep | None, ...]:
    """The step that made each layer, bottom first; all None when the history does not tell of just these layers.

    Args:
        config: None when there is no image around the files.
        layers: how many there are.
    """
    history = config.history if config else ()
    steps = [_step(number, entry) for number, entry in enumerate(history, start=1) if not entry.empty_layer]
    return tuple(steps) if len(steps) == layers else (None,) * layers


def copied_layers(config: ImageConfig | None, layers: int) -> tuple[bool, ...]:
    """For each layer, bottom first, whether an instruction of the image's makers laid their own files into it."""
    return tuple(step is not None and step.act is Act.COPY for step in steps_of(config, layers))


def _step(number: int, entry: HistoryEntry) -> BuildStep:
    text = " ".join(entry.created_by[:MAX_INSTRUCTION_CHARS].split())
    text = text.removesuffix("# buildkit").rstrip()
    if _NOP in text:
        text = text.partition(_NOP)[2].strip()
        return BuildStep(number=number, act=_act(text, entry), instruction=text)
    if _ARGUMENTS.match(text) or text.startswith(_SHELLS):
        return BuildStep(number=number, act=Act.RUN, instruction=f"RUN {text}")
    return BuildStep(number=number, act=_act(text, entry), instruction=text)


def _act(text: str, entry: HistoryEntry) -> Act:
    keyword = _KEYWORD.match(text)
    if keyword:
        return {"ADD": Act.COPY, "COPY": Act.COPY, "RUN": Act.RUN}.get(keyword[1], Act.OTHER)
    if text.startswith("jib-"):
        return Act.COPY if entry.comment in _JIBS_OWN else Act.OTHER
    if text.startswith("ko build ") or text == "ko publish":
        return Act.COPY if "go build" in entry.comment or "kodata" in entry.comment else Act.OTHER
    return Act.OTHER
