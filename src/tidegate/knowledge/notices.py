# SPDX-License-Identifier: Apache-2.0
"""What is said against packages beside flaws: by their own metadata or lock file, and by their registry."""

from collections.abc import Iterator, Sequence

from tidegate.evidence import Notice
from tidegate.inventory import Component, Version
from tidegate.knowledge.database import Knowledge
from tidegate.knowledge.target import lookup_ecosystem, lookup_name
from tidegate.knowledge.versions import InvalidVersionError, order_of

_QUERY = "SELECT version, kind, reason FROM package_status WHERE ecosystem = ? AND name = ?"


def notices_of(knowledge: Knowledge | None, components: Sequence[Component]) -> tuple[Notice, ...]:
    """Returns what is said against components, sorted by package URL, location and kind.

    Args:
        knowledge: None leaves what the components' own metadata says.
        components: of one image; those a distribution's package owns are the distribution's to judge.

    Raises:
        InvalidInputError: the knowledge file is corrupt.
    """
    found = {
        (notice.purl, notice.location, notice.kind): notice
        for component in components
        if component.owner is None
        for notice in _of(knowledge, component)
    }
    return tuple(found[key] for key in sorted(found))


def _of(knowledge: Knowledge | None, component: Component) -> Iterator[Notice]:
    if knowledge is not None and component.ecosystem:
        home = lookup_ecosystem(component.ecosystem)
        for version, kind, reason in knowledge.rows(_QUERY, (home, lookup_name(home, component.name))):
            if not version or _same(component, version):
                yield Notice(kind=kind, purl=component.purl, location=component.location, reason=reason)
    if component.deprecated:
        yield Notice(kind="deprecated", purl=component.purl, location=component.location, reason=component.deprecated)


def _same(component: Component, version: str) -> bool:
    if version == component.version:
        return True
    order = order_of(component.ecosystem)
    if order is None:
        return False
    try:
        return order.key(Version(version)) == order.key(component.version)
    except InvalidVersionError:
        return False
