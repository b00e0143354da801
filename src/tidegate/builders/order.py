# SPDX-License-Identifier: Apache-2.0
"""What a builder is told, and what it hands back."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from tidegate.artifact import Digest
from tidegate.values import Struct, field

Tell = Callable[[str], None]
"""Told each line of the builder's log, as it comes."""


class BuilderName(StrEnum):
    """The builders there are, in the order they are looked for."""

    BUILDAH = "buildah"
    PODMAN = "podman"
    BUILDKIT = "buildkit"


class Secret(Struct, frozen=True, kw_only=True):
    """A file that RUN may read under `/run/secrets/ID`, and that is in no layer."""

    id: str
    path: Path


class BaseLayout(Struct, frozen=True, kw_only=True):
    """An image that is built upon, whole, in a layout folder.

    Attributes:
        alias: what the Dockerfile calls it once it was pinned.
        entry: its name in the layout.
    """

    alias: str
    layout: Path
    entry: str
    digest: Digest


class BuildOrder(Struct, frozen=True, kw_only=True):
    """One build.

    Attributes:
        context: the folder COPY and ADD read.
        dockerfile: the file with every base pinned to an alias of `bases`.
        ignore_file: what of the context is left out; None for the context's own `.dockerignore`.
        target: stage to stop at; "" for the last.
        arguments: of `ARG`.
        ssh: `default` or `ID=SOCKET`, as builders take them.
        platform: `os/architecture`; "" for this machine's.
        network: of RUN: `none`, `host`, or "" for what the builder does untold.
        epoch: seconds since 1970 of the moment the image bears.
        timeout_seconds: of all the builder does.
    """

    context: Path
    dockerfile: Path
    bases: tuple[BaseLayout, ...]
    epoch: int
    timeout_seconds: float
    ignore_file: Path | None = None
    target: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[Secret, ...] = ()
    ssh: tuple[str, ...] = ()
    platform: str = ""
    network: str = ""


class Step(Struct, frozen=True, kw_only=True):
    """Where a builder is: both are counted from 0, and the FROM is a stage's step 0."""

    stage: int
    number: int


class BuiltStages(Struct, frozen=True, kw_only=True):
    """What was built: layout folders with one image each, their layers as the builder made them.

    Attributes:
        image: of the stage that was asked for.
        stages: of the stages before it by number, as far as the builder shows them.
    """

    image: Path
    stages: Mapping[int, Path]


class Builder(Protocol):
    """A builder."""

    name: BuilderName

    def version(self) -> str:
        """The program's version as it tells it.

        Raises:
            OutsideError: it cannot be run.
        """
        ...

    def build(self, order: BuildOrder, *, stages: bool, tell: Tell) -> BuiltStages:
        """Builds from clean.

        Args:
            order: what is built.
            stages: hand over the stages before the last, too.
            tell: told each line of the log.

        Raises:
            BuildFailedError: an instruction failed.
            OutsideError: the builder failed, or was not done in time.
        """
        ...
