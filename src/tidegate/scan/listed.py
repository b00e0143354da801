# SPDX-License-Identifier: Apache-2.0
"""A cataloger that is known by name and version, and imported when it is to read something."""

from functools import cached_property
from importlib import import_module

from tidegate.inventory import FileFacts
from tidegate.scan.cataloger import Cataloger, ImageFile, Wants

_ROOM = "tidegate.scan"


class Listed:
    """Stands for a cataloger until it is wanted.

    Args:
        name: the cataloger's own; `version` likewise. A test holds both to what the cataloger says.
        module: below `tidegate.scan`.
        kind: the class in it.
    """

    def __init__(self, name: str, version: int, module: str, kind: str) -> None:
        self.name = name
        self.version = version
        self._module = module
        self._kind = kind

    @cached_property
    def itself(self) -> Cataloger:
        """The cataloger."""
        made: Cataloger = getattr(import_module(f"{_ROOM}.{self._module}"), self._kind)()
        return made

    @cached_property
    def wants(self) -> Wants:
        """Which files are handed over."""
        return self.itself.wants

    def accepts(self, path: str) -> bool:
        """A second look at a path."""
        return self.itself.accepts(path)

    def catalog(self, file: ImageFile) -> FileFacts:
        """Reads one file."""
        return self.itself.catalog(file)


def itself(cataloger: Cataloger) -> Cataloger:
    """The cataloger that is meant, imported."""
    return cataloger.itself if isinstance(cataloger, Listed) else cataloger
