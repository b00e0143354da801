# SPDX-License-Identifier: Apache-2.0
"""What a lock file names, gathered: a package written down more than once is one, for its strongest reason."""

from collections.abc import Iterable, Mapping
from typing import Final

from tidegate.errors import BoundExceededError
from tidegate.inventory import Basis, FileFacts, Package, PackageKind, Scope, Version
from tidegate.scan.cataloger import ImageFile, PartialError
from tidegate.scan.catalogers.harvest import MAX_PACKAGES, Harvest
from tidegate.values import replace

MAX_CHECKSUMS: Final = 64
"""Checksums of one package kept: one for each of its archives."""
MAX_NOTE_CHARS: Final = 512
"""Characters kept of why a package is deprecated, of a licence and of a qualifier."""
MAX_LICENSES: Final = 32

_STRENGTH: Final = {scope: place for place, scope in enumerate(Scope)}
_Key = tuple[PackageKind, str, str, str]


class Gathering:
    """Packages of one file, in the order in which they are first named.

    Attributes:
        file: what is being read.
        content: its bytes.
        path: its path, for errors.
        basis: how surely the file's packages are there, where a package does not say otherwise.
    """

    def __init__(self, file: ImageFile, cataloger: str, basis: Basis) -> None:
        self.content = file.content
        self.path = file.path
        self.basis = basis
        self._cataloger = cataloger
        self._packages: dict[_Key, Package] = {}
        self._defects: list[str] = []
        self._open: list[str] = []

    def add(
        self,
        kind: PackageKind,
        name: str,
        version: str,
        *,
        namespace: str = "",
        scope: Scope = Scope.RUNTIME,
        basis: Basis | None = None,
        checksums: Iterable[str] = (),
        licenses: Iterable[str] = (),
        deprecated: str = "",
        qualifiers: Mapping[str, str] | None = None,
    ) -> None:
        """Keeps a package; the same one again strengthens its scope and adds to its checksums.

        Raises:
            BoundExceededError: over `MAX_PACKAGES`.
        """
        key = (kind, namespace, name, version)
        sums = tuple(dict.fromkeys(checksums))[:MAX_CHECKSUMS]
        known = self._packages.get(key)
        if known is not None:
            self._packages[key] = _joined(known, scope, sums)
            return
        self._check_count()
        self._packages[key] = Package(
            kind=kind,
            name=name,
            version=Version(version),
            namespace=namespace,
            scope=scope,
            basis=basis or self.basis,
            checksums=sums,
            licenses=tuple(_note(text) for text in licenses if text)[:MAX_LICENSES],
            deprecated=_note(deprecated),
            qualifiers=tuple(sorted((key, _note(text)) for key, text in (qualifiers or {}).items() if text)),
        )

    def defect(self, reason: str) -> None:
        """Counts an entry that could not be read.

        Raises:
            BoundExceededError: over `MAX_PACKAGES`.
        """
        self._check_count()
        self._defects.append(reason)

    def left_open(self, name: str) -> None:
        """Counts a dependency whose version another file tells that is not here.

        Raises:
            BoundExceededError: over `MAX_PACKAGES`.
        """
        self._check_count()
        self._open.append(name)

    def facts(self) -> FileFacts:
        """Everything gathered.

        Raises:
            PartialError: some entries could not be read, or their versions stand elsewhere; it carries the others.
            InvalidInputError: none could be read.
        """
        harvest = Harvest(path=self.path, cataloger=self._cataloger)
        for package in self._packages.values():
            harvest.add(package)
        for reason in self._defects:
            harvest.defect(reason)
        facts = harvest.facts()
        if self._open:
            reason = f"{len(self._open)} versions are told elsewhere, the first that of {_note(self._open[0])[:100]}"
            raise PartialError(facts, reason)
        return facts

    def _check_count(self) -> None:
        if len(self._packages) + len(self._defects) + len(self._open) >= MAX_PACKAGES:
            raise BoundExceededError("MAX_PACKAGES", MAX_PACKAGES, where=self.path)


def _joined(known: Package, scope: Scope, checksums: tuple[str, ...]) -> Package:
    stronger = min(known.scope, scope, key=_STRENGTH.__getitem__)
    if stronger is known.scope and (not checksums or checksums == known.checksums):
        return known
    sums = tuple(dict.fromkeys(known.checksums + checksums))[:MAX_CHECKSUMS]
    return replace(known, scope=stronger, checksums=sums)


def _note(text: str) -> str:
    """One line that can be shown, cut at its bound."""
    cut = " ".join(text[: 4 * MAX_NOTE_CHARS].split())[:MAX_NOTE_CHARS]
    return cut if cut.isprintable() else "".join(char for char in cut if char.isprintable())
