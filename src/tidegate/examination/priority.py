# SPDX-License-Identifier: Apache-2.0
"""How much a finding matters here: one number from 0 to 100 that explains itself, and what to do about it.

The number is a sum: grounds that add (how bad the flaw is, how it is reached, whether and how likely it is exploited,
what the image lays open, what the sector sees), then grounds that take a share away (not run in production, only
claimed, brought by the base). So more severity, likelihood or exploitation never lowers it, and the reasons add up to
it. Malware is 100: there is nothing to weigh.

Points follow what has been measured of exploitation: CVSS alone predicts it poorly, EPSS and KEV well (FIRST, "EPSS
user guide"; CISA BOD 22-01; CISA/CMU SSVC: exploitation, exposure, automatable, mission impact).
"""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from tidegate.evidence import Configuration, Finding, FixState, Priority, Severity, Urgency
from tidegate.examination.priority_profiles import Profile, Trait
from tidegate.inventory import Basis, Census, Scope
from tidegate.values import Struct

TOP: Final = 100.0
_BY_SEVERITY: Final = {
    Severity.UNKNOWN: 12.0,  # nobody rated it: between low and medium, so that it is not lost
    Severity.NONE: 0.0,
    Severity.LOW: 6.0,
    Severity.MEDIUM: 15.0,
    Severity.HIGH: 24.0,
    Severity.CRITICAL: 30.0,
}
_CVSS_POINTS: Final = 3.0
"""For each point of the base score: 30 for 10.0."""
_EPSS_POINTS: Final = 20.0
_PERCENTILE_POINTS: Final = 5.0
_KEV_POINTS: Final = 25.0
_DUE_SOON: Final = timedelta(days=14)
_DEVELOPMENT_SHARE: Final = 0.2
_BUILD_SHARE: Final = 0.35
_CLAIMED_SHARE: Final = 0.6
_DECLARED_SHARE: Final = 0.85
_NOW, _SOON, _LATER = 70.0, 40.0, 10.0
_WHOLLY: Final = frozenset({"H", "C"})
"""High (CVSS 3 and 4) or complete (CVSS 2)."""
_METRIC: Final = re.compile(r"(?:^|/|\()(AV|PR|Au|UI|V?[CIA]):([A-Z])(?=/|\)|$)")


class Exposure(Struct, frozen=True, kw_only=True):
    """What an image lays open when it runs.

    Attributes:
        ports: it says it listens on.
        setuid: programs that run as their owner.
        known: false when there is no image configuration; then nothing is added or taken for it.
    """

    known: bool = False
    runs_as_root: bool = False
    ports: tuple[str, ...] = ()
    setuid: int = 0


def exposure_of(configuration: Configuration | None, census: Census | None) -> Exposure:
    """Takes what counts from a report's configuration and census."""
    if configuration is None:
        return Exposure(setuid=len(census.setuid) if census else 0)
    return Exposure(
        known=True,
        runs_as_root=configuration.runs_as_root,
        ports=configuration.exposed_ports,
        setuid=len(census.setuid) if census else 0,
    )


def weigh(finding: Finding, exposure: Exposure, profile: Profile | None, at: date) -> Priority:
    """Weighs one finding.

    Args:
        finding: whose own `priority` is not looked at.
        exposure: of the image it is in.
        profile: of the team's sector; None for none.
        at: the day KEV's due date is held against.

    Returns:
        A score with one decimal, and reasons whose signed numbers add up to it.
    """
    name = profile.name if profile else ""
    if finding.malicious:
        reason = f"+{TOP:.1f} a package made to do harm"
        return Priority(score=TOP, urgency=Urgency.NOW, reasons=(reason,), profile=name)
    grounds = [(round(points, 1), why) for points, why in _grounds(finding, exposure, profile, at)]
    grounds = [(points, why) for points, why in grounds if points]
    total = round(sum(points for points, _ in grounds), 1)
    if total > TOP:
        grounds.append((round(TOP - total, 1), f"no more than {TOP:.0f}"))
        total = TOP
    for share, why in _shares(finding):
        less = round(total * (1 - share), 1)
        if less:
            grounds.append((-less, why))
            total = round(total - less, 1)
    reasons = tuple(f"{points:+.1f} {why}" for points, why in grounds)
    return Priority(score=total, urgency=_urgency(finding, total), reasons=reasons, profile=name)


def rank(finding: Finding) -> tuple[float, str, str, str, str]:
    """Sorts findings by priority, the one that matters most first; equal ones by component, place and id."""
    score = finding.priority.score if finding.priority else 0.0
    return -score, finding.purl, finding.location, finding.layer, finding.id


