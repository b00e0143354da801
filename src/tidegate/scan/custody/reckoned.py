# SPDX-License-Identifier: Apache-2.0
"""The custody of all files of an image, and the census of them, in one pass."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from tidegate.artifact import Digest
from tidegate.inventory import Component, LayerFacts
from tidegate.inventory.custody import Census, Custody, FileCustody, FileNature, Integrity, Origin, Share
from tidegate.oci.squash import FOLDER, Overlay
from tidegate.scan.custody.census import Counting
from tidegate.scan.custody.claims import ORIGINS, Claims
from tidegate.scan.custody.missing import absences
from tidegate.scan.custody.reckoning import Reckoning, Verdict
from tidegate.scan.custody.visible_entries import HARD_LINK, TreeOf, visible_entries
from tidegate.scan.passing_over import NOTHING_PASSED_OVER, PassedOver
from tidegate.scan.tree import TreeEntry
from tidegate.scan.visible import Sighting

MAX_LISTED: Final = 5_000
"""Files of one list of a `Custody`."""

_EXECUTE: Final = 0o111
_TELLING_MODES: Final = 0o6002


def custody_of(
    sightings: Sequence[Sighting],
    components: Sequence[Component],
    layers: Sequence[LayerFacts],
    overlay: Overlay,
    tree_of: TreeOf,
    *,
    copied: Sequence[bool],
    passed_over: PassedOver = NOTHING_PASSED_OVER,
) -> tuple[Custody, Census]:
    """Puts every file of an image to who answers for it, and counts what stands out.

    Args:
        sightings: the visible files of package databases.
        components: the packages found in them.
        layers: bottom first.
        overlay: of the same layers.
        tree_of: a layer's paths and their kinds.
        copied: for each layer, whether an instruction of the image's makers laid their own files into it (see
            `tidegate.scan.custody.instruction.copied_layers`).
        passed_over: files that are not counted, whether they are there or not.

    Raises:
        InvalidInputError: a packed tree cannot be read back.
    """
    reckoning = Reckoning(sightings, components, layers, overlay, copied)
    sums = _Sums([layer.digest for layer in layers])
    counting = Counting()
    judge, as_made, add, count = reckoning.judge, reckoning.claims.as_made, sums.add, sums.count
    seen = visible_entries(layers, overlay, tree_of)
    if passed_over:
        seen = _but_passed_over(seen, reckoning.claims, passed_over)
    for index, entry in seen:
        mode = entry.mode
        if mode & _TELLING_MODES:
            counting.take(entry)
        if entry.kind == FOLDER:
            continue
        if mode & _EXECUTE:
            counting.name(entry.path, entry.path.rpartition("/")[2])
        origin = as_made(entry)
        if origin >= 0:
            count(origin, entry)
        else:
            add(index, entry, judge(index, entry))
    counting.name_links(layers, overlay)
    for absence in absences(reckoning.claims, sightings, layers, overlay):
        if not (passed_over and absence.file is not None and passed_over.has(absence.file.path)):
            sums.miss(absence.file)
    counting.files, counting.bytes = sums.files, sums.bytes
    return sums.custody(), counting.census()


def _but_passed_over(
    seen: Iterable[tuple[int, TreeEntry]], claims: Claims, passed_over: PassedOver
) -> Iterator[tuple[int, TreeEntry]]:
    """All but what is passed over, which counts as met."""
    for index, entry in seen:
        if entry.kind == FOLDER:
            if not passed_over.has_folder(entry.path):
                yield index, entry
        elif not passed_over.has(entry.path):
            yield index, entry
        elif (number := claims.find(entry.path)) >= 0:
            claims.take(number)


class _Sums:
    def __init__(self, digests: Sequence[Digest]) -> None:
        self._digests = digests
        self._files = [0] * len(ORIGINS)
        self._bytes = [0] * len(ORIGINS)
        self._executables = [0] * len(ORIGINS)
        self._modified: list[FileCustody] = []
        self._missing: list[FileCustody] = []
        self._unexplained: list[FileCustody] = []
        self._in_house: list[FileCustody] = []
        self._unchecked = 0
        self._left_out = 0

    @property
    def files(self) -> int:
        return sum(self._files)

    @property
    def bytes(self) -> int:
        return sum(self._bytes)

    def count(self, origin: int, entry: TreeEntry) -> bool:
        """Counts a file; True when it can be executed."""
        self._files[origin] += 1
        if entry.kind != HARD_LINK:  # its bytes are those of another
            self._bytes[origin] += entry.size
        is_executable = bool(entry.mode & _EXECUTE) and entry.nature is not FileNature.DATA
        if is_executable:
            self._executables[origin] += 1
        return is_executable

    def add(self, layer: int, entry: TreeEntry, verdict: Verdict) -> None:
        origin, integrity = verdict.origin, verdict.integrity
        is_executable = self.count(ORIGINS.index(origin), entry)
        if integrity is Integrity.UNCHECKED:
            self._unchecked += 1
        elif integrity is Integrity.MODIFIED:
            self._modified.append(self._file(layer, entry, verdict))
        elif is_executable and origin is Origin.UNEXPLAINED:
            self._unexplained.append(self._file(layer, entry, verdict))
        elif is_executable and origin is Origin.IN_HOUSE:
            self._in_house.append(self._file(layer, entry, verdict))

    def miss(self, file: FileCustody | None) -> None:
        if file is None:
            self._left_out += 1
        elif file.integrity is Integrity.MISSING:
            self._missing.append(file)
        else:
            self._modified.append(file)

    def custody(self) -> Custody:
        lists = [self._modified, self._missing, self._unexplained, self._in_house]
        modified, missing, unexplained, in_house = map(_sorted, lists)
        return Custody(
            shares=tuple(
                Share(
                    origin=origin,
                    files=self._files[place],
                    bytes=self._bytes[place],
                    executables=self._executables[place],
                )
                for place, origin in enumerate(ORIGINS)
            ),
            modified=modified,
            missing=missing,
            unexplained=unexplained,
            in_house=in_house,
            unchecked=self._unchecked,
            left_out=self._left_out,
            truncated=any(len(one) > MAX_LISTED for one in lists),
        )

    def _file(self, layer: int, entry: TreeEntry, verdict: Verdict) -> FileCustody:
        return file_custody(self._digests[layer], entry, verdict)


def file_custody(layer: Digest, entry: TreeEntry, verdict: Verdict) -> FileCustody:
    """One file as it is told by name."""
    return FileCustody(
        path=entry.path,
        origin=verdict.origin,
        integrity=verdict.integrity,
        layer=layer,
        package=verdict.component.purl if verdict.component else None,
        digest=Digest(f"sha256:{entry.sha256.hex()}") if entry.sha256 else None,
        size=entry.size,
        mode=entry.mode,
        nature=entry.nature,
        is_configuration=verdict.claim is not None and verdict.claim.is_configuration,
    )


def _sorted(files: Iterable[FileCustody]) -> tuple[FileCustody, ...]:
    return tuple(sorted(files, key=lambda file: file.path)[:MAX_LISTED])
