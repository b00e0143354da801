# SPDX-License-Identifier: Apache-2.0
"""What the checks say of an image, kept: the same image and the same checks are not asked again.

Loading CEL and compiling the checks takes longer than scanning an image whose layers are known, so an answer is kept in
a file under a hash of all it depends on. A file that cannot be read back counts as missing.
"""

import hashlib
import os
import tempfile
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Final

from tidegate.checks.image import image_material
from tidegate.checks.material import Material
from tidegate.errors import InvalidInputError
from tidegate.evidence import Misconfiguration
from tidegate.inventory import Inventory
from tidegate.wire import from_msgpack, to_json, to_msgpack

ANSWER_VERSION: Final = 1
"""Raised with every change of what the same checks say of the same image."""


def check_image(inventory: Inventory, *, folder: Path | None = None) -> tuple[Misconfiguration, ...]:
    """What the checks that come with tidegate say of an image; nothing for files without an image around them.

    Args:
        inventory: the image.
        folder: where answers are kept; None keeps none.

    Raises:
        InvalidInputError: a check cannot be evaluated.
    """
    material = image_material(inventory)
    if material is None:
        return ()
    if folder is None:
        return _asked(material)
    place = folder / _key(material)
    try:
        return from_msgpack(place.read_bytes(), tuple[Misconfiguration, ...], what=str(place))
    except (OSError, InvalidInputError):
        found = _asked(material)
        _keep(place, found)
        return found


def _asked(material: Material) -> tuple[Misconfiguration, ...]:
    from tidegate.checks.check import own_checks  # an answer that is kept needs no CEL
    from tidegate.checks.run import run_checks

    return tuple(run_checks(own_checks("image"), material))


def _key(material: Material) -> str:
    text = files("tidegate.checks").joinpath("sets", "image.yaml").read_bytes()
    told = to_json([ANSWER_VERSION, material.variables, material.collections])
    return hashlib.sha256(text + b"\0" + told).hexdigest()


def _keep(place: Path, found: tuple[Misconfiguration, ...]) -> None:
    """Beside its place, then renamed; what cannot be kept is found again."""
    with suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".new-", dir=place.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(to_msgpack(found))
        Path(name).replace(place)
