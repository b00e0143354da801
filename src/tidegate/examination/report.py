# SPDX-License-Identifier: Apache-2.0
"""The whole scan report: facts joined with knowledge, told apart by base, spoken of by people, weighed and advised on.

Pure but for reading the knowledge file and the folder of known bases.
"""

from collections.abc import Sequence
from datetime import date

from tidegate.artifact import Digest
from tidegate.evidence import Finding, IdleWord, Misconfiguration, ScanReport, SuppressedSecret
from tidegate.examination.advice import base_advice, package_advice
from tidegate.examination.base_image import recognise
from tidegate.examination.bases import Bases
from tidegate.examination.documentation import without_documentation
from tidegate.examination.examine import examine
from tidegate.examination.priority import exposure_of, rank, weigh
from tidegate.examination.priority_profiles import Profile
from tidegate.inventory import Inventory, LocatedSecret
from tidegate.knowledge.database import Knowledge
from tidegate.values import Struct, replace
from tidegate.vex.claim import Claim
from tidegate.vex.product import Scene
from tidegate.vex.silence import Found, silence


class Said(Struct, frozen=True, kw_only=True):
    """What people have said beforehand of what may be found.

    Attributes:
        claims: statements and ignore entries, in the order they were read.
        secrets: those that still count after allow-lists and baselines; None for all of the inventory's.
        suppressed_secrets: those that do not, and who said so.
        idle: words that are known to be in vain already.
    """

    claims: tuple[Claim, ...] = ()
    secrets: tuple[LocatedSecret, ...] | None = None
    suppressed_secrets: tuple[SuppressedSecret, ...] = ()
    idle: tuple[IdleWord, ...] = ()


NOTHING_SAID = Said()


def full_report(
    inventory: Inventory,
    knowledge: Knowledge | None,
    *,
    misconfigurations: Sequence[Misconfiguration] = (),
    bases: Bases | None = None,
    said: Said = NOTHING_SAID,
    names: Sequence[str] = (),
    digests: Sequence[Digest] = (),
    profile: Profile | None = None,
    at: date | None = None,
) -> ScanReport:
    """Makes the report of one image.

    Args:
        inventory: the facts.
        knowledge: None leaves what is wrong unknown.
        misconfigurations: what the checks objected to.
        bases: images that others are built upon.
        said: what people have said.
        names: further references the image goes by, for statements that name it.
        digests: further digests it goes by, such as its index's.
        profile: of the team's sector.
        at: the day it is judged for; None for the knowledge's own.

    Raises:
        InvalidInputError: the knowledge file turned out to be broken.
    """
    base, known = recognise(inventory, bases)
    report = examine(inventory, knowledge, base=base, at=at)
    scene = Scene(
        digests=frozenset({inventory.digest, *digests}),
        names=(inventory.name, *names),
        os_release=inventory.os_release,
        components=inventory.components,
    )
    counting, shown = without_documentation(inventory.secrets if said.secrets is None else said.secrets)
    found = Found(
        findings=report.findings,
        secrets=counting,
        misconfigurations=tuple(misconfigurations),
    )
    heard = silence(found, said.claims, scene, at=report.at or date.max)
    report = replace(
        report,
        findings=heard.counting.findings,
        secrets=heard.counting.secrets,
        misconfigurations=heard.counting.misconfigurations,
        suppressed=heard.findings,
        suppressed_secrets=(*said.suppressed_secrets, *shown, *heard.secrets),
        suppressed_misconfigurations=heard.misconfigurations,
        idle=(*said.idle, *heard.idle),
    )
    report = _weighed(report, profile)
    if knowledge is None or not report.findings:
        return report
    advice = base_advice(base, known, bases, knowledge) if base and known and bases else ()
    return replace(report, advice=(*advice, *package_advice(report.findings, report.components, knowledge)))


def _weighed(report: ScanReport, profile: Profile | None) -> ScanReport:
    """A report whose findings, suppressed ones too, bear their priority, the one that matters most first."""
    day = report.at
    if day is None:
        return report
    exposure = exposure_of(report.configuration, report.census)

    def weighed(finding: Finding) -> Finding:
        return replace(finding, priority=weigh(finding, exposure, profile, day))

    suppressed = (replace(one, finding=weighed(one.finding)) for one in report.suppressed)
    return replace(
        report,
        findings=tuple(sorted(map(weighed, report.findings), key=rank)),
        suppressed=tuple(sorted(suppressed, key=lambda one: rank(one.finding))),
    )
