# SPDX-License-Identifier: Apache-2.0
"""Images that are built upon: fetched once, by digest, before the build, and handed to the builder as they are."""

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from tidegate.artifact import Descriptor, Digest, Manifest
from tidegate.builders.order import BaseLayout
from tidegate.development.build.provenance import UsedBase
from tidegate.development.build.request import Tools
from tidegate.development.build.stages import Plan
from tidegate.errors import DigestMismatchError, InvalidInputError
from tidegate.oci.destination import LayoutDestination
from tidegate.oci.image import Image
from tidegate.values import Struct


class FetchedBase(Struct, frozen=True, kw_only=True):
    """One base in a layout folder.

    Attributes:
        layers: of its manifest, by diff-id.
        steps: entries of its history.
    """

    used: UsedBase
    layout: BaseLayout
    layers: tuple[tuple[Digest, Descriptor], ...]
    steps: int


def fetch_bases(plan: Plan, tools: Tools, folder: Path) -> tuple[FetchedBase, ...]:
    """Fetches every image a plan needs.

    Raises:
        TidegateError: one cannot be had, is broken, or is no image of a layout.
    """
    found = []
    for number, name in enumerate(plan.bases):
        tools.tell(f"base {name}")
        with tools.open_base(name) as opened:
            manifest = opened.image.manifest
            if manifest is None:
                raise InvalidInputError(
                    "has no manifest, and so no digest to build upon", where=name, remedy="give it as an OCI layout"
                )
            layout = folder / f"base-{number}"
            _copy(opened.image, manifest, layout)
            stages = tuple(one.title for one in plan.stages if name in (one.base, *one.images))
            used = UsedBase(name=name, source=opened.source, digest=manifest.digest, stages=stages)
            found.append(
                FetchedBase(
                    used=used,
                    layout=BaseLayout(
                        alias=f"localhost/tidegate-base-{number}:pinned",
                        layout=layout,
                        entry="base",
                        digest=manifest.digest,
                    ),
                    layers=tuple(zip(opened.image.config.diff_ids, manifest.layers, strict=False)),
                    steps=len(opened.image.config.history),
                )
            )
    return tuple(found)


def kept_layers(bases: Iterable[FetchedBase]) -> dict[Digest, Callable[[Path], Descriptor]]:
    """By diff-id of each base's layers: what writes the layer into a layout, byte for byte."""
    return {diff_id: _keeper(one.layout.layout, layer) for one in bases for diff_id, layer in one.layers}


def _keeper(source: Path, layer: Descriptor) -> Callable[[Path], Descriptor]:
    def keep(layout: Path) -> Descriptor:
        place = Path("blobs") / layer.digest.algorithm / layer.digest.hex
        (layout / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / place, layout / place)
        return layer

    return keep


def _copy(image: Image, manifest: Manifest, layout: Path) -> None:
    destination = LayoutDestination(layout, "base")
    layout.mkdir(parents=True, exist_ok=True)
    for layer in image.layers:
        digest = layer.descriptor.digest
        with layer.open() as source:
            taken = destination.take(source, algorithm=digest.algorithm)
        if taken != digest:
            raise DigestMismatchError(digest, taken, where=image.name)
    destination.take(_Whole(image.config_bytes))
    destination.finish(destination.put_manifest(manifest.raw, manifest.media_type))


class _Whole:
    """Bytes as a stream."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, size: int = -1, /) -> bytes:
        taken, self._data = (self._data, b"") if size < 0 else (self._data[:size], self._data[size:])
        return taken
