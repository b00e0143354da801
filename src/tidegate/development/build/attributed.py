# SPDX-License-Identifier: Apache-2.0
"""Which instruction of a Dockerfile made which layer. Pure."""

from collections.abc import Sequence
from typing import Final

from tidegate.artifact import ImageConfig
from tidegate.checks.dockerfile import Instruction
from tidegate.values import Struct

_BASE: Final = "of the base image"


class LayerMaker(Struct, frozen=True, kw_only=True):
    """Who made a layer.

    Attributes:
        line: of the Dockerfile; 0 when it is not told.
        instruction: in one line.
    """

    line: int
    instruction: str


def makers_of(config: ImageConfig, base_steps: int, chain: Sequence[Instruction]) -> tuple[LayerMaker, ...]:
    """For each layer, bottom first.

    Args:
        config: of the image.
        base_steps: how many entries of the history are the base's.
        chain: the instructions above the base; an entry each, or else the history's own words are told.
    """
    own = config.history[base_steps:]
    fits = len(own) == len(chain)
    found = [LayerMaker(line=0, instruction=_BASE) for one in config.history[:base_steps] if not one.empty_layer]
    for number, entry in enumerate(own):
        if entry.empty_layer:
            continue
        if fits:
            found.append(_of(chain[number]))
        else:
            found.append(LayerMaker(line=0, instruction=entry.created_by[:200]))
    if len(found) != len(config.diff_ids):
        return tuple(LayerMaker(line=0, instruction="") for _ in config.diff_ids)
    return tuple(found)


def _of(one: Instruction) -> LayerMaker:
    return LayerMaker(line=one.line, instruction=f"{one.keyword} {' '.join(one.text.split())}"[:200])
