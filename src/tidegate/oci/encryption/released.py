# SPDX-License-Identifier: Apache-2.0
"""Keys of layers that a registry wrapped for one who asked: annotations by layer, as JSON."""

from collections.abc import Mapping
from typing import Final

from tidegate.artifact import Digest
from tidegate.bounds import MIB
from tidegate.errors import InvalidInputError
from tidegate.oci.encryption.wrapping import PREFIX
from tidegate.values import Struct
from tidegate.wire import from_json

MAX_RELEASED_BYTES: Final = 16 * MIB


class _Layer(Struct, frozen=True, kw_only=True):
    digest: Digest
    annotations: Mapping[str, str]


class _Document(Struct, frozen=True, kw_only=True):
    layers: tuple[_Layer, ...]


def read_released(data: bytes, *, where: str) -> Mapping[Digest, Mapping[str, str]]:
    """Reads what a registry released.

    Raises:
        BoundExceededError: over 16 MiB.
        InvalidInputError: no such document, or it carries other annotations than those of encryption.
    """
    document = from_json(data, _Document, what=where, max_bytes=MAX_RELEASED_BYTES)
    for layer in document.layers:
        if not all(name.startswith(PREFIX) for name in layer.annotations):
            raise InvalidInputError("carries other annotations than those of encryption", where=where)
    return {layer.digest: layer.annotations for layer in document.layers}
