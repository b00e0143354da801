# SPDX-License-Identifier: Apache-2.0
"""An image opened for reading, wherever it lies. Sources in this room return it; `tidegate.scan` reads it."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from tidegate.artifact import Descriptor, Digest, ImageConfig, Manifest
from tidegate.bounds import Readable
from tidegate.values import Struct


class Layer(Protocol):
    """One layer of an opened image.

    Attributes:
        descriptor: media type, digest and size of the blob as stored. A docker-archive names no digest of what it
            stores: then the descriptor speaks of the member's bytes as they lie there.
        diff_id: what the image configuration says of the tar stream; None when there is no configuration.
    """

    @property
    def descriptor(self) -> Descriptor:
        """The blob as stored."""
        ...

    @property
    def diff_id(self) -> Digest | None:
        """The tar stream, as the configuration says."""
        ...

    def open(self) -> AbstractContextManager[Readable]:
        """Streams the blob's bytes as stored (compressed). May be called again, and from several threads at once.

        Raises:
            InvalidInputError: the blob is missing or shorter than the source itself knows.
            OutsideError: the disk or the registry failed.
        """
        ...


class Image(Struct, frozen=True, kw_only=True):
    """One image of one platform.

    Attributes:
        name: as the user wrote it, for reports.
        digest: of the manifest; of the image configuration for a docker-archive, which has no manifest.
        manifest: None for a docker-archive.
        config_bytes: the configuration verbatim.
        layers: bottom first.
    """

    name: str
    digest: Digest
    config: ImageConfig
    config_bytes: bytes
    layers: tuple[Layer, ...]
    manifest: Manifest | None = None


class Folder(Struct, frozen=True, kw_only=True):
    """An unpacked root file system, or any folder: files without an image around them.

    Attributes:
        is_source: a folder of sources, where lock files and manifests speak; not a root file system.
    """

    name: str
    root: Path
    is_source: bool = False
