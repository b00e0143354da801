# SPDX-License-Identifier: Apache-2.0
"""What was written in a container since it began: the upper folder of its overlay, compared with the last look.

Volumes are not looked at, and of a folder with more than 5,000 entries only the first are.
"""

import os
import stat
from typing import Final

from tidegate.execution.observation import Origin
from tidegate.sensor.overlay import Overlay

MAX_ENTRIES: Final = 5000
_BY_THE_RUNTIME: Final = (
    "/dev",
    "/proc",
    "/sys",
    "/run/.containerenv",
    "/run/secrets",
    "/.dockerenv",
    "/etc/hosts",
    "/etc/hostname",
    "/etc/resolv.conf",
    "/etc/mtab",
    "/etc/passwd",
    "/etc/group",
)
"""What runtimes put there themselves. Users and groups are watched by what is in them (`accounts`)."""


class Written:
    """The writable layer of one container, as it was last."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, int, int]] = {}

    def look(self, overlay: Overlay) -> list[tuple[str, Origin]]:
        """Paths that are new or other than at the last look, with where they come from now; bounded in cost."""
        if not overlay.upper:
            return []
        found: dict[str, tuple[int, int, int]] = {}
        changed: list[tuple[str, Origin]] = []
        for top, folders, files, place in os.fwalk(overlay.upper, follow_symlinks=False):
            folders.sort()
            for name in sorted(files):
                if len(found) >= MAX_ENTRIES:
                    self._known = found
                    return changed
                try:
                    one = os.stat(name, dir_fd=place, follow_symlinks=False)
                except OSError:
                    continue
                path = f"{top[len(overlay.upper) :]}/{name}"
                if any(path == known or path.startswith(known + "/") for known in _BY_THE_RUNTIME):
                    continue
                found[path] = state = (one.st_ino, one.st_mtime_ns, one.st_size)
                if self._known.get(path) != state:
                    changed.append((path, _origin(overlay, path, one)))
        self._known = found
        return changed


def _origin(overlay: Overlay, path: str, found: os.stat_result) -> Origin:
    if stat.S_ISCHR(found.st_mode) and found.st_rdev == 0:
        return Origin.REMOVED
    below = any(os.path.lexists(f"{folder}{path}") for folder in overlay.lower)
    return Origin.CHANGED if below else Origin.ADDED
