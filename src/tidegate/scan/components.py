# SPDX-License-Identifier: Apache-2.0
"""Packages of the visible files to components: which layer brought each in, and which distribution package owns it."""

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from tidegate.artifact import Digest
from tidegate.inventory import Basis, Component, LayerFacts, LinkKind, OsRelease, Package, PackageUrl
from tidegate.oci.squash import Overlay
from tidegate.scan.ecosystem import ecosystem_of
from tidegate.scan.purl import component_purl, distro_of, namespace_of
from tidegate.scan.stated_scope import with_stated_scopes
from tidegate.scan.visible import Sighting
from tidegate.values import replace

_Identity: TypeAlias = tuple[str, str, str, str]

_SURENESS: Final = {basis: rank for rank, basis in enumerate(Basis)}
_SEEN: Final = frozenset({Basis.INSTALLED, Basis.RECOGNISED})
_OF_THEIR_MAKERS: Final = frozenset(
    {
        "containerd.io", "cri-tools", "docker-buildx-plugin", "docker-ce", "docker-ce-cli",
        "docker-ce-rootless-extras", "docker-compose-plugin", "kubeadm", "kubectl", "kubelet", "kubernetes-cni",
    }
)  # fmt: skip
"""Packages that Docker and Kubernetes publish themselves: no distribution writes advisories about them."""


def components_of(sightings: Sequence[Sighting], digests: Sequence[Digest], os: OsRelease | None) -> list[Component]:
    """All packages of the visible files, sorted by kind, name, version and place.

    Args:
        sightings: the visible files.
        digests: of the layers, as `Sighting.layer` counts them.
        os: the image's operating system.
    """
    found: dict[tuple[_Identity, str], Component] = {}
    for sighting in sightings:
        below = [(index, {_identity(package) for package in facts.packages}) for index, facts in sighting.earlier]
        for package in sighting.facts.packages:
            identity = _identity(package)
            layer = digests[_first_layer(identity, sighting.layer, below)]
            found.setdefault((identity, sighting.facts.path), _component(package, sighting, layer, os))
    return _without_echoes(with_stated_scopes([found[key] for key in sorted(found)]))


def with_owners(
    components: Sequence[Component], sightings: Sequence[Sighting], layers: Sequence[LayerFacts], overlay: Overlay
) -> list[Component]:
    """Names the distribution's package that owns the file which tells of a language's package.

    None owns what its makers packaged themselves: there the program's own version says what is wrong with it.
    """
    places = {it.location for it in components if not it.kind.is_of_distribution or _is_hearsay(it)}
    makers = {it.purl for it in components if it.kind.is_of_distribution and it.name in _OF_THEIR_MAKERS}
    owned = owners_of(places, components, sightings, layers, overlay)
    owners = {place: purl for place, purl in owned.items() if purl not in makers}
    return [
        component
        if component.kind.is_of_distribution or component.location not in owners
        else replace(component, owner=owners[component.location])
        for component in components
        if not (_is_hearsay(component) and component.location in owners)
    ]


def owners_of(
    places: set[str],
    components: Sequence[Component],
    sightings: Sequence[Sighting],
    layers: Sequence[LayerFacts],
    overlay: Overlay,
) -> dict[str, PackageUrl]:
    """The distribution's packages that own files, by their paths; those that none owns are left out."""
    if not places:
        return {}
    spelled = _spellings(places, layers, overlay)
    purls = {
        (it.cataloger, it.name): it.purl
        for it in reversed(components)
        if it.kind.is_of_distribution and not _is_hearsay(it)
    }
    owners: dict[str, PackageUrl] = {}
    for facts in (sighting.facts for sighting in sightings):
        for ownership in facts.ownership:
            purl = purls.get((facts.cataloger, ownership.package))
            if purl is not None:
                for path in spelled.keys() & ownership.paths:
                    owners.setdefault(spelled[path], purl)
    return owners


def _without_echoes(components: Sequence[Component]) -> list[Component]:
    """Leaves out what is known more surely: of one package URL the claims, and what is merely to be installed.

    A program that was recognised stays in each of its places; so does a lock file's entry, unless the package is
    there already or the same folder's lock file pins what its manifest declares.
    """
    surest: dict[PackageUrl, int] = {}
    places: dict[PackageUrl, set[str]] = {}
    for component in components:
        rank = _SURENESS[component.basis]
        surest[component.purl] = min(rank, surest.get(component.purl, rank))
        if component.basis is Basis.LOCKED:
            places.setdefault(component.purl, set()).add(_folder(component))
    return [it for it in components if not _is_echo(it, surest[it.purl], places.get(it.purl, set()))]


def _is_echo(component: Component, surest: int, locked_in: set[str]) -> bool:
    basis = component.basis
    if _SURENESS[basis] <= surest or basis is Basis.INSTALLED:
        return False
    if basis is Basis.RECOGNISED:
        return component.kind.is_of_distribution
    if basis is Basis.CLAIMED or surest <= max(_SURENESS[it] for it in _SEEN):
        return True
    return _folder(component) in locked_in


def _folder(component: Component) -> str:
    return component.location.rpartition("/")[0]


def _is_hearsay(component: Component) -> bool:
    """A distribution's package that a program or a document speaks of, not the distribution's own database."""
    return component.kind.is_of_distribution and component.basis is not Basis.INSTALLED


def _identity(package: Package) -> _Identity:
    return package.kind.value, package.name, package.version, package.architecture


def _first_layer(identity: _Identity, top: int, below: Iterable[tuple[int, set[_Identity]]]) -> int:
    first = top
    for index, identities in below:
        if identity not in identities:
            break
        first = index
    return first


def _component(package: Package, sighting: Sighting, layer: Digest, os: OsRelease | None) -> Component:
    release = _release_of(package, os)
    return Component(
        kind=package.kind,
        name=package.name,
        version=package.version,
        purl=component_purl(package, release),
        ecosystem=ecosystem_of(package, release),
        location=sighting.facts.path,
        layer=layer,
        cataloger=sighting.facts.cataloger,
        source_name=package.source_name,
        source_version=package.source_version,
        architecture=package.architecture,
        licenses=package.licenses,
        modularity=package.modularity,
        qualifiers=dict(package.qualifiers),
        scope=package.scope,
        basis=package.basis,
        checksums=package.checksums,
        deprecated=package.deprecated,
        supplier=package.supplier,
    )


def _release_of(package: Package, os: OsRelease | None) -> OsRelease | None:
    """The image's release; None for a package that is told to be of another: its advisories are not known here."""
    if os is None or package.basis is Basis.INSTALLED or not package.kind.is_of_distribution:
        return os
    distro = dict(package.qualifiers).get("distro", "")
    is_other = distro not in {"", distro_of(os)} or package.namespace not in {"", os.id, namespace_of(os)}
    return None if is_other else os


def _spellings(places: set[str], layers: Sequence[LayerFacts], overlay: Overlay) -> dict[str, str]:
    """Every way a database may write a place: as it is, and through links at the root (`lib` for `usr/lib`)."""
    spelled = {place: place for place in places}
    names = {
        link.path for layer in layers for link in layer.links if link.kind is LinkKind.SYMBOLIC and "/" not in link.path
    }
    for name in sorted(names):
        real = overlay.resolve(name)
        if real and real != name:
            for place in places:
                if place.startswith(f"{real}/"):
                    spelled.setdefault(name + place[len(real) :], place)
    return spelled
