# SPDX-License-Identifier: Apache-2.0
"""Which build instruction made a layer, as the image's history tells it.

Of tools that put one's own program into a layer of its own without a Dockerfile (ko, jib) it is known which layer that
is. Entries that made no layer are marked so (OCI image-spec 1.1 `config.md`, `empty_layer`).
"""

from enum import StrEnum
from typing import Final

from tidegate.artifact import ImageConfig
from tidegate.artifact.build_instruction import build_instruction
from tidegate.artifact.image_config import HistoryEntry
from tidegate.values import Struct

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
    told = build_instruction(entry)
    acts = {"ADD": Act.COPY, "COPY": Act.COPY, "RUN": Act.RUN, "": _act_of_tool(told.text, entry)}
    return BuildStep(number=number, act=acts.get(told.keyword, Act.OTHER), instruction=told.text)


def _act_of_tool(text: str, entry: HistoryEntry) -> Act:
    if text.startswith("jib-"):
        return Act.COPY if entry.comment in _JIBS_OWN else Act.OTHER
    if text.startswith("ko build ") or text == "ko publish":
        return Act.COPY if "go build" in entry.comment or "kodata" in entry.comment else Act.OTHER
    return Act.OTHER
