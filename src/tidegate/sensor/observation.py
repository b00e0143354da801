# SPDX-License-Identifier: Apache-2.0
"""What the sensor saw."""

from enum import StrEnum

from tidegate.execution.drift_rules import Mode
from tidegate.sensor.containers import Container
from tidegate.sensor.overlay import Origin
from tidegate.values import Struct


class Act(StrEnum):
    """What somebody did."""

    EXECUTED = "executed"
    LOADED = "loaded"
    """A loader opened a program or library."""
    INTERPRETED = "interpreted"
    """An interpreter opened a script."""


class Observation(Struct, frozen=True, kw_only=True):
    """A program that was not in its container's image.

    Attributes:
        at: RFC 3339, of the first time.
        act: what was done with it.
        path: of the file, as its container sees it.
        origin: where the file comes from.
        refused: it did not run.
        mode: how far the sensor goes for this workload.
        rule: the rule that says so.
        program: who did it, `comm` of the process.
        pid: of that process, on the node.
        container: where; None for a process in no container that used a container's file.
        count: how often since it was told last.
    """

    at: str
    act: Act
    path: str
    origin: Origin
    refused: bool
    mode: Mode
    rule: str
    program: str
    pid: int
    container: Container | None
    count: int = 1
