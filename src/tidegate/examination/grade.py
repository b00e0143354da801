# SPDX-License-Identifier: Apache-2.0
"""The quality of an image at a glance: stated criteria, each with its mark, its weight and its reasons.

Pure: what it is given decides. Marks are points of 100; letters follow `LETTERS`. A few facts cap the whole, because no
tidy configuration outweighs a flaw that is being exploited.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Final, TypeAlias

from tidegate.clock import parse_rfc3339
from tidegate.errors import InvalidInputError
from tidegate.evidence import Finding, ScanReport, Severity, Urgency
from tidegate.evidence.flaw import flaws_of
from tidegate.inventory import Integrity, Origin
from tidegate.values import Struct

LETTERS: Final = ((90, "A"), (75, "B"), (60, "C"), (40, "D"), (0, "F"))
"""Least points of each letter."""

_REPRODUCIBLE_YEARS: Final = (1970, 1980)
"""Years that reproducible builds write for "no date"."""
_MIB: Final = 1 << 20


class Maker(Struct, frozen=True, kw_only=True):
    """Who made an image, and what proves it.

    Attributes:
        signature: `verified`, `refused` (by nobody the trust policy asks for), `present` (nobody said whom to trust),
            `none`, or `unknown` (cannot be asked there).
        signed_by: the keys and identities, when verified.
        has_provenance: a build provenance statement lies with the image.
        source: where its sources are said to be.
        vendor: who is said to have made it.
    """

    signature: str = "unknown"
    signed_by: str = ""
    has_provenance: bool = False
    source: str = ""
    vendor: str = ""


class Mark(Struct, frozen=True, kw_only=True):
    """One criterion's result.

    Attributes:
        points: 0 to 100; None when it cannot be told, and then it counts for nothing.
        weight: how much it counts among the others.
        reasons: what moved it, worst first.
    """

    criterion: str
    title: str
    points: int | None
    weight: int
    reasons: tuple[str, ...]

    @property
    def letter(self) -> str:
        """A to F, `–` for what cannot be told."""
        return letter_of(self.points)


class Grade(Struct, frozen=True, kw_only=True):
    """An image's grade.

    Attributes:
        points: weighted mean of the marks, cut at the lowest cap.
        caps: why the whole cannot be better.
    """

    name: str
    digest: str
    points: int
    letter: str
    marks: tuple[Mark, ...]
    caps: tuple[str, ...] = ()


class _Case(Struct, frozen=True, kw_only=True):
    report: ScanReport
    created: str
    maker: Maker
    at: date


_Told: TypeAlias = tuple[int | None, tuple[str, ...]]
"""Points, None for what cannot be told, and the reasons."""


def grade(report: ScanReport, *, created: str, maker: Maker, at: date) -> Grade:
    """Grades an image.

    Args:
        report: its scan.
        created: RFC 3339, as its configuration says.
        maker: who made it, as far as that can be told.
        at: the day.
    """
    case = _Case(report=report, created=created, maker=maker, at=at)
    marks = tuple(
        Mark(criterion=name, title=title, weight=weight, points=points, reasons=reasons)
        for name, title, weight, judge in _CRITERIA
        for points, reasons in [judge(case)]
    )
    told = [(mark.points, mark.weight) for mark in marks if mark.points is not None]
    mean = round(sum(points * weight for points, weight in told) / max(1, sum(weight for _, weight in told)))
    caps = _caps(report)
    points = min([mean, *(limit for limit, _ in caps)])
    return Grade(
        name=report.artifact.name,
        digest=str(report.artifact.digest),
        points=points,
        letter=letter_of(points),
        marks=marks,
        caps=tuple(reason for limit, reason in caps if limit < mean),
    )


def letter_of(points: int | None) -> str:
    """The letter for points; `–` for none."""
    if points is None:
        return "–"
    return next(letter for least, letter in LETTERS if points >= least)


def _caps(report: ScanReport) -> list[tuple[int, str]]:
    caps: list[tuple[int, str]] = []
    exploited = sum(one.exploited is not None for one in flaws_of(report.findings))
    if any(one.malicious for one in report.findings):
        caps.append((0, "it holds a package made to do harm"))
    if exploited:
        caps.append((39, f"{_count(exploited, 'flaw')} in it known to be exploited"))
    if report.secrets:
        caps.append((39, f"{_count(len(report.secrets), 'secret')} in it"))
    ended = [one for one in report.support if one.ended and one.subject == "distribution"]
    if ended:
        caps.append((59, f"{ended[0].product} {ended[0].cycle} gets no fixes any more"))
    if any(one.severity is Severity.CRITICAL and one.fixed_version for one in report.findings):
        caps.append((74, "a critical flaw in it has a fix that was not taken"))
    if report.knowledge is None:
        caps.append((59, "no knowledge of flaws was at hand"))
    return caps


def _maker(case: _Case) -> _Told:
    points, reasons = 100, []
    signature = {
        "verified": (0, f"signed by {case.maker.signed_by}"),
        "refused": (35, "signed, and not by whom the trust policy asks for"),
        "present": (20, "signed, by whom nobody checked: name a key to trust"),
        "none": (40, "not signed"),
        "unknown": (30, "a signature cannot be asked for where it lies"),
    }[case.maker.signature]
    told = [
        signature,
        (0, "a build provenance lies with it") if case.maker.has_provenance else (25, "no build provenance"),
        (0, f"sources: {case.maker.source}") if case.maker.source else (20, "does not say where its sources are"),
        (0, f"made by {case.maker.vendor}") if case.maker.vendor else (10, "does not say who made it"),
    ]
    for cost, reason in sorted(told, key=lambda one: -one[0]):
        points -= cost
        reasons.append(reason)
    return _told(max(0, points), reasons)


_SUPPORT_STEPS: Final = ((365, 100), (180, 85), (90, 70), (30, 50), (0, 30))
"""Days left at least, and the points for them."""


def _support(case: _Case) -> _Told:
    rated: list[tuple[int, str]] = []
    for one in case.report.support:
        name = f"{one.product} {one.cycle}"
        if one.ended:
            rated.append((0, f"{name} gets no fixes any more{f', since {one.ends}' if one.ends else ''}"))
        elif one.days_left is None:
            rated.append((80, f"{name}: no end announced"))
        else:
            points = next((points for days, points in _SUPPORT_STEPS if one.days_left >= days), 0)
            rated.append((points, f"{name}: {_count(one.days_left, 'day')} left, until {one.ends}"))
    if not rated:
        return _untold("nothing is known of how long it is supported")
    rated.sort()
    # The end of what everything stands on counts most; of many parts the worst one does.
    return _told(rated[0][0], [reason for _, reason in rated[:5]])


_CARE_STEPS: Final = ((24, 100), (12, 90), (4, 75), (1, 55))
"""Fixes a year at least, and the points for them."""


def _care(case: _Case) -> _Told:
    reasons = [f"{_name(one.purl)} is {one.kind}: {one.reason}"[:200] for one in case.report.notices[:3]]
    system = next((one for one in case.report.support if one.subject == "distribution"), None)
    if system is None or system.fixes_per_year is None:
        if not case.report.notices:
            return _untold("nothing is known of how often it gets fixes")
        return _told(50, reasons)
    points = next((points for fixes, points in _CARE_STEPS if system.fixes_per_year >= fixes), 20)
    points -= min(40, 10 * len(case.report.notices))
    last = f", the last on {system.last_fix} ({_days(system.last_fix, case.at)})" if system.last_fix else ""
    text = f"{system.product} {system.cycle}: {_count(system.fixes_per_year, 'fix')} in the last year{last}"
    return _told(max(0, points), [*reasons, text])


_AGE_STEPS: Final = ((30, 100), (90, 85), (180, 65), (365, 40), (730, 20))
"""Days old at most, and the points for them."""


def _age(case: _Case) -> _Told:
    made = _day(case.created)
    if made is None:
        return _untold("does not say when it was built")
    days = max(0, (case.at - made).days)
    points = next((points for limit, points in _AGE_STEPS if days <= limit), 0)
    return _told(points, [f"built {_days(made, case.at)}, on {made}"])


def _need(case: _Case) -> _Told:
    census = case.report.census
    if census is None:
        return _untold("its files are not known")
    costs = [
        (20 if census.package_managers else 0, _listed("package manager", census.package_managers)),
        (15 if census.shells else 0, _listed("shell", census.shells)),
        (min(20, 3 * len(census.setuid)), _listed("setuid program", census.setuid)),
        (_size_cost(census.bytes), f"{census.bytes // _MIB} MiB in {census.files} files"),
        (min(20, len(case.report.components) // 40), _count(len(case.report.components), "component")),
    ]
    counting = sorted(costs, key=lambda one: -one[0])
    points = max(0, 100 - sum(cost for cost, _ in counting))
    return _told(points, [reason for _, reason in counting if reason])


def _size_cost(size: int) -> int:
    steps = ((1024, 20), (400, 15), (150, 8), (40, 3))
    return next((cost for mib, cost in steps if size >= mib * _MIB), 0)


_SETUP_COSTS: Final = {Severity.CRITICAL: 60, Severity.HIGH: 30, Severity.MEDIUM: 10, Severity.LOW: 4}


def _setup(case: _Case) -> _Told:
    if case.report.configuration is None:
        return _untold("it has no configuration")
    # A check counts once, however often it objects.
    by_id = {one.id: one for one in reversed(case.report.misconfigurations)}
    worst_first = sorted(by_id.values(), key=lambda one: (-one.severity.rank, one.id))
    points = max(0, 100 - sum(_SETUP_COSTS.get(one.severity, 0) for one in worst_first))
    return _told(points, [f"{one.title}: {one.reason}" for one in worst_first[:5]] or ["clean"])


def _findings(case: _Case) -> _Told:
    if case.report.knowledge is None:
        return _untold("no knowledge of flaws was at hand")
    if not case.report.findings:
        return _told(100, ["none known"])
    groups: Sequence[tuple[int, str, Callable[[Finding], bool]]] = (
        (100, "known to be exploited", lambda one: one.exploited is not None or one.malicious),
        (30, "to be mended now", lambda one: one.priority is not None and one.priority.urgency is Urgency.NOW),
        (25, "critical", lambda one: one.severity is Severity.CRITICAL),
        (8, "high", lambda one: one.severity is Severity.HIGH),
        (2, "medium", lambda one: one.severity is Severity.MEDIUM),
    )
    left = list(flaws_of(case.report.findings))
    cost, reasons = 0, []
    for each, text, belongs in groups:
        found = [one for one in left if belongs(one)]
        left = [one for one in left if not belongs(one)]
        if found:
            # Half of what has no fix yet: its users can do nothing but wait, or choose another image.
            cost += sum(each if one.fixed_version else each // 2 for one in found)
            reasons.append(f"{len(found)} {text}, {sum(one.fixed_version is not None for one in found)} with a fix")
    points = max(0, 100 - cost)
    return _told(points, reasons or [f"{_count(len(left), 'finding')} of low severity"])


def _custody(case: _Case) -> _Told:
    custody = case.report.custody
    if custody is None:
        return _untold("its files were not looked at")
    changed = [one for one in custody.modified if one.integrity is Integrity.MODIFIED and not one.is_configuration]
    unexplained = next((one.executables for one in custody.shares if one.origin is Origin.UNEXPLAINED), 0)
    told = [
        (min(60, 20 * len(changed)), f"{_count(len(changed), 'file')} of packages changed" if changed else ""),
        (min(60, 15 * unexplained), f"{_count(unexplained, 'executable')} nobody answers for" if unexplained else ""),
        (min(20, len(custody.missing)), f"{_count(len(custody.missing), 'file')} missing" if custody.missing else ""),
    ]
    points = max(0, 100 - sum(cost for cost, _ in told))
    return _told(
        points,
        [reason for _, reason in sorted(told, key=lambda one: -one[0]) if reason]
        or ["every file is as its maker made it"],
    )


def _told(points: int, reasons: Sequence[str]) -> _Told:
    return points, tuple(reasons)


def _untold(reason: str) -> _Told:
    return None, (reason,)


def _listed(noun: str, paths: Sequence[str]) -> str:
    if not paths:
        return ""
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return f"{noun} {paths[0]}{more}"


def _count(number: int, noun: str) -> str:
    plural = noun + ("es" if noun.endswith("x") else "s")
    return f"{number} {noun if number == 1 else plural}"


def _days(day: date, at: date) -> str:
    days = (at - day).days
    return "today" if days <= 0 else f"{_count(days, 'day')} ago"


def _day(created: str) -> date | None:
    try:
        moment: datetime = parse_rfc3339(created)
    except InvalidInputError:
        return None
    return None if moment.year in _REPRODUCIBLE_YEARS or moment.year < _REPRODUCIBLE_YEARS[0] else moment.date()


def _name(purl: str) -> str:
    return purl.rpartition("/")[2].partition("?")[0]


_CRITERIA: Final[Sequence[tuple[str, str, int, Callable[[_Case], _Told]]]] = (
    ("maker", "who made it, and can that be proved", 15, _maker),
    ("support", "support left", 15, _support),
    ("care", "how often it gets fixes", 10, _care),
    ("age", "how old it is", 10, _age),
    ("need", "what is in it that is not needed", 15, _need),
    ("setup", "how it is configured", 10, _setup),
    ("findings", "findings that matter", 25, _findings),
    ("custody", "is it as its makers made it", 10, _custody),
)
"""Name, question, weight, and who answers it."""
