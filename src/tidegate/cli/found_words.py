# SPDX-License-Identifier: Apache-2.0
"""Ignore files that are heeded without being named, and told, for whoever wrote them decides what is silent.

Trivy's lie where the command runs; at the root of a source folder Trivy's and gitleaks'.
"""

from pathlib import Path
from typing import Final

from tidegate.bounds import MIB
from tidegate.cli.named_file import read_named_file
from tidegate.errors import BoundExceededError, OutsideError
from tidegate.values import Struct

TRIVY: Final = (".trivyignore", ".trivyignore.yaml", ".trivyignore.yml")
GITLEAKS_IGNORE: Final = ".gitleaksignore"
GITLEAKS_CONFIG: Final = ".gitleaks.toml"
MAX_FILE_BYTES: Final = 16 * MIB
"""Of one file: it comes with the sources, so nobody has looked at it."""

_REMEDY: Final = "mend it, or leave it out with --no-ignore-files"


class FoundFile(Struct, frozen=True, kw_only=True):
    """One ignore file.

    Attributes:
        place: for people: where it lies.
        name: its own.
    """

    place: str
    name: str
    content: bytes


class FoundWords(Struct, frozen=True, kw_only=True):
    """The ignore files there are for one target.

    Attributes:
        links: places where a link stands. What it shows may lie anywhere, so it is not heeded.
    """

    files: tuple[FoundFile, ...] = ()
    links: tuple[str, ...] = ()

    def named(self, *names: str) -> tuple[FoundFile, ...]:
        """Those of these names, in this order."""
        return tuple(file for name in names for file in self.files if file.name == name)

    def without(self, *names: str) -> "FoundWords":
        """All but those of these names."""
        return FoundWords(files=tuple(file for file in self.files if file.name not in names), links=self.links)


NOTHING_FOUND: Final = FoundWords()


def found_words(target: str) -> FoundWords:
    """The ignore files there are for a target, each once.

    Args:
        target: as written; "" for none, then only Trivy's in the working directory.

    Raises:
        BoundExceededError: one is over `MAX_FILE_BYTES`.
        OutsideError: one that is there cannot be read.
        UsageError: it is no target.
    """
    from tidegate.oci.target import Scheme, parse_target

    named = parse_target(target) if target else None
    root = named.path if named is not None and named.scheme is Scheme.DIR else None
    if root is None:
        return FoundWords(files=tuple(_here()))
    files, links = _of_sources(root)
    if root.resolve() != Path.cwd():
        files += _here()
    return FoundWords(files=tuple(files), links=tuple(links))


def _here() -> list[FoundFile]:
    return [
        FoundFile(place=name, name=name, content=read_named_file(Path(name), max_bytes=MAX_FILE_BYTES))
        for name in TRIVY
        if Path(name).is_file()
    ]


def _of_sources(root: Path) -> tuple[list[FoundFile], list[str]]:
    from tidegate.oci.image import Folder
    from tidegate.scan.folder import read_below

    folder = Folder(name=str(root), root=root, is_source=True)
    found: list[FoundFile] = []
    links: list[str] = []
    for name in (*TRIVY, GITLEAKS_IGNORE, GITLEAKS_CONFIG):
        place = str(root / name)
        if (root / name).is_symlink():
            links.append(place)
        elif (root / name).is_file():
            try:
                _, content = read_below(folder, name.encode(), MAX_FILE_BYTES + 1)
            except OSError as error:
                raise OutsideError(f"cannot be read: {error.strerror or error}", where=place, remedy=_REMEDY) from error
            if len(content) > MAX_FILE_BYTES:
                raise BoundExceededError("MAX_FILE_BYTES", MAX_FILE_BYTES, where=place, remedy=_REMEDY)
            found.append(FoundFile(place=place, name=name, content=content))
    return found, links
