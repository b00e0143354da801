# SPDX-License-Identifier: Apache-2.0
"""What a node's sensor sends to its server: observations, what runs there, and that it lives."""

import re
from typing import Annotated, Final

from tidegate.errors import InvalidInputError
from tidegate.execution.observation import Container, Observation
from tidegate.values import Struct, msgspec

MAX_REPORT_BYTES: Final = 8 << 20
MAX_OBSERVATIONS: Final = 200
"""In one report; the others wait for the next."""
MAX_CONTAINERS: Final = 10_000
"""On one node."""
BEAT_SECONDS: Final = 10.0
"""Between two reports when there is nothing to tell."""
_NODE: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


class Sent(Struct, frozen=True, kw_only=True):
    """An observation on its way.

    Attributes:
        id: 32 hexadecimal digits, the same however often it is sent.
    """

    id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
    seen: Observation


class Report(Struct, frozen=True, kw_only=True):
    """What a sensor says at once.

    Attributes:
        run: of the sensor, another one after each start.
        version: of the sensor.
        lost: observations this node's sensor dropped since it was set up, since their place was full.
        ends: the sensor was told to end; until it says something again its node is not watched.
        observations: in the order they were made.
        containers: all that run; None when they are those of the last report.
    """

    run: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
    version: Annotated[str, msgspec.Meta(max_length=100)] = ""
    lost: Annotated[int, msgspec.Meta(ge=0, le=1 << 53)] = 0
    ends: bool = False
    observations: Annotated[tuple[Sent, ...], msgspec.Meta(max_length=MAX_OBSERVATIONS)] = ()
    containers: Annotated[tuple[Container, ...], msgspec.Meta(max_length=MAX_CONTAINERS)] | None = None


class Taken(Struct, frozen=True, kw_only=True):
    """What the server answers.

    Attributes:
        new: how many observations it had not had yet.
        unknown_containers: it does not know what runs there, and wants to be told.
    """

    new: int
    unknown_containers: bool = False


def check_node(name: str) -> str:
    """The name of a node.

    Raises:
        InvalidInputError: it is none.
    """
    if not _NODE.fullmatch(name):
        raise InvalidInputError(f"not a node's name: {name[:80]!r}", remedy="use letters, digits, dots and dashes")
    return name
