# SPDX-License-Identifier: Apache-2.0
"""What packages say of files: which are theirs, and how their content should be.

Hundreds of thousands of paths are put into one dict by whole columns; which package a path is of, and its digest, are
found from its number in the order of columns. Where several say a path is theirs, the distribution goes before a
language's package, and whoever states a digest before who does not.
"""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Final, NamedTuple

from tidegate.inventory import Component, Diversion, LayerFacts, LinkKind, Ownership
from tidegate.inventory.custody import Origin
from tidegate.oci.squash import Overlay
from tidegate.scan.tree import TreeEntry
from tidegate.scan.visible import Sighting
from tidegate.values import Struct

DIGEST_BYTES: Final = {"md5": 16, "sha1": 20, "sha256": 32, "sha384": 48, "sha512": 64}
ORIGINS: Final = tuple(Origin)
"""Who may answer for a file, in the order they are counted in."""
MAX_DIVERSIONS: Final = 100_000
"""Diversions of an image; further ones are passed over."""

_FIELDS: Final = {name: TreeEntry._fields.index(name) for name in ("sha256", "sha1", "md5")}


class Column(Struct, frozen=True):
    """The paths of one package, as one file of its database tells them.

    Attributes:
        start: number of the first path.
        width: bytes of one digest; 0 when none is stated.
        sums: digests, end to end.
        field: of a `TreeEntry` that a digest is compared with.
        origin: place in `ORIGINS` of who answers for them.
    """

    start: int
    component: Component
    ownership: Ownership
    configuration: frozenset[str]
    width: int
    sums: bytes
    field: int
    origin: int


class Claim(NamedTuple):
    """What a package says of one file.

    Attributes:
        path: as its package writes it.
        algorithm: of `checksum`; "" when none is stated.
        checksum: raw digest; b"" when none is stated.
    """

    path: str
    component: Component
    algorithm: str
    checksum: bytes
    is_configuration: bool


class Claims:
    """All that packages of an image say of its files.

    Args:
        sightings: the visible files of package databases.
        components: the packages found in them; what others own is not believed.
        layers: bottom first.
        overlay: of the same layers.
    """

    def __init__(
        self,
        sightings: Sequence[Sighting],
        components: Sequence[Component],
        layers: Sequence[LayerFacts],
        overlay: Overlay,
    ) -> None:
        self._columns = tuple(_columns(sightings, components))
        self._numbers: dict[str, int] = {}
        self._column_of = array("I")
        for index, column in enumerate(self._columns):
            paths = column.ownership.paths
            self._numbers.update(zip(paths, count(column.start), strict=False))
            self._column_of.extend(array("I", (index,)) * len(paths))
        self._seen = bytearray(len(self._column_of))
        self._written = _written_otherwise(self._numbers, layers, overlay)

    def find(self, path: str) -> int:
        """The number of what is said of a file; -1 when nothing is."""
        number = self._numbers.get(path, -1)
        if number < 0 and self._written:
            folder, _, base = path.rpartition("/")
            for other in self._written.get(folder, ()):
                number = self._numbers.get(f"{other}/{base}" if other else base, -1)
                if number >= 0:
                    break
        return number

    def as_made(self, entry: TreeEntry) -> int:
        """Place in `ORIGINS` of who says that a file is just like this, which most are; -1 when nobody does.

        What is said of it counts as met.
        """
        number = self._numbers.get(entry[0], -1)
        if number < 0:
            number = self.find(entry[0]) if self._written else -1
            if number < 0:
                return -1
        column = self._columns[self._column_of[number]]
        width = column.width
        if not width:
            return -1
        start = (number - column.start) * width
        if entry[column.field] != column.sums[start : start + width]:
            return -1
        self._seen[number] = 1
        return column.origin

    def take(self, number: int) -> Claim:
        """What is said under a number; it counts as met from now on."""
        self._seen[number] = 1
        return self.look(number)

    def look(self, number: int) -> Claim:
        """What is said under a number."""
        column = self._columns[self._column_of[number]]
        place = number - column.start
        path, width = column.ownership.paths[place], column.width
        checksum = column.ownership.checksums[place * width : (place + 1) * width] if width else b""
        if not any(checksum):
            checksum = b""
        return Claim(path, column.component, column.ownership.algorithm, checksum, path in column.configuration)

    def unmet(self) -> Iterator[Claim]:
        """What is said, with a digest, of files that were not met; in no order."""
        for number in self._numbers.values():
            if not self._seen[number] and self._columns[self._column_of[number]].width:
                claim = self.look(number)
                if claim.checksum:
                    yield claim


