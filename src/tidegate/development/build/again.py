# SPDX-License-Identifier: Apache-2.0
"""A second build from clean against the first, both as they lie in layout folders."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tidegate.artifact import Digest
from tidegate.development.build.attributed import LayerMaker
from tidegate.development.build.comparing import BuildComparison, BuiltTar, changed_keys, compare_layer
from tidegate.oci.image import Image, Layer
from tidegate.oci.layout import open_layout
from tidegate.oci.reproducible import ReproducibleImage, plain_layer
from tidegate.values import replace
from tidegate.wire import from_json

_MAX_CONFIG_BYTES = 8 << 20


def compare_images(
    first: ReproducibleImage,
    first_layout: Path,
    second: ReproducibleImage,
    second_layout: Path,
    makers: Sequence[LayerMaker],
) -> BuildComparison:
    """Compares two images of one Dockerfile to the last byte.

    Args:
        first: the image that is kept.
        first_layout: where it lies.
        second: the other one.
        second_layout: where it lies.
        makers: of the first's layers.

    Raises:
        InvalidInputError: a layer is broken.
        OutsideError: the disk failed.
    """
    same = BuildComparison(first=first.descriptor.digest, second=second.descriptor.digest, layers=())
    if same.is_same:
        return same
    one, other = open_layout(first_layout, name="first"), open_layout(second_layout, name="second")
    if len(one.layers) != len(other.layers):
        shape = f"the first has {len(one.layers)} layers, the second {len(other.layers)}"
        return replace(same, shape=shape)
    differing = [
        number for number, pair in enumerate(zip(first.diff_ids, second.diff_ids, strict=True)) if pair[0] != pair[1]
    ]
    with tempfile.TemporaryDirectory(prefix="tidegate-") as scratch:
        layers = tuple(
            compare_layer(
                number,
                makers[number],
                _plain(one.layers[number], first.diff_ids[number], Path(scratch) / "first"),
                _plain(other.layers[number], second.diff_ids[number], Path(scratch) / "second"),
            )
            for number in differing
        )
    return replace(same, layers=layers, configuration=changed_keys(_config(one), _config(other)))


def _plain(layer: Layer, diff_id: Digest, to: Path) -> BuiltTar:
    return BuiltTar(diff_id=diff_id, tar=plain_layer(layer, to))


def _config(image: Image) -> dict[str, Any]:
    return from_json(image.config_bytes, dict[str, Any], what="configuration", max_bytes=_MAX_CONFIG_BYTES)