def _grounds(finding: Finding, exposure: Exposure, profile: Profile | None, at: date) -> Iterator[tuple[float, str]]:
    metrics = dict(_METRIC.findall(finding.vector))
    yield _severity(finding)
    yield from _reach(metrics)
    yield from _exploitation(finding, at)
    if finding.fix_state is FixState.FIXED:
        yield 4.0, f"fixed in {finding.fixed_version}: it can be ended today"
    yield from _exposure(metrics, exposure)
    if profile is not None:
        traits = _traits(finding, metrics)
        for one in profile.weights:
            if one.trait in traits:
                yield one.points, f"{profile.name}: {one.why} ({one.reference})"


def _severity(finding: Finding) -> tuple[float, str]:
    if finding.score is None:
        return _BY_SEVERITY[finding.severity], f"severity {finding.severity}"
    return finding.score * _CVSS_POINTS, f"CVSS {finding.score:.1f}"


def _reach(metrics: dict[str, str]) -> Iterator[tuple[float, str]]:
    if metrics.get("AV") == "N":
        yield 4.0, "can be attacked over a network"
        if metrics.get("PR") == "N" or metrics.get("Au") == "N":
            yield 3.0, "without an account"
        if metrics.get("UI") == "N":
            yield 2.0, "without anybody's help"


def _exploitation(finding: Finding, at: date) -> Iterator[tuple[float, str]]:
    if finding.epss is not None:
        yield finding.epss * _EPSS_POINTS, f"{finding.epss:.1%} likely to be exploited within 30 days (EPSS)"
    if finding.epss_percentile is not None:
        share = finding.epss_percentile
        yield share * share * _PERCENTILE_POINTS, f"likelier than {share:.1%} of all CVEs (EPSS)"
    exploited = finding.exploited
    if exploited is None:
        return
    yield _KEV_POINTS, f"known to be exploited since {exploited.added} (KEV)"
    if exploited.due < at:
        yield 6.0, f"due since {exploited.due} (KEV)"
    elif exploited.due - at <= _DUE_SOON:
        yield 4.0, f"due on {exploited.due} (KEV)"
    if exploited.ransomware:
        yield 6.0, "used for ransomware (KEV)"


def _exposure(metrics: dict[str, str], exposure: Exposure) -> Iterator[tuple[float, str]]:
    if metrics.get("AV") == "N" and exposure.ports:
        yield 4.0, f"the image listens on {', '.join(exposure.ports[:3])}"
    if exposure.known and exposure.runs_as_root:
        yield 3.0, "the image runs as root"
    if metrics.get("AV") == "L" and exposure.setuid and not exposure.runs_as_root:
        yield 2.0, f"{exposure.setuid} setuid programs help a local attacker"


def _traits(finding: Finding, metrics: dict[str, str]) -> frozenset[Trait]:
    remote = metrics.get("AV") == "N"
    alone = remote and "N" in {metrics.get("PR"), metrics.get("Au")} and metrics.get("UI", "N") == "N"
    exploited = finding.exploited
    told = {
        Trait.REMOTE: remote,
        Trait.ALONE: alone,
        Trait.CONFIDENTIALITY: bool({metrics.get("C"), metrics.get("VC")} & _WHOLLY),
        Trait.INTEGRITY: bool({metrics.get("I"), metrics.get("VI")} & _WHOLLY),
        Trait.AVAILABILITY: bool({metrics.get("A"), metrics.get("VA")} & _WHOLLY),
        Trait.EXPLOITED: exploited is not None,
        Trait.RANSOMWARE: exploited is not None and exploited.ransomware,
    }
    return frozenset(trait for trait, holds in told.items() if holds)


def _shares(finding: Finding) -> Iterator[tuple[float, str]]:
    if finding.scope in {Scope.DEVELOPMENT, Scope.TEST}:
        yield _DEVELOPMENT_SHARE, f"there for {finding.scope} only"
    elif finding.scope is Scope.BUILD:
        yield _BUILD_SHARE, "there for building only"
    if finding.basis is Basis.CLAIMED:
        yield _CLAIMED_SHARE, "the component is only claimed by a bill of materials"
    elif finding.basis is Basis.DECLARED:
        yield _DECLARED_SHARE, "the component is declared, not seen installed"
    if finding.part == "base":
        yield 0.95, "brought by the base image: mended by moving to a newer one"


def _urgency(finding: Finding, score: float) -> Urgency:
    runs = finding.scope in {Scope.RUNTIME, Scope.OPTIONAL}
    if score >= _NOW or (finding.exploited is not None and runs and finding.basis is not Basis.CLAIMED):
        return Urgency.NOW
    if score >= _SOON:
        return Urgency.SOON
    return Urgency.LATER if score >= _LATER else Urgency.NONE
