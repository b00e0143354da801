# SPDX-License-Identifier: Apache-2.0
"""Where a file of a container comes from: its image, or what was written since it began.

An overlay's lower folders are the image, its upper folder is all that changed: the kernel keeps the two apart, so
nothing need be hashed or remembered. In doubt a file is not of the image.
"""

import os
import re
import stat
from typing import Final

from tidegate.execution.observation import Origin
from tidegate.sensor.mounts import Mount
from tidegate.values import Struct

OVERLAY: Final = "overlay"
_DELETED: Final = " (deleted)"
_WHITEOUT_DEVICE: Final = 0


class Overlay(Struct, frozen=True, kw_only=True):
    """An overlay that is a container's root.

    Attributes:
        device: of the overlay, as `st_dev` has it.
        upper: the folder that takes all changes; "" when nothing can be written.
        lower: the image's folders, topmost first.
    """

    device: int
    upper: str
    lower: tuple[str, ...]

    def origin(self, path: str, file: os.stat_result) -> Origin:
        """Where an open file comes from.

        Args:
            path: from the container's root, as the kernel tells it of the open file.
            file: what `fstat` says of it.
        """
        if path.endswith(_DELETED) or not file.st_nlink:
            return Origin.REMOVED
        inside = path.lstrip("/")
        below = self._in_lower(inside)
        if self.upper:
            try:
                above = os.lstat(f"{self.upper}/{inside}")
            except FileNotFoundError:
                pass
            except (OSError, ValueError):  # a folder on the way was replaced
                return Origin.REMOVED
            else:
                if _is_whiteout(above):
                    return Origin.REMOVED
                return Origin.ADDED if below is None else Origin.CHANGED
        if below is None or not self._is_the_same(file, below):
            return Origin.UNCLEAR
        return Origin.IMAGE

    def _in_lower(self, inside: str) -> os.stat_result | None:
        for folder in self.lower:
            try:
                found = os.lstat(f"{folder}/{inside}")
            except FileNotFoundError:
                continue
            except (OSError, ValueError):  # something that is no folder hides what lies below
                return None
            return None if _is_whiteout(found) else found
        return None

    def _is_the_same(self, file: os.stat_result, below: os.stat_result) -> bool:
        """False when the open file is certainly another one, so that its name was changed under our eyes."""
        if not self.upper:
            return True
        try:
            above = os.lstat(self.upper).st_dev
        except OSError:
            return False
        if above == below.st_dev:  # one file system: the overlay tells the numbers of the files beneath
            return file.st_ino == below.st_ino
        return file.st_dev != above


def overlay_of(mount: Mount, *, seen_from: str = "") -> Overlay | None:
    """The overlay that is mounted there; None when it is none, or its folders cannot be known.

    Args:
        mount: any.
        seen_from: a path that leads to the root its folders are named from, such as `/proc/1/root`.
    """
    if mount.kind != OVERLAY:
        return None
    lower = [_unescaped(folder) for folder in re.split(r"(?<!\\):", mount.options.get("lowerdir", "")) if folder]
    upper = _unescaped(mount.options.get("upperdir", ""))
    if not lower or not all(folder.startswith("/") for folder in (*lower, *([upper] if upper else []))):
        return None  # mounted by relative names: they hold for whoever mounted it
    return Overlay(
        device=mount.device,
        upper=seen_from + upper if upper else "",
        lower=tuple(seen_from + folder for folder in lower),
    )


def _unescaped(folder: str) -> str:
    return re.sub(r"\\(.)", r"\1", folder)


def _is_whiteout(found: os.stat_result) -> bool:
    return stat.S_ISCHR(found.st_mode) and found.st_rdev == _WHITEOUT_DEVICE
