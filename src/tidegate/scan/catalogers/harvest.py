# SPDX-License-Identifier: Apache-2.0
"""What a cataloger gathers from one file: what could be read, and why the rest could not.

A database with one broken entry still tells of the others: they are kept, and the outcome says that something is
missing. A file from which nothing at all could be read is an `InvalidInputError`.
"""

from collections.abc import Iterable
from typing import Final

from tidegate.bounds import MIB, printable
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.inventory import FileFacts, Ownership, Package, PackageKind
from tidegate.scan.cataloger import PartialError
from tidegate.values import Struct, field, replace

MAX_PACKAGES: Final = 100_000
"""Entries of one file, those that cannot be read included."""
MAX_PATHS: Final = 1_000_000
"""Owned paths in one file."""
MAX_PATHS_CHARS: Final = 128 * MIB
"""Characters of all owned paths in one file together: formats that share folders between files could multiply them."""
MAX_LICENSE_CHARS: Final = 512
"""Characters of a licence statement kept; the rest of a longer one is cut off."""
MAX_FIELD_CHARS: Final = 512
"""Characters of a name, a version or any other short field."""


class Harvest(Struct, kw_only=True):
    """Packages and ownership as they are found in one file.

    Attributes:
        path: the file's path in the layer.
        cataloger: who reads it.
    """

    path: str
    cataloger: str
    _packages: list[Package] = field(default_factory=list)
    _ownership: list[Ownership] = field(default_factory=list)
    _paths: int = 0
    _paths_chars: int = 0
    _defects: int = 0
    _first_defect: str = ""

    def add(self, package: Package) -> None:
        """Keeps a package, or a defect when its name or version cannot be one.

        Raises:
            BoundExceededError: over `MAX_PACKAGES`.
        """
        self._check_count()
        reason = _unfit(package)
        if reason:
            self.defect(reason)
        else:
            licenses = tuple(text[:MAX_LICENSE_CHARS] for text in package.licenses)
            self._packages.append(package if licenses == package.licenses else replace(package, licenses=licenses))

    def own(
        self,
        package: str,
        paths: Iterable[str],
        *,
        algorithm: str = "",
        checksums: bytes = b"",
        configuration: Iterable[str] = (),
    ) -> None:
        """Keeps the paths a package says are its own, and what it says of their content; see `Ownership`.

        Raises:
            BoundExceededError: over `MAX_PATHS` or `MAX_PATHS_CHARS`.
        """
        kept: list[str] = []
        for path in paths:
            kept.append(path)
            self._paths += 1
            self._paths_chars += len(path)
            if self._paths > MAX_PATHS:
                raise BoundExceededError("MAX_PATHS", MAX_PATHS, where=self.path)
            if self._paths_chars > MAX_PATHS_CHARS:
                raise BoundExceededError("MAX_PATHS_CHARS", MAX_PATHS_CHARS, where=self.path)
        if kept and fits(package):
            self._ownership.append(
                Ownership(
                    package=package,
                    paths=tuple(kept),
                    algorithm=algorithm,
                    checksums=checksums,
                    configuration=tuple(configuration),
                )
            )

    def defect(self, reason: str) -> None:
        """Counts an entry that could not be read; the first one's reason is told.

        Raises:
            BoundExceededError: over `MAX_PACKAGES`.
        """
        self._check_count()
        self._first_defect = self._first_defect or reason
        self._defects += 1

    def facts(self) -> FileFacts:
        """Everything gathered.

        Raises:
            PartialError: some entries could not be read; it carries the others.
            InvalidInputError: none could be read.
        """
        facts = FileFacts(
            path=self.path,
            cataloger=self.cataloger,
            packages=tuple(self._packages),
            ownership=tuple(self._ownership),
        )
        if not self._defects:
            return facts
        reason = f"{self._defects} entries could not be read, the first: {printable(self._first_defect)}"
        if facts.packages or facts.ownership:
            raise PartialError(facts, reason)
        raise InvalidInputError(reason, where=self.path)

    def _check_count(self) -> None:
        if len(self._packages) + self._defects >= MAX_PACKAGES:
            raise BoundExceededError("MAX_PACKAGES", MAX_PACKAGES, where=self.path)


def fits(text: str) -> bool:
    """True for a name or a version: not empty, not over `MAX_FIELD_CHARS`, nothing that could steer a terminal."""
    return 0 < len(text) <= MAX_FIELD_CHARS and text.isprintable() and " " not in text


def _unfit(package: Package) -> str:
    if "/" in package.name and (package.kind.is_of_distribution or package.kind is PackageKind.PYPI):
        return f"package {package.name[:60]!r}: a name with a slash"
    for what, text in (("name", package.name), ("version", package.version)):
        if not fits(text):
            return f"package {package.name[:60]!r}: its {what} is missing or malformed: {text[:60]!r}"
    for what, text in (
        ("source name", package.source_name),
        ("source version", package.source_version),
        ("architecture", package.architecture),
        ("module", package.modularity),
    ):
        if text and not fits(text):
            return f"package {package.name[:60]!r}: its {what} is malformed: {text[:60]!r}"
    return ""
