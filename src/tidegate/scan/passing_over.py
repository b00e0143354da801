# SPDX-License-Identifier: Apache-2.0
"""Folders and files that a scan is told to pass over, by globs as Trivy and Syft take them."""

from collections.abc import Iterable
from typing import Final

from tidegate.inventory.path_pattern import path_pattern


class PassedOver:
    """Says which paths are passed over.

    Args:
        folders: globs of folders, with all below them.
        files: globs of files.
    """

    def __init__(self, folders: Iterable[str] = (), files: Iterable[str] = ()) -> None:
        self.globs = tuple(sorted({*folders, *files}))
        self.word = "\n".join((*sorted(set(folders)), "", *sorted(set(files)))) if self.globs else ""
        self._folders = tuple(path_pattern(glob).fullmatch for glob in folders)
        self._files = tuple(path_pattern(glob).fullmatch for glob in files)
        self._known: dict[str, bool] = {"": False}

    def __bool__(self) -> bool:
        """True when anything may be passed over."""
        return bool(self.globs)

    def has_folder(self, path: str) -> bool:
        """Whether a folder is passed over, for itself or for one above it."""
        trail: list[str] = []
        here, is_over = path, False
        while here not in self._known:
            trail.append(here)
            if any(fits(here) for fits in self._folders):
                is_over = True
                break
            here = here.rpartition("/")[0]
        else:
            is_over = self._known[here]
        self._known.update(dict.fromkeys(trail, is_over))
        return is_over

    def has(self, path: str) -> bool:
        """Whether a file is passed over."""
        return any(fits(path) for fits in self._files) or self.has_folder(path.rpartition("/")[0])


NOTHING_PASSED_OVER: Final = PassedOver()
