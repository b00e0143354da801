# SPDX-License-Identifier: Apache-2.0
"""A scan report as rules see it. Nothing is null: the unknown is "", 0 or false, or told by a `has_…` field."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, TypeVar

from tidegate.clock import parse_rfc3339
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.evidence import Evidence, Severity
from tidegate.policy.item import Item, Members, Values, View
from tidegate.wire import from_builtins

MAX_ITEMS: Final = 20_000
"""Members one collection may have; a report with more is judged by nobody."""
NO_END_DAYS: Final = 100_000
"""`days_left` of something nobody has announced an end for."""

_HOUR: Final = 3600
_RANKS: Final = {severity: severity.rank for severity in Severity}
_T = TypeVar("_T")


def view_scan(evidence: Evidence, at: datetime) -> View:
    """The variables `image` and `scan`, and their collections; `at` is the moment of the decision.

    Raises:
        InvalidInputError: the report is malformed, of another subject, or over `MAX_ITEMS`.
    """
    where = f"scan {evidence.digest}"
    report = from_builtins(evidence.predicate, _Report, what=where)
    if report.artifact.digest != evidence.subject:
        raise InvalidInputError(f"speaks of {report.artifact.digest[:80]!r}", where=where)
    for name in ("components", "findings", "secrets", "support", "outcomes", "unmatched"):
        if len(getattr(report, name)) > MAX_ITEMS:
            raise BoundExceededError("MAX_ITEMS", MAX_ITEMS, where=f"{where} {name}")
    today = at.date()
    return View(
        variables={"image": _image(report), "scan": _scan(report, evidence, at)},
        collections={
            "findings": _shaper(report.findings, _finding),
            "components": _shaper(report.components, _component),
            "secrets": _shaper(report.secrets, _secret),
            "support": _shaper(report.support, lambda found: _product(found, today)),
            "outcomes": _shaper(report.outcomes, _outcome),
            "unmatched": _shaper(report.unmatched, lambda name: _ecosystem(name, report)),
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _OsRelease:
    id: str = ""
    version_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Platform:
    os: str
    architecture: str
    variant: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Artifact:
    name: str
    digest: str
    layers: tuple[str, ...] = ()
    platform: _Platform | None = None
    os_release: _OsRelease | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Configuration:
    user: str
    runs_as_root: bool
    exposed_ports: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Exploited:
    due: str = ""
    ransomware: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Why:
    ecosystem: str = ""
    affected: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finding:
    id: str
    purl: str
    name: str
    version: str
    severity: Severity
    why: _Why
    fixed_version: str | None
    aliases: list[str] = field(default_factory=list)
    location: str = ""
    layer: str = ""
    summary: str = ""
    score: float | None = None
    vector: str = ""
    exploited: _Exploited | None = None
    epss: float | None = None
    epss_percentile: float | None = None
    malicious: bool = False
    published: str = ""
    references: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Component:
    kind: str
    name: str
    version: str
    purl: str
    ecosystem: str
    location: str = ""
    layer: str = ""
    cataloger: str = ""
    source_name: str = ""
    licenses: list[str] = field(default_factory=list)
    owner: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Secret:
    rule: str
    path: str
    line: int
    redacted: str
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Located:
    secret: _Secret
    layer: str
    deleted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Support:
    product: str
    cycle: str
    ends: date | None
    ended: bool
    latest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    plugin: str
    status: str
    location: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Knowledge:
    sequence: int
    made_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Report:
    """What rules can see of a `tidegate.evidence.ScanReport`; every list must be there, empty or not."""

    artifact: _Artifact
    components: list[_Component]
    findings: list[_Finding]
    secrets: list[_Located]
    support: list[_Support]
    outcomes: list[_Outcome]
    configuration: _Configuration | None
    knowledge: _Knowledge | None
    unmatched: list[str] = field(default_factory=list)


def _shaper(found: Sequence[_T], shape: Callable[[_T], tuple[dict[str, object], Item]]) -> Callable[[], Members]:
    def members() -> Members:
        shaped = [shape(one) for one in found]
        for index, (values, _) in enumerate(shaped):
            values["index"] = index
        return Members(values=[values for values, _ in shaped], items=[item for _, item in shaped])

    return members


def _image(report: _Report) -> Values:
    # CEL takes exact strings only: str() undoes a Digest, here and below.
    artifact, os_release = report.artifact, report.artifact.os_release or _OsRelease()
    platform = artifact.platform
    run = report.configuration or _Configuration(user="", runs_as_root=False)
    return {
        "digest": str(artifact.digest),
        "name": artifact.name,
        "platform": "/".join(filter(None, (platform.os, platform.architecture, platform.variant))) if platform else "",
        "os": os_release.id,
        "os_version": os_release.version_id,
        "layers": len(artifact.layers),
        "has_configuration": report.configuration is not None,
        "user": run.user,
        "runs_as_root": run.runs_as_root,
        "exposed_ports": list(run.exposed_ports),
        "labels": run.labels,
    }


def _scan(report: _Report, evidence: Evidence, at: datetime) -> Values:
    knowledge, findings = report.knowledge, report.findings
    return {
        "age_hours": _hours(evidence.made_at, at),
        "signers": list(evidence.signers),
        "components": len(report.components),
        "findings": len(findings),
        "critical": sum(found.severity is Severity.CRITICAL for found in findings),
        "high": sum(found.severity is Severity.HIGH for found in findings),
        "fixable": sum(bool(found.fixed_version) for found in findings),
        "exploited": sum(found.exploited is not None for found in findings),
        "secrets": len(report.secrets),
        "unmatched": list(report.unmatched),
        "has_knowledge": knowledge is not None,
        "knowledge_sequence": knowledge.sequence if knowledge else 0,
        "knowledge_age_hours": _hours(parse_rfc3339(knowledge.made_at), at) if knowledge else 0,
    }


def _finding(found: _Finding) -> tuple[dict[str, object], Item]:
    exploited = found.exploited
    values: dict[str, object] = {
        "id": found.id,
        "aliases": found.aliases,
        "purl": found.purl,
        "name": found.name,
        "version": found.version,
        "location": found.location,
        "layer": str(found.layer),
        "summary": found.summary,
        "severity": found.severity.value,
        "severity_rank": _RANKS[found.severity],
        "has_score": found.score is not None,
        "score": float(found.score or 0),
        "vector": found.vector,
        "fixable": bool(found.fixed_version),
        "fixed_version": found.fixed_version or "",
        "exploited": exploited is not None,
        "ransomware": exploited is not None and exploited.ransomware,
        "exploited_due": exploited.due if exploited else "",
        "has_epss": found.epss is not None,
        "epss": float(found.epss or 0),
        "epss_percentile": float(found.epss_percentile or 0),
        "malicious": found.malicious,
        "published": found.published,
        "ecosystem": found.why.ecosystem,
        "affected": found.why.affected,
        "references": found.references,
    }
    names = frozenset((found.id, *found.aliases))
    return values, Item(shown=f"{found.id} {found.purl}", names=names, purl=found.purl, package=found.name)


def _component(found: _Component) -> tuple[dict[str, object], Item]:
    values: dict[str, object] = {
        "kind": found.kind,
        "name": found.name,
        "version": found.version,
        "purl": found.purl,
        "ecosystem": found.ecosystem,
        "location": found.location,
        "layer": str(found.layer),
        "cataloger": found.cataloger,
        "source_name": found.source_name,
        "licenses": found.licenses,
        "owned": found.owner is not None,
    }
    return values, Item(shown=found.purl, names=frozenset({found.purl}), purl=found.purl, package=found.name)


def _secret(found: _Located) -> tuple[dict[str, object], Item]:
    secret = found.secret
    values: dict[str, object] = {
        "rule": secret.rule,
        "path": secret.path,
        "line": secret.line,
        "redacted": secret.redacted,
        "fingerprint": secret.fingerprint,
        "layer": str(found.layer),
        "deleted": found.deleted,
    }
    names = frozenset((secret.rule, secret.path, secret.fingerprint))
    return values, Item(shown=f"{secret.rule} {secret.path}:{secret.line}", names=names)


def _product(found: _Support, today: date) -> tuple[dict[str, object], Item]:
    left = (found.ends - today).days if found.ends else NO_END_DAYS
    values: dict[str, object] = {
        "name": found.product,
        "cycle": found.cycle,
        "has_end": found.ends is not None,
        "ends": found.ends.isoformat() if found.ends else "",
        "ended": found.ended or left < 0,
        "days_left": left,
        "latest": found.latest,
    }
    shown = f"{found.product} {found.cycle}"
    return values, Item(shown=shown, names=frozenset((shown, found.product)))


def _outcome(found: _Outcome) -> tuple[dict[str, object], Item]:
    values: dict[str, object] = {
        "plugin": found.plugin,
        "status": found.status,
        "location": found.location,
        "reason": found.reason,
    }
    return values, Item(shown=f"{found.plugin} {found.location}", names=frozenset((found.plugin, found.location)))


def _ecosystem(name: str, report: _Report) -> tuple[dict[str, object], Item]:
    count = sum(component.ecosystem == name for component in report.components)
    return {"name": name, "components": count}, Item(shown=name, names=frozenset({name}))


def _hours(since: datetime, at: datetime) -> int:
    return int((at - since).total_seconds() // _HOUR)
