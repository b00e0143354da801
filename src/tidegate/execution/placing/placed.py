# SPDX-License-Identifier: Apache-2.0
"""What became of a workload: what was added, by which strategy and why, and which words cannot hold together."""

from typing import Any

from tidegate.execution.edit import Change, Edit
from tidegate.execution.json_patch import pointer
from tidegate.execution.workload import Workload
from tidegate.values import Struct


class Addition(Struct, frozen=True, kw_only=True):
    """One thing that was added.

    Attributes:
        path: JSON Pointer into the workload's document.
        by: the strategy, or the image.
    """

    path: str
    value: Any
    by: str
    why: str


class Conflict(Struct, frozen=True, kw_only=True):
    """Two that cannot both hold; each says who says what."""

    path: str
    one: str
    other: str
    fix: str

    def __str__(self) -> str:
        return f"{self.one}, but {self.other}"


class Placed(Struct, frozen=True, kw_only=True):
    """A workload with its placement.

    Attributes:
        changes: as the rest of the gate tells them.
    """

    workload: Workload
    additions: tuple[Addition, ...]
    conflicts: tuple[Conflict, ...]
    changes: tuple[Change, ...]


class Placing:
    """A workload while it is placed: its edit, and the account of it."""

    def __init__(self, workload: Workload) -> None:
        self.workload = workload
        self.edit = Edit(workload.document)
        self.additions: list[Addition] = []
        self.conflicts: list[Conflict] = []

    @property
    def spec(self) -> tuple[str, ...]:
        """Keys that lead to the pod's spec."""
        return (*self.workload.pod_at, "spec")

    def get(self, path: tuple[str | int, ...]) -> Any:
        """What stands at a path now."""
        return self.edit.get(path)

    def add(self, path: tuple[str | int, ...], value: Any, *, by: str, why: str, shown: Any = None) -> None:
        """Sets what stands at a path; `shown` is what of it is new, when that is not all."""
        self.edit.set(path, value=value, why=f"{why} ({by})")
        told = value if shown is None else shown
        self.additions.append(Addition(path=pointer(path), value=told, by=by, why=why))

    def conflict(self, path: tuple[str | int, ...], one: str, other: str, fix: str) -> None:
        """Two that cannot both hold."""
        self.conflicts.append(Conflict(path=pointer(path), one=one, other=other, fix=fix))
