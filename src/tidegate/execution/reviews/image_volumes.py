# SPDX-License-Identifier: Apache-2.0
"""Images that pods mount as volumes: they run nowhere, and what is in them is used all the same."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tidegate.artifact import Reference
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.values import Struct

MAX_VOLUMES: Final = 100


class ImageVolume(Struct, frozen=True, kw_only=True):
    """One of them.

    Attributes:
        at: keys and positions that lead to its reference in the object.
    """

    name: str
    image: Reference
    at: tuple[str | int, ...]


def image_volumes(pod: Mapping[str, Any], pod_at: Sequence[str], *, where: str) -> tuple[ImageVolume, ...]:
    """The image volumes of a pod.

    Args:
        pod: its spec.
        pod_at: keys that lead to the pod in its object.
        where: its name in errors.

    Raises:
        InvalidInputError: one of them names no image.
        BoundExceededError: more than `MAX_VOLUMES`.
    """
    found: list[ImageVolume] = []
    volumes = pod.get("volumes") or ()
    if not isinstance(volumes, list | tuple):
        raise InvalidInputError("volumes is not a list", where=where)
    for number, volume in enumerate(volumes):
        source = volume.get("image") if isinstance(volume, dict) else None
        if source is None:
            continue
        text = source.get("reference") if isinstance(source, dict) else None
        name = str(volume.get("name", ""))[:63]
        if not isinstance(text, str) or not text.strip():
            raise InvalidInputError("names no image", where=f"{where} volume {name!r}")
        at: tuple[str | int, ...] = (*pod_at, "spec", "volumes", number, "image", "reference")
        found.append(ImageVolume(name=name, image=Reference.parse(text), at=at))
        if len(found) > MAX_VOLUMES:
            raise BoundExceededError("max_volumes", MAX_VOLUMES, where=where)
    return tuple(found)
