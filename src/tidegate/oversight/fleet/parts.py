# SPDX-License-Identifier: Apache-2.0
"""Components that somebody looks for, among all that any image has."""

from collections.abc import Iterator
from typing import Any, Final

from packageurl import PackageURL
from pyroaring import BitMap
from sqlalchemy import ColumnElement, Connection, and_, or_, select

from tidegate.curation.components.remembered import pages
from tidegate.knowledge.target import BY_SOURCE
from tidegate.knowledge.versions import family, order_of
from tidegate.oversight.fleet.wanted import Wanted
from tidegate.storage.component_schema import component_version
from tidegate.values import Struct

_DISTRIBUTIONS: Final = ("pkg:apk/", "pkg:deb/")


class Part(Struct, frozen=True, kw_only=True):
    """A component in a version.

    Attributes:
        ecosystem: its advisories are looked up in; "" when none is known.
        version: its own, or its source package's where that was looked for.
    """

    id: int
    purl: str
    ecosystem: str
    version: str


class Parts(Struct, frozen=True, kw_only=True):
    """What was found.

    Attributes:
        unordered: of the package, but of versions that cannot be compared with the limits.
    """

    found: tuple[Part, ...]
    unordered: tuple[Part, ...]

    @property
    def ids(self) -> BitMap:
        """Of what was found."""
        return BitMap(part.id for part in self.found)


def parts_wanted(connection: Connection, wanted: Wanted) -> Parts:
    """The components of a package in the versions that are meant."""
    found: list[Part] = []
    unordered: list[Part] = []
    for row in connection.execute(select(component_version).where(_is_of(wanted))).mappings():
        part = _part(row, wanted)
        fits = wanted.fits(part.version, order_of(part.ecosystem))
        if fits is None:
            unordered.append(part)
        elif fits:
            found.append(part)
    return Parts(found=tuple(_sorted(found)), unordered=tuple(_sorted(unordered)))


def parts_of(connection: Connection, ids: BitMap) -> tuple[Part, ...]:
    """Components by their ids."""
    table = component_version
    found = []
    for page in pages(ids):
        rows = connection.execute(select(table).where(table.c.id.in_(page))).mappings()
        found += [_made(row, str(row["version"])) for row in rows]
    return tuple(_sorted(found))


def _is_of(wanted: Wanted) -> ColumnElement[bool]:
    table = component_version
    if not wanted.package:
        return table.c.match_name == wanted.name
    named = table.c.package == wanted.package
    if not wanted.package.startswith(_DISTRIBUTIONS):
        return named
    # What was built of a source package of this name, by the same distribution.
    beside = table.c.package.startswith(wanted.package.rpartition("/")[0] + "/", autoescape=True)
    return or_(named, and_(table.c.match_name == wanted.name, beside))


def _part(row: Any, wanted: Wanted) -> Part:
    """With the version that the limits speak of: a binary package's own where it is named itself."""
    by_source = family(row["ecosystem"]) in BY_SOURCE
    if by_source and row["package"] == wanted.package:
        return _made(row, PackageURL.from_string(row["purl"]).version or "")
    return _made(row, str(row["version"]))


def _made(row: Any, version: str) -> Part:
    return Part(id=row["id"], purl=row["purl"], ecosystem=row["ecosystem"], version=version)


def _sorted(parts: list[Part]) -> Iterator[Part]:
    yield from sorted(parts, key=lambda part: (part.purl, part.id))
