# SPDX-License-Identifier: Apache-2.0
"""Components with their licences: as one SPDX expression and its class, whoever states them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from tidegate.inventory import Component, PackageKind
from tidegate.licences import class_of, expression_of
from tidegate.oci.squash import Overlay
from tidegate.scan.visible import Sighting
from tidegate.values import replace

_DOCUMENTS: Final = "usr/share/doc"
_Statements: TypeAlias = tuple[str, ...]


def with_licences(
    components: Sequence[Component], sightings: Iterable[Sighting], overlay: Overlay
) -> Iterator[Component]:
    """Names the licence of every component that states one, or of whose package another file does."""
    beside = _Beside(components, sightings, overlay)
    for component in components:
        statements = component.licenses or beside.of(component)
        license_ = expression_of(statements)
        if not license_:
            yield component
            continue
        kind = class_of(license_)
        yield replace(component, licenses=statements, license=license_, license_class=kind.value if kind else "")


class _Beside:
    """Licences that stand beside the database of the distribution's packages.

    Packages of one source have one such file: where a package's folder of documents is a link to that of another, or
    it has none, the other's counts.
    """

    def __init__(self, components: Sequence[Component], sightings: Iterable[Sighting], overlay: Overlay) -> None:
        self._overlay = overlay
        self._told = {told.package: told.licenses for it in sightings for told in it.facts.licenses_of}
        self._of_sources: dict[tuple[str, str], _Statements] = {}
        if self._told:
            for component in components:
                if component.kind is PackageKind.DEB and component.name in self._told:
                    self._of_sources.setdefault(_source(component), self._told[component.name])

    def of(self, component: Component) -> _Statements:
        """What is told of a component; nothing of any but Debian's packages."""
        if component.kind is not PackageKind.DEB or not self._told:
            return ()
        return self._told.get(component.name) or self._linked(component.name) or self._of_source(component)

    def _linked(self, name: str) -> _Statements:
        folder, _, base = (self._overlay.resolve(f"{_DOCUMENTS}/{name}") or "").rpartition("/")
        return self._told.get(base, ()) if folder == _DOCUMENTS else ()

    def _of_source(self, component: Component) -> _Statements:
        return self._of_sources.get(_source(component), ())


def _source(component: Component) -> tuple[str, str]:
    return component.source_name or component.name, component.source_version or component.version
