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

from tidegate.checks.image import BASE_NAME, image_material
from tidegate.errors import InvalidInputError
from tidegate.evidence import Misconfiguration
from tidegate.inventory import Inventory
from tidegate.wire import from_msgpack, to_msgpack

ANSWER_VERSION: Final = 3
"""Raised with every change of what the same checks say of the same image, and of what they are told of it."""


def check_image(inventory: Inventory, *, folder: Path | None = None) -> tuple[Misconfiguration, ...]:
    """What the checks that come with tidegate say of an image; nothing for files without an image around them.

    Args:
        inventory: the image.
        folder: where answers are kept; None keeps none.

    Raises:
        InvalidInputError: a check cannot be evaluated.
    """
    if inventory.config is None:
        return ()
    if folder is None:
        return _asked(inventory)
    place = folder / _key(inventory)
    try:
        return from_msgpack(place.read_bytes(), tuple[Misconfiguration, ...], what=str(place))
    except (OSError, InvalidInputError):
        found = _asked(inventory)
        _keep(place, found)
        return found


def _asked(inventory: Inventory) -> tuple[Misconfiguration, ...]:
    from tidegate.checks.check import own_checks  # an answer that is kept needs no CEL
    from tidegate.checks.run import run_checks

    material = image_material(inventory)
    return tuple(run_checks(own_checks("image"), material)) if material else ()


def _key(inventory: Inventory) -> str:
    """A hash of all that the checks are told of an image, before any work is done on it."""
    checks = files("tidegate.checks").joinpath("sets", "image.yaml").read_bytes()
    system = inventory.os_release.id if inventory.os_release else ""
    base = inventory.annotations.get(BASE_NAME, "")
    told = (ANSWER_VERSION, inventory.name, len(inventory.layers), base, system, inventory.config, inventory.census)
    return hashlib.sha256(checks + b"\0" + to_msgpack(told)).hexdigest()


def _keep(place: Path, found: tuple[Misconfiguration, ...]) -> None:
    """Beside its place, then renamed; what cannot be kept is found again."""
    with suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".new-", dir=place.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(to_msgpack(found))
        Path(name).replace(place)
