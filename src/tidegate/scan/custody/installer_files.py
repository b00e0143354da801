# SPDX-License-Identifier: Apache-2.0
"""Files that installers of packages wrote for themselves, as their cataloger recognised them by content."""

from collections.abc import Sequence
from typing import NamedTuple

from tidegate.inventory.custody import FileNature
from tidegate.oci.squash import Overlay
from tidegate.scan.visible import Sighting

_SETTINGS = "pyvenv.cfg"


class Written(NamedTuple):
    """One such file.

    Attributes:
        maker: who wrote it.
        program: the file it starts, without links; "" when it starts none.
    """

    maker: str
    program: str = ""


class InstallerFiles:
    """Finds them by path.

    Args:
        sightings: the visible files.
        overlay: follows links on the way to what a shim starts.
    """

    def __init__(self, sightings: Sequence[Sighting], overlay: Overlay) -> None:
        self._overlay = overlay
        self._files = {it.facts.path: it.facts.installer for it in sightings if it.facts.installer is not None}

    def at(self, path: str, nature: FileNature) -> Written | None:
        """Who wrote a file; None when no installer did, as far as its content tells.

        An activation script counts in a virtual environment only, and nothing that may be run but a shim.
        """
        file = self._files.get(path)
        if file is None:
            return None
        if file.leads_to:
            program = self._overlay.resolve(file.leads_to)
            return Written(file.maker, program) if program else None
        is_rooted = not file.root or f"{file.root}/{_SETTINGS}" in self._files
        return Written(file.maker) if nature is FileNature.DATA and is_rooted else None
