# SPDX-License-Identifier: Apache-2.0
"""Paths gathered for one package before they are handed on: bounded, for a few bytes can ask for many long ones."""

from tidegate.errors import BoundExceededError
from tidegate.scan.catalogers import harvest


class GatheredPaths:
    """Paths of one package, in order, within `MAX_PATHS` and `MAX_PATHS_CHARS` of `tidegate.scan.catalogers.harvest`.

    Args:
        where: what is read, for errors.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._chars = 0
        self.paths: list[str] = []

    def add(self, folder: str, name: str) -> str:
        """Takes a path in two parts, and gives it back whole.

        Raises:
            BoundExceededError: too many, or too long together.
        """
        self._chars += len(folder) + len(name)
        if self._chars > harvest.MAX_PATHS_CHARS:
            raise BoundExceededError("MAX_PATHS_CHARS", harvest.MAX_PATHS_CHARS, where=self._where)
        if len(self.paths) >= harvest.MAX_PATHS:
            raise BoundExceededError("MAX_PATHS", harvest.MAX_PATHS, where=self._where)
        path = folder + name
        self.paths.append(path)
        return path
