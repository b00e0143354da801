# SPDX-License-Identifier: Apache-2.0
"""The steps that remove most: a newer package, or another base, each with what would go and what would come.

Nothing is guessed: a package is matched again in its new version, a base by its own components.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from tidegate.evidence import Advice, BaseImage, Finding, Severity
from tidegate.evidence.flaw import flaws_of
from tidegate.examination.bases import Bases, KnownBase
from tidegate.inventory import Basis, Component, Version
from tidegate.knowledge.database import Knowledge
from tidegate.knowledge.match import match
from tidegate.knowledge.versions import InvalidVersionError, order_of
from tidegate.values import replace

MAX_PACKAGES: Final = 200
"""Packages that are advised on, those with most to remove first."""
MAX_BASES: Final = 3
"""Other bases that are advised, the best first."""

_WEIGHTS: Final[Mapping[Severity, float]] = {
    Severity.UNKNOWN: 1.0,
    Severity.NONE: 0.0,
    Severity.LOW: 1.0,
    Severity.MEDIUM: 4.0,
    Severity.HIGH: 10.0,
    Severity.CRITICAL: 25.0,
}
_EXPLOITED: Final = 100.0
_MAX_STEPS: Final = 8


def package_advice(
    findings: Sequence[Finding], components: Sequence[Component], knowledge: Knowledge
) -> tuple[Advice, ...]:
    """For each package with a fix, the lowest version that has all its fixes.

    Raises:
        InvalidInputError: the knowledge file turned out to be broken.
    """
    by_purl = {component.purl: component for component in components}
    groups: dict[tuple[str, str, str], list[tuple[Component, Finding]]] = {}
    for finding in findings:
        component = by_purl.get(finding.purl)
        if component is not None:
            groups.setdefault(_upgraded_together(component), []).append((component, finding))
    steps: list[tuple[float, Advice]] = []
    for group in groups.values():
        component, before = group[0][0], [finding for _, finding in group]
        version = _highest_fix(component, before)
        if version is not None:
            version, after = _settled(component, version, knowledge)
            advice = _step("package", str(component.purl), str(version), before, after)
            advice = replace(advice, packages=tuple(sorted({one.purl for one, _ in group})))
            steps.append((_weight(before) - _weight(after), advice))
    steps.sort(key=lambda step: (-step[0], step[1].subject))
    return tuple(advice for _, advice in steps if advice.removes)[:MAX_PACKAGES]


def base_advice(base: BaseImage, known: KnownBase, bases: Bases, knowledge: Knowledge) -> tuple[Advice, ...]:
    """Other images of the base's repository that would leave less, best first; of equals the nearest in name.

    The comparison is of the bases alone: what was installed upon one stays as it is.

    Raises:
        InvalidInputError: the knowledge file turned out to be broken.
    """
    before = match(knowledge, known.components)
    candidates = [
        other
        for other in bases.family(known.part_of)
        if other.digest != known.digest and other.platform == known.platform
    ]
    steps = []
    for other in candidates:
        after = match(knowledge, other.components)
        gain = _weight(before) - _weight(after)
        if gain > 0:
            distance = _distance(known.name, other.name)
            steps.append((-gain, distance, other.name, _step("base", base.name, other.name, before, after)))
    return tuple(step for *_, step in sorted(steps, key=lambda step: step[:3]))[:MAX_BASES]


def _step(kind: str, subject: str, to: str, before: Iterable[Finding], after: Iterable[Finding]) -> Advice:
    """What goes and what comes, by advisory: one that stays in another package of the same source has not gone."""
    gone, come = {finding.id for finding in before}, {finding.id for finding in after}
    return Advice(
        kind=kind, subject=subject, to=to, removes=tuple(sorted(gone - come)), adds=tuple(sorted(come - gone))
    )


def _settled(component: Component, version: Version, knowledge: Knowledge) -> tuple[Version, list[Finding]]:
    """The version in which nothing is left that has a fix: a first step may bring flaws that only newer ones have."""
    after = match(knowledge, [_upgraded(component, version)])
    for _ in range(_MAX_STEPS):
        further = _highest_fix(component, after)
        if further is None:
            break
        version, after = further, match(knowledge, [_upgraded(component, further)])
    return version, list(after)


def _upgraded_together(component: Component) -> tuple[str, str, str]:
    """Binaries of one source package come in one version: one step for all of them."""
    source = component.source_name or component.name
    return str(component.ecosystem) or component.kind.value, source, component.source_version or component.version


def _highest_fix(component: Component, findings: Sequence[Finding]) -> Version | None:
    order = order_of(component.ecosystem)
    if order is None or component.basis is Basis.CLAIMED:
        return None
    keyed = []
    for finding in findings:
        if finding.fixed_version:
            try:
                keyed.append((order.key(finding.fixed_version), finding.fixed_version))
            except InvalidVersionError:
                continue
    return max(keyed)[1] if keyed else None


def _upgraded(component: Component, version: Version) -> Component:
    """The component as it would be; distributions tell fixes of the source package, which gives binaries theirs."""
    return replace(component, version=version, source_version=version if component.source_version else Version(""))


def _weight(findings: Iterable[Finding]) -> float:
    """By flaws: one that many copies or packages share is mended in all of them by the one step."""
    return sum(_EXPLOITED if one.exploited or one.malicious else _WEIGHTS[one.severity] for one in flaws_of(findings))


def _distance(here: str, there: str) -> int:
    """How far apart two tags are: parts that differ, so that `3.12-slim` is nearer to `3.13-slim` than to `3.13`."""
    ours, theirs = (set(name.rpartition(":")[2].split("-")) for name in (here, there))
    return len(ours ^ theirs)
