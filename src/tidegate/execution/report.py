# SPDX-License-Identifier: Apache-2.0
"""What the sensor of a node or of a cluster sends to its server: what it saw, what runs there, and that it lives.

A node tells all that runs, whenever that changes. A cluster is too large for that: it tells each container that began,
changed or ended, and the server's record is compared with it by number and count.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final

from tidegate.errors import InvalidInputError
from tidegate.execution.network.flow_report import FlowReport
from tidegate.execution.observation import Container, Observation
from tidegate.values import Struct, msgspec

MAX_REPORT_BYTES: Final = 8 << 20
MAX_OBSERVATIONS: Final = 200
"""In one report; the others wait for the next."""
MAX_CONTAINERS: Final = 10_000
"""On one node."""
MAX_CHANGES: Final = 500
"""Of a cluster, in one report."""
MAX_LABELS: Final = 64
BEAT_SECONDS: Final = 10.0
"""Between two reports when there is nothing to tell."""
_NODE: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


class NodeKind(StrEnum):
    """Whose sensor reports."""

    NODE = "node"
    CLUSTER = "cluster"


_Word = Annotated[str, msgspec.Meta(max_length=512)]
_Number = Annotated[int, msgspec.Meta(ge=0, le=1 << 62)]


class Owner(Struct, frozen=True, kw_only=True):
    """What a pod is of in the end: a Deployment, a StatefulSet, a CronJob; itself where nothing made it."""

    kind: _Word = ""
    name: _Word = ""


class PodContainer(Struct, frozen=True, kw_only=True):
    """A run of a container in a cluster.

    Attributes:
        number: of this telling; of two tellings of one container the higher holds.
        labels: of its pod.
        pinned: digest that its pod's spec names; "" for none.
        glass: its pod carries a reason for which the glass was broken.
        ended: it does not run any more; `ended_at` when that was, RFC 3339, where it is known.
    """

    number: _Number = 0
    container: Container
    owner: Owner = Owner()
    labels: Annotated[Mapping[_Word, _Word], msgspec.Meta(max_length=MAX_LABELS)] = {}
    pinned: _Word = ""
    glass: bool = False
    ended: bool = False
    ended_at: Annotated[str, msgspec.Meta(max_length=40)] = ""


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
        containers: all that run on a node; None when they are those of the last report.
        changed: what began, changed or ended in a cluster.
        all_since: what runs in the cluster was told with this number or a higher one: the rest has ended. 0 while
            more is to be told.
        running: how many containers run in the cluster, once all of it was told; -1 before.
        current_at: when the cluster was heard last, RFC 3339.
        flows: who talked to whom on a node; None for nothing to tell.
    """

    kind: NodeKind = NodeKind.NODE
    run: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
    version: Annotated[str, msgspec.Meta(max_length=100)] = ""
    lost: Annotated[int, msgspec.Meta(ge=0, le=1 << 53)] = 0
    ends: bool = False
    observations: Annotated[tuple[Sent, ...], msgspec.Meta(max_length=MAX_OBSERVATIONS)] = ()
    containers: Annotated[tuple[Container, ...], msgspec.Meta(max_length=MAX_CONTAINERS)] | None = None
    changed: Annotated[tuple[PodContainer, ...], msgspec.Meta(max_length=MAX_CHANGES)] = ()
    all_since: _Number = 0
    running: Annotated[int, msgspec.Meta(ge=-1, le=1 << 31)] = -1
    current_at: Annotated[str, msgspec.Meta(max_length=40)] = ""
    flows: FlowReport | None = None


class Taken(Struct, frozen=True, kw_only=True):
    """What the server answers.

    Attributes:
        new: how many observations it had not had yet.
        unknown_containers: it does not know what runs there, and wants to be told all of it.
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
