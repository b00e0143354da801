# SPDX-License-Identifier: Apache-2.0
"""One image's facts joined with what the world knows: the scan report.

Pure but for reading the knowledge file: the same inventory, knowledge and day give the same report.
"""

from datetime import date

from tidegate.evidence import Configuration, Finding, ScannedArtifact, ScanReport, Support
from tidegate.examination.base_image import recognise, with_parts
from tidegate.examination.bases import Bases
from tidegate.examination.priority import exposure_of, rank, weigh
from tidegate.examination.priority_profiles import Profile
from tidegate.inventory import Component, Inventory
from tidegate.knowledge.database import Knowledge
from tidegate.knowledge.match import match
from tidegate.knowledge.notices import notices_of
from tidegate.knowledge.support import support_of
from tidegate.values import replace


def examine(
    inventory: Inventory,
    knowledge: Knowledge | None,
    *,
    at: date | None = None,
    base_name: str = "",
    bases: Bases | None = None,
    profile: Profile | None = None,
) -> ScanReport:
    """Joins an inventory with knowledge.

    Args:
        inventory: the facts of one image.
        knowledge: None leaves findings and support empty and `knowledge` null: silence that proves nothing.
        at: the day on which support and due dates are judged; None for the knowledge's own, so that the same
            knowledge says the same on any day.
        base_name: reference of the image it was built upon, whose support is told too; "" takes the name of the
            base that is recognised.
        bases: known base images; without them a base is told by annotations and history alone.
        profile: of the team's sector, for weighing.

    Raises:
        InvalidInputError: the knowledge file turned out to be broken.
    """
    components = inventory.components
    configuration = _configuration(inventory)
    base, _ = recognise(inventory, bases)
    if base is not None:
        base_name = base_name or base.name
    day = at or day_of(knowledge)
    report = ScanReport(
        artifact=_artifact(inventory),
        components=components,
        findings=with_parts(match(knowledge, components), inventory, base) if knowledge else (),
        secrets=inventory.secrets,
        configuration=configuration,
        support=_support(inventory, knowledge, base_name, day),
        outcomes=inventory.outcomes,
        knowledge=knowledge.stamp if knowledge else None,
        unmatched=_unmatched(components, knowledge),
        at=day,
        custody=inventory.custody,
        census=inventory.census,
        notices=notices_of(knowledge, components),
        base=base,
    )
    return replace(report, findings=weighed(report, profile))


def day_of(knowledge: Knowledge | None) -> date | None:
    """The day a report speaks of when none was asked for: that of the knowledge."""
    return knowledge.stamp.made_at.date() if knowledge else None


def weighed(report: ScanReport, profile: Profile | None) -> tuple[Finding, ...]:
    """A report's findings with their priority, the one that matters most first.

    To be called again when something that counts has changed, such as `part`.
    """
    if report.at is None:
        return report.findings
    exposure = exposure_of(report.configuration, report.census)
    found = (replace(one, priority=weigh(one, exposure, profile, report.at)) for one in report.findings)
    return tuple(sorted(found, key=rank))


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
    return support_of(knowledge, inventory.components, inventory.os_release, base_name, day)


def _unmatched(components: tuple[Component, ...], knowledge: Knowledge | None) -> tuple[str, ...]:
    """What nothing is known of: ecosystems, and kinds of package that no ecosystem speaks of.

    An owned component is judged by its owner's ecosystem, so its own does not count.
    """
    told = {(it.ecosystem, it.kind.value) for it in components if it.owner is None}
    unknown = {str(name) or kind for name, kind in told if not name or knowledge is None or not knowledge.covers(name)}
    return tuple(sorted(unknown))
