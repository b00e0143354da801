# SPDX-License-Identifier: Apache-2.0
"""One image's facts joined with what the world knows: a scan report before anybody has spoken of it.

Pure but for reading the knowledge file: the same inventory, knowledge and day give the same report.
"""

from datetime import date

from tidegate.evidence import BaseImage, Configuration, ScannedArtifact, ScanReport, Support
from tidegate.examination.base_image import with_parts
from tidegate.inventory import Component, Inventory
from tidegate.knowledge.database import Knowledge
from tidegate.knowledge.match import match
from tidegate.knowledge.notices import notices_of
from tidegate.knowledge.support import support_of


def examine(
    inventory: Inventory,
    knowledge: Knowledge | None,
    *,
    base: BaseImage | None = None,
    at: date | None = None,
) -> ScanReport:
    """Joins an inventory with knowledge; nothing is weighed, for what counts is not settled yet.

    Args:
        inventory: the facts of one image.
        knowledge: None leaves findings and support empty and `knowledge` null: silence that proves nothing.
        base: what the image was built upon, whose support is told too.
        at: the day on which support and due dates are judged; None for the knowledge's own, so that the same
            knowledge says the same on any day.

    Raises:
        InvalidInputError: the knowledge file turned out to be broken.
    """
    components = inventory.components
    day = at or day_of(knowledge)
    return ScanReport(
        artifact=_artifact(inventory),
        components=components,
        findings=with_parts(match(knowledge, components), inventory, base) if knowledge else (),
        secrets=inventory.secrets,
        configuration=_configuration(inventory),
        support=_support(inventory, knowledge, base.name if base else "", day),
        outcomes=inventory.outcomes,
        knowledge=knowledge.stamp if knowledge else None,
        unmatched=_unmatched(components, knowledge),
        at=day,
        custody=inventory.custody,
        census=inventory.census,
        notices=notices_of(knowledge, components),
        base=base,
        passed_over=inventory.passed_over,
    )


def day_of(knowledge: Knowledge | None) -> date | None:
    """The day a report speaks of when none was asked for: that of the knowledge."""
    return knowledge.stamp.made_at.date() if knowledge else None


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


def _support(
    inventory: Inventory, knowledge: Knowledge | None, base_name: str, day: date | None
) -> tuple[Support, ...]:
    if knowledge is None or day is None:
        return ()
    return support_of(
        knowledge, inventory.components, inventory.os_release, base_name, day, product_of=_product_of_program
    )


def _product_of_program(name: str) -> str:
    from tidegate.scan.catalogers.program_table import support_product_of  # a hundred expressions few images need

    return support_product_of(name)


def _unmatched(components: tuple[Component, ...], knowledge: Knowledge | None) -> tuple[str, ...]:
    """What nothing is known of: ecosystems, and kinds of package that no ecosystem speaks of.

    An owned component is judged by its owner's ecosystem, so its own does not count.
    """
    told = {(it.ecosystem, it.kind.value) for it in components if it.owner is None}
    unknown = {str(name) or kind for name, kind in told if not name or knowledge is None or not knowledge.covers(name)}
    return tuple(sorted(unknown))
