# SPDX-License-Identifier: Apache-2.0
"""One image's facts joined with what the world knows: the scan report.

Pure but for reading the knowledge file: the same inventory, knowledge and day give the same report.
"""

from datetime import date

from tidegate.evidence import Configuration, ScannedArtifact, ScanReport, Support
from tidegate.inventory import Component, Inventory
from tidegate.knowledge.database import Knowledge
from tidegate.knowledge.match import match
from tidegate.knowledge.support import support_of


def examine(inventory: Inventory, knowledge: Knowledge | None, *, at: date) -> ScanReport:
    """Joins an inventory with knowledge.

    Args:
        inventory: the facts of one image.
        knowledge: None leaves findings and support empty and `knowledge` null: silence that proves nothing.
        at: the day on which support is judged.

    Raises:
        InvalidInputError: the knowledge file turned out to be broken.
    """
    components = inventory.components
    return ScanReport(
        artifact=_artifact(inventory),
        components=components,
        findings=tuple(match(knowledge, components)) if knowledge else (),
        secrets=inventory.secrets,
        configuration=_configuration(inventory),
        support=_support(inventory, knowledge, at),
        outcomes=inventory.outcomes,
        knowledge=knowledge.stamp if knowledge else None,
        unmatched=_unmatched(components, knowledge),
    )


def _artifact(inventory: Inventory) -> ScannedArtifact:
    return ScannedArtifact(
        name=inventory.name,
        digest=inventory.digest,
        layers=inventory.layers,
        platform=inventory.config.platform if inventory.config else None,
        os_release=inventory.os_release,
    )


def _configuration(inventory: Inventory) -> Configuration | None:
    config = inventory.config
    if config is None:
        return None
    return Configuration(
        user=config.user,
        runs_as_root=config.runs_as_root,
        exposed_ports=config.exposed_ports,
        labels=dict(config.labels),
    )


def _support(inventory: Inventory, knowledge: Knowledge | None, at: date) -> tuple[Support, ...]:
    if knowledge is None or inventory.os_release is None:
        return ()
    return support_of(knowledge, inventory.os_release, at)


def _unmatched(components: tuple[Component, ...], knowledge: Knowledge | None) -> tuple[str, ...]:
    """Ecosystems nothing is known of; an owned component is judged by its owner's, so its own does not count."""
    seen = {component.ecosystem for component in components if component.owner is None}
    return tuple(sorted(str(name) for name in seen if knowledge is None or not knowledge.covers(name)))
