# SPDX-License-Identifier: Apache-2.0
"""Files beside a manifest in a folder of sources, for the catalogers that need them; nothing outside it is opened."""

from collections.abc import Sequence
from typing import Final

from tidegate.bounds import MIB
from tidegate.oci.image import Folder
from tidegate.scan.cataloger import Cataloger, LooksBeside
from tidegate.scan.entry import path_bytes
from tidegate.scan.folder import read_below
from tidegate.scan.listed import itself

MAX_BESIDE_BYTES: Final = 16 * MIB
"""A larger file beside is as if it were not there."""
MAX_PATH_CHARS: Final = 4096


def looking_beside(roster: Sequence[Cataloger], folder: Folder) -> tuple[Cataloger, ...]:
    """The same roster, in which every cataloger that looks beside its file can do so in this folder."""

    def read(path: str) -> bytes | None:
        return _content(folder, path)

    return tuple(it.beside(read) if isinstance(it, LooksBeside) else it for it in map(itself, roster))


def _content(folder: Folder, path: str) -> bytes | None:
    if len(path) > MAX_PATH_CHARS or "\0" in path or any(part in {"", ".", ".."} for part in path.split("/")):
        return None
    try:
        size, content = read_below(folder, path_bytes(path), MAX_BESIDE_BYTES)
    except (OSError, ValueError):
        return None
    return content if size == len(content) else None
