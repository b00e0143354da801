# SPDX-License-Identifier: Apache-2.0
"""What a build is asked for, what it needs of the house, and what it hands back."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tidegate.artifact import Descriptor, Digest, Platform
from tidegate.builders import Builder, BuilderName, Secret
from tidegate.builders.order import Tell
from tidegate.clock import Clock
from tidegate.development.build.attributed import LayerMaker
from tidegate.development.build.comparing import BuildComparison
from tidegate.development.build.provenance import LOCAL_BUILDER
from tidegate.inventory import Inventory
from tidegate.oci.image import Image
from tidegate.oci.layer_builder import Compression
from tidegate.oci.reproducible import LayerChange
from tidegate.values import Struct, field

DEFAULT_TIMEOUT_SECONDS: Final = 3600.0


class BuildRequest(Struct, frozen=True, kw_only=True):
    """One build as a person asks for it.

    Attributes:
        epoch: the image's moment in seconds since 1970; None takes the commit's, or 0 where there is none.
        network: of RUN: `host`, or "" for the builder's own way.
        is_hermetic: RUN has no network, nothing is fetched by ADD, bases are resolved before.
        twice: build again from clean and compare.
        builder: the identity provenance names.
    """

    context: Path
    dockerfile: Path
    platform: Platform
    target: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[Secret, ...] = ()
    ssh: tuple[str, ...] = ()
    network: str = ""
    is_hermetic: bool = False
    epoch: int | None = None
    twice: bool = False
    compression: Compression = Compression.GZIP
    builder: str = LOCAL_BUILDER
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedBase:
    """An image to build upon, opened; `source` says where it was taken from."""

    image: Image
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a build needs of the house.

    Attributes:
        name: of the builder.
        open_builder: makes one that works in a folder, and hides some words from its log.
        open_base: opens what a FROM names.
        scan: reads what is in an image.
        tell: told what is done, a line at a time.
    """

    name: BuilderName
    open_builder: Callable[[Path, Path, Callable[[], float], tuple[bytes, ...]], Builder]
    open_base: Callable[[str], AbstractContextManager[OpenedBase]]
    scan: Callable[[Image], Inventory]
    clock: Clock
    tell: Tell


class BuiltLayerLine(Struct, frozen=True, kw_only=True):
    """One layer of the image, and who made it."""

    digest: Digest
    size: int
    diff_id: Digest
    maker: LayerMaker


class Built(Struct, frozen=True, kw_only=True):
    """What came of a build.

    Attributes:
        layout: a folder with the one image; gone with the workspace.
        provenance: the predicate; `sbom` likewise.
        documents: files by name: the log, bills of materials, the comparison.
        comparison: with a second build; None when there was none.
        notes: what a person should know of it.
    """

    descriptor: Descriptor
    layout: Path
    layers: tuple[BuiltLayerLine, ...]
    changes: tuple[LayerChange, ...]
    provenance: Mapping[str, Any]
    sbom: Mapping[str, Any]
    documents: Mapping[str, bytes]
    stages: tuple[str, ...]
    comparison: BuildComparison | None
    notes: tuple[str, ...]
