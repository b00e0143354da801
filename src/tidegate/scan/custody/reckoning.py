# SPDX-License-Identifier: Apache-2.0
"""One file at a time: who answers for it, and whether it is as it was made."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from tidegate.inventory import Basis, Component, LayerFacts
from tidegate.inventory.custody import FileNature, Integrity, Origin
from tidegate.oci.squash import Overlay
from tidegate.scan.custody.claims import Claim, Claims, origin_of
from tidegate.scan.custody.installer_files import InstallerFiles, Written
from tidegate.scan.custody.package_places import PackagePlaces
from tidegate.scan.custody.package_scripts import PackageScripts
from tidegate.scan.tree import TreeEntry
from tidegate.scan.visible import Sighting

_BYTECODE: Final = ".pyc"
_BYTECODE_FOLDER: Final = "__pycache__"


class Verdict(NamedTuple):
    """What is found of one file.

    Attributes:
        component: the package that owns it.
        claim: what that package says of it, when it lists it.
        reason: how it is known when no package lists it; "" when one does, or when nothing is known.
    """

    origin: Origin
    integrity: Integrity
    component: Component | None = None
    claim: Claim | None = None
    reason: str = ""


class Reckoning:
    """Judges files of one image.

    Args:
        sightings: the visible files of package databases.
        components: the packages found in them.
        layers: bottom first.
        overlay: of the same layers.
        copied: for each layer, whether an instruction of the image's makers laid their own files into it.
    """

    def __init__(
        self,
        sightings: Sequence[Sighting],
        components: Sequence[Component],
        layers: Sequence[LayerFacts],
        overlay: Overlay,
        copied: Sequence[bool],
    ) -> None:
        self.claims = Claims(sightings, components, layers, overlay)
        self._places = PackagePlaces(components)
        self._scripts = PackageScripts(components)
        self._installed = InstallerFiles(sightings, overlay)
        self._copied = _above_the_system(copied, sightings)

    def judge(self, layer: int, entry: TreeEntry) -> Verdict:
        """Judges a file that is seen; what its package says of it counts as met."""
        number = self.claims.find(entry.path)
        if number >= 0:
            claim = self.claims.take(number)
            return Verdict(origin_of(claim.component), integrity_of(claim, entry), claim.component, claim)
        return self._unlisted(layer, entry)

    def _unlisted(self, layer: int, entry: TreeEntry) -> Verdict:
        path, unchecked = entry.path, Integrity.UNCHECKED
        if path.endswith(_BYTECODE) and entry.nature is FileNature.DATA:
            compiled = self._of_source(path)
            if compiled is not None:
                return Verdict(origin_of(compiled), unchecked, compiled, reason="compiled from its own source")
        owner = self._places.owner(path)
        if owner is not None:
            return Verdict(Origin.UPSTREAM, unchecked, owner, reason="lies in the package's own place")
        written = self._installed.at(path, entry.nature)
        if written is not None:
            return self._written(written)
        if self._copied[layer]:
            return Verdict(Origin.IN_HOUSE, Integrity.ADDED)
        return self._of_distribution(path, entry.nature)

    def _of_distribution(self, path: str, nature: FileNature) -> Verdict:
        """What a distribution's own programs made when its packages were installed; else nobody's."""
        maintained = self._scripts.maintainer(path)
        if maintained is not None:
            reason = "its package's own script"
            return Verdict(Origin.DISTRO, Integrity.UNCHECKED, maintained, reason=reason)
        reason = self._scripts.made(path, nature)
        return Verdict(Origin.DISTRO if reason else Origin.UNEXPLAINED, Integrity.ADDED, reason=reason)

    def _written(self, file: Written) -> Verdict:
        """What an installer wrote for itself; a shim is that of the package whose program it starts, else nobody's."""
        if not file.program:
            return Verdict(Origin.UPSTREAM, Integrity.ADDED, reason=f"written by {file.maker}")
        number = self.claims.find(file.program)
        started = self.claims.look(number).component if number >= 0 else self._places.owner(file.program)
        if started is None:
            return Verdict(Origin.UNEXPLAINED, Integrity.ADDED)
        reason = f"written by {file.maker} to start {file.program}"
        return Verdict(Origin.UPSTREAM, Integrity.ADDED, started, reason=reason)

    def _of_source(self, path: str) -> Component | None:
        """The package of the Python source that bytecode was compiled from."""
        folder, _, base = path.rpartition("/")
        if folder.endswith(_BYTECODE_FOLDER):
            parent = folder[: -len(_BYTECODE_FOLDER)]
            source = f"{parent}{base.partition('.')[0]}.py"
        else:
            source = path[:-1]
        number = self.claims.find(source)
        return self.claims.look(number).component if number >= 0 else self._places.owner(source)


def integrity_of(claim: Claim, entry: TreeEntry) -> Integrity:
    """Whether a file's content is as its package says."""
    if not claim.checksum:
        return Integrity.UNCHECKED
    actual = digest_of(entry, claim.algorithm)
    if not actual:
        return Integrity.UNCHECKED
    return Integrity.UNCHANGED if actual == claim.checksum else Integrity.MODIFIED


def digest_of(entry: TreeEntry, algorithm: str) -> bytes:
    """A file's digest by that algorithm; b"" when it was not computed."""
    if algorithm == "sha256":
        return entry.sha256
    if algorithm == "md5":
        return entry.md5
    return entry.sha1 if algorithm == "sha1" else b""


def _above_the_system(copied: Sequence[bool], sightings: Sequence[Sighting]) -> tuple[bool, ...]:
    """The same but for the layer that brought the operating system: COPY or ADD of all of it is not in-house work."""
    first = [
        sighting.earlier[-1][0] if sighting.earlier else sighting.layer for sighting in sightings if _tells(sighting)
    ]
    system = min(first, default=-1)
    return tuple(is_copied and index != system for index, is_copied in enumerate(copied))


def _tells(sighting: Sighting) -> bool:
    """Whether a file is of the operating system; a bill of materials that speaks of its packages is not."""
    facts = sighting.facts
    return facts.os_release is not None or any(
        package.kind.is_of_distribution and package.basis is Basis.INSTALLED for package in facts.packages
    )
