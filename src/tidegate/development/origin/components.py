# SPDX-License-Identifier: Apache-2.0
"""Where each component of an image comes from, and how far that is known: proved, claimed, contradicted; pure."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from tidegate.artifact import Digest
from tidegate.bounds import printable
from tidegate.development.origin.archives import Published
from tidegate.development.origin.installed import NOTHING_READ, Installed
from tidegate.development.origin.verdict import Standing, Told
from tidegate.errors import InvalidInputError
from tidegate.inventory import Component, Inventory, PackageKind
from tidegate.inventory.custody import Origin, Share
from tidegate.values import Struct

NO_ARCHIVES: Final[Mapping[str, Sequence[Digest]]] = {}

_OF_SIGNED_ARCHIVES: Final = frozenset({"deb", "apk"})


class ComponentOrigin(Struct, frozen=True, kw_only=True):
    """One component."""

    purl: str
    origin: Origin
    standing: Standing
    why: str


class OriginCount(Struct, frozen=True, kw_only=True):
    """One of the three sources: its share of the image, and its components by what is known of them."""

    origin: Origin
    files: int
    bytes: int
    proved: int = 0
    claimed: int = 0
    unknown: int = 0
    contradicted: int = 0


class OriginReport(Struct, frozen=True, kw_only=True, rename="camel"):
    """Everything of one image.

    Attributes:
        in_house: what is known of the makers' own files.
    """

    image: Digest
    name: str
    counts: tuple[OriginCount, ...]
    components: tuple[ComponentOrigin, ...]
    in_house: Told


def report_origins(
    inventory: Inventory,
    published: Published,
    attested: Mapping[Digest, tuple[str, ...]],
    in_house: Told,
    installed: Installed = NOTHING_READ,
    archives: Mapping[str, Sequence[Digest]] = NO_ARCHIVES,
) -> OriginReport:
    """Puts every component to its source.

    Args:
        inventory: of the image.
        published: what signed archives publish.
        attested: archives of packages that attestations speak of, with those whom somebody trusted vouches for.
        in_house: what is known of the makers' own files.
        installed: what package managers wrote into the image beside.
        archives: what installers wrote down of the archives they took, by where the package's metadata lies.
    """
    components = tuple(_origin(it, published, attested, installed, archives) for it in inventory.components)
    shares = {share.origin: share for share in inventory.custody.shares} if inventory.custody else {}
    return OriginReport(
        image=inventory.digest,
        name=inventory.name,
        counts=tuple(_count(origin, shares, components) for origin in Origin),
        components=components,
        in_house=in_house,
    )


def _origin(
    it: Component,
    published: Published,
    attested: Mapping[Digest, tuple[str, ...]],
    installed: Installed,
    archives: Mapping[str, Sequence[Digest]],
) -> ComponentOrigin:
    if it.owner is not None:
        told = Told(standing=Standing.CLAIMED, why=f"a file of {it.owner}")
        return ComponentOrigin(purl=it.purl, origin=Origin.DISTRO, standing=told.standing, why=told.why)
    told = (
        _of_archive(it, published, installed)
        if it.kind.is_of_distribution
        else _of_registry(it, attested, archives.get(it.location, ()))
    )
    origin = Origin.DISTRO if it.kind.is_of_distribution else Origin.UPSTREAM
    return ComponentOrigin(purl=it.purl, origin=origin, standing=told.standing, why=told.why)


def _of_archive(it: Component, published: Published, installed: Installed) -> Told:
    name = (it.name, it.version, it.architecture)
    if it.kind is PackageKind.RPM and (verified := installed.rpm.get((it.location, *name))):
        return verified
    who = published.by(it.kind.value, name)
    if who and it.kind is PackageKind.APK:
        return _of_alpine(who, published.checksums_of(name), installed.apk.get((it.location, *name), frozenset()))
    if who:
        return Told(standing=Standing.PROVED, why=f"{who}, publishes this version")
    if it.kind.value in _OF_SIGNED_ARCHIVES and published.of.get(it.kind.value):
        return Told(standing=Standing.UNKNOWN, why="no signed index lists this version")
    maker = f" of {it.supplier}" if it.supplier else ""
    return Told(standing=Standing.CLAIMED, why=f"the package manager's database{maker} says so")


def _of_alpine(who: str, published: AbstractSet[str], installed: AbstractSet[str]) -> Told:
    """A package that a signed index lists: proved when it is that build, by the checksum of its control segment."""
    if not published or not installed or "" in installed:
        return Told(standing=Standing.CLAIMED, why=f"{who}, publishes this version; nothing tells if it is that build")
    if others := installed - published:
        why = f"{who}, publishes another build of this version: {min(published)[:40]}, not {min(others)[:40]}"
        return Told(standing=Standing.CONTRADICTED, why=printable(why))
    return Told(standing=Standing.PROVED, why=f"{who}, publishes this build")


def _of_registry(it: Component, attested: Mapping[Digest, tuple[str, ...]], archive: Sequence[Digest]) -> Told:
    sums = [*_digests(it.checksums), *archive]
    known = [digest for digest in sums if digest in attested]
    who = sorted({name for digest in known for name in attested[digest]})
    if who:
        return Told(
            standing=Standing.PROVED, why=f"attested by {', '.join(who)} for {known[0].algorithm}:{known[0].short}"
        )
    if known:
        return Told(standing=Standing.CLAIMED, why="attested by nobody trusted")
    if archive:
        return Told(standing=Standing.CLAIMED, why=f"its installer states {archive[0].algorithm}:{archive[0].short}")
    if sums:
        return Told(standing=Standing.CLAIMED, why=f"a lock file states {sums[0].algorithm}:{sums[0].short}")
    if it.basis.value == "installed":
        return Told(standing=Standing.CLAIMED, why="its own metadata says so")
    return Told(standing=Standing.UNKNOWN, why=f"{it.basis.value} without a checksum")


def _digests(checksums: Sequence[str]) -> list[Digest]:
    found = []
    for text in checksums:
        try:
            found.append(Digest(text))
        except InvalidInputError:
            continue
    return found


def _count(origin: Origin, shares: Mapping[Origin, Share], components: Sequence[ComponentOrigin]) -> OriginCount:
    share = shares.get(origin)
    said = [it.standing for it in components if it.origin is origin]
    return OriginCount(
        origin=origin,
        files=share.files if share else 0,
        bytes=share.bytes if share else 0,
        proved=said.count(Standing.PROVED),
        claimed=said.count(Standing.CLAIMED),
        unknown=said.count(Standing.UNKNOWN),
        contradicted=said.count(Standing.CONTRADICTED),
    )