def _columns(sightings: Sequence[Sighting], components: Sequence[Component]) -> Iterator[Column]:
    found = _Packages(components)
    rows: list[tuple[bool, bool, Component, Ownership]] = []
    diversions = _diversions(sightings)
    for facts in (sighting.facts for sighting in sightings):
        for ownership in facts.ownership:
            component = found.of(facts.cataloger, ownership.package, facts.path)
            # What a distribution's package brought is told by the distribution's own list.
            if component is not None and component.owner is None:
                own = _diverted(ownership, diversions) if diversions and facts.cataloger == "dpkg" else ownership
                rows.append((component.kind.is_of_distribution, bool(own.checksums), component, own))
    rows.sort(key=lambda row: row[:2])  # later ones win
    start = 0
    for _, _, component, ownership in rows:
        yield _column(start, component, ownership)
        start += len(ownership.paths)


def _column(start: int, component: Component, ownership: Ownership) -> Column:
    width = DIGEST_BYTES.get(ownership.algorithm, 0)
    is_whole = len(ownership.checksums) == width * len(ownership.paths)
    return Column(
        start=start,
        component=component,
        ownership=ownership,
        configuration=frozenset(ownership.configuration),
        width=width if is_whole else 0,
        sums=ownership.checksums if is_whole else b"",
        field=_FIELDS.get(ownership.algorithm, 0),  # a path is never what a digest is
        origin=ORIGINS.index(origin_of(component)),
    )


def origin_of(component: Component) -> Origin:
    """Who answers for the files of a package."""
    return Origin.DISTRO if component.kind.is_of_distribution else Origin.UPSTREAM


class _Packages:
    """Components by what databases call them: the one told of nearest to the list of its files."""

    def __init__(self, components: Sequence[Component]) -> None:
        self._near: dict[tuple[str, str, str], Component] = {}
        self._any: dict[tuple[str, str], Component] = {}
        for it in reversed(components):
            self._near[it.cataloger, it.name, it.location] = it
            self._near[it.cataloger, it.name, it.location.rpartition("/")[0]] = it
            self._any[it.cataloger, it.name] = it

    def of(self, cataloger: str, name: str, path: str) -> Component | None:
        for place in (path, path.rpartition("/")[0]):
            found = self._near.get((cataloger, name, place))
            if found is not None:
                return found
        return self._any.get((cataloger, name))


def _diversions(sightings: Sequence[Sighting]) -> dict[str, Diversion]:
    found: dict[str, Diversion] = {}
    for sighting in sightings:
        for diversion in sighting.facts.diversions:
            if len(found) < MAX_DIVERSIONS:
                found[diversion.path] = diversion
    return found


def _diverted(ownership: Ownership, diversions: Mapping[str, Diversion]) -> Ownership:
    if diversions.keys().isdisjoint(ownership.paths):
        return ownership

    def moved(path: str) -> str:
        diversion = diversions.get(path)
        return path if diversion is None or diversion.package == ownership.package else diversion.moved_to

    return Ownership(
        package=ownership.package,
        paths=tuple(map(moved, ownership.paths)),
        algorithm=ownership.algorithm,
        checksums=ownership.checksums,
        configuration=tuple(map(moved, ownership.configuration)),
    )


def _written_otherwise(
    numbers: Mapping[str, int], layers: Sequence[LayerFacts], overlay: Overlay
) -> dict[str, list[str]]:
    """Folders as they are to the ways databases write them through links (`lib` for `usr/lib`)."""
    links = {link.path for layer in layers for link in layer.links if link.kind is LinkKind.SYMBOLIC}
    found: dict[str, list[str]] = {}
    if not links:
        return found
    is_linked: dict[str, bool] = {"": False}
    for folder in {path.rpartition("/")[0] for path in numbers}:
        if _is_below_link(folder, links, is_linked):
            real = overlay.resolve(folder)
            if real is not None and real != folder:
                found.setdefault(real, []).append(folder)
    return {real: sorted(others) for real, others in found.items()}


def _is_below_link(folder: str, links: set[str], known: dict[str, bool]) -> bool:
    trail: list[str] = []
    here = folder
    while here not in known:
        trail.append(here)
        if here in links:
            known[here] = True
            break
        here = here.rpartition("/")[0]
    for passed in trail:
        known[passed] = known[here]
    return known[here]
