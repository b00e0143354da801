# SPDX-License-Identifier: Apache-2.0
"""Marks of the image itself: its layers, annotations and operating system, written into a document and read back.

What the image's configuration says is left out but for its platform: environment and history may hold secrets.
"""

import re
from collections.abc import Iterator
from typing import Final

from tidegate.artifact import Digest
from tidegate.errors import InvalidInputError
from tidegate.inventory import Inventory, OsRelease
from tidegate.sbom.marks import Marks

_NUMBERED: Final = re.compile(r"(layer|diff-id):([0-9]{1,4})")


def image_marks(inventory: Inventory) -> Iterator[tuple[str, str]]:
    """Layers, unpacked layers and annotations, as (name, value)."""
    for at, layer in enumerate(inventory.layers):
        yield f"layer:{at}", str(layer)
    for at, layer in enumerate(inventory.layers_unpacked):
        yield f"diff-id:{at}", str(layer)
    for key in sorted(inventory.annotations):
        yield f"annotation:{key}", inventory.annotations[key]


def os_marks(release: OsRelease) -> Iterator[tuple[str, str]]:
    """All of os-release(5) that is kept, as (name, value); empty ones are left out."""
    for name, value in (
        ("version-codename", release.version_codename),
        ("name", release.name),
        ("pretty-name", release.pretty_name),
        ("cpe-name", release.cpe_name),
    ):
        if value:
            yield name, value
    for like in release.id_like:
        yield "id-like", like


def layers_from(marks: Marks, kind: str) -> tuple[Digest, ...]:
    """The layers that marks tell of, bottom first.

    Args:
        marks: values by name.
        kind: `layer` or `diff-id`.

    Raises:
        InvalidInputError: one is no digest.
    """
    numbered = {
        int(found[2]): values[0]
        for name, values in marks.items()
        if (found := _NUMBERED.fullmatch(name)) and found[1] == kind
    }
    return tuple(Digest(numbered[at]) for at in sorted(numbered))


def annotations_from(marks: Marks) -> dict[str, str]:
    """The annotations that marks tell of."""
    return {name[11:]: values[0] for name, values in marks.items() if name.startswith("annotation:")}


def os_from(marks: Marks, *, name: str, version: str) -> OsRelease:
    """The operating system that marks tell of, beside its name and version.

    Raises:
        InvalidInputError: it has no name.
    """
    if not name:
        raise InvalidInputError("an operating system without a name")

    def one(mark: str) -> str:
        return marks[mark][0] if mark in marks else ""

    return OsRelease(
        id=name,
        version_id=version,
        version_codename=one("version-codename"),
        name=one("name"),
        pretty_name=one("pretty-name"),
        id_like=tuple(marks.get("id-like", ())),
        cpe_name=one("cpe-name"),
    )
