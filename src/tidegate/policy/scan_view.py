# SPDX-License-Identifier: Apache-2.0
"""A scan report as rules see it. Nothing is null: the unknown is "", 0 or false, or told by a `has_…` field."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Final

from tidegate.clock import parse_rfc3339
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.evidence import Evidence, Severity, Urgency
from tidegate.evidence.flaw import flaws_of
from tidegate.policy import scan_items as items
from tidegate.policy.item import Item, Members, Values, View
from tidegate.policy.scan_form import Base, Census, Configuration, Custody, File, OsRelease, Report
from tidegate.policy.scan_items import ListedFile, Shape
from tidegate.wire import from_builtins

MAX_ITEMS: Final = 20_000
"""Members one collection may have; a report with more is judged by nobody."""

_HOUR: Final = 3600
_BOUNDED: Final = (
    "components", "findings", "secrets", "support", "outcomes", "unmatched", "misconfigurations", "suppressed",
    "suppressed_secrets", "suppressed_misconfigurations", "idle", "notices", "advice",
)  # fmt: skip
_DISTRO, _IN_HOUSE, _UNEXPLAINED = "distro", "in-house", "unexplained"


def view_scan(evidence: Evidence, at: datetime) -> View:
    """The variables `image` and `scan`, and their collections; `at` is the moment of the decision.

    Raises:
        InvalidInputError: the report is malformed, of another subject, or over `MAX_ITEMS`.
    """
    where = f"scan {evidence.digest}"
    report = from_builtins(evidence.predicate, Report, what=where)
    if report.artifact.digest != evidence.subject:
        raise InvalidInputError(f"speaks of {report.artifact.digest[:80]!r}", where=where)
    files = _files(report.custody)
    for name, found in (*((name, getattr(report, name)) for name in _BOUNDED), ("custody", files)):
        if len(found or ()) > MAX_ITEMS:
            raise BoundExceededError("MAX_ITEMS", MAX_ITEMS, where=f"{where} {name}")
    return View(
        variables={"image": _image(report), "scan": _scan(report, evidence, at)},
        collections=_collections(report, files, at),
    )


def _collections(report: Report, files: list[ListedFile], at: datetime) -> Mapping[str, Callable[[], Members]]:
    today = at.date()
    return {
        "findings": partial(items.FINDINGS.members, report.findings),
        "components": partial(items.COMPONENTS.members, report.components),
        "secrets": partial(items.SECRETS.members, report.secrets),
        "support": partial(items.support(today).members, report.support),
        "outcomes": partial(items.OUTCOMES.members, report.outcomes),
        "unmatched": partial(_unmatched(report).members, report.unmatched),
        "misconfigurations": partial(items.MISCONFIGURATIONS.members, report.misconfigurations or []),
        "notices": partial(items.NOTICES.members, report.notices),
        "suppressed": lambda: items.suppressed(today).members(items.silenced(report)),
        "idle": partial(items.IDLE.members, report.idle),
        "advice": partial(items.ADVICE.members, report.advice),
        "files": partial(items.FILES.members, files),
        "shares": partial(items.SHARES.members, report.custody.shares if report.custody else []),
    }


def _files(custody: Custody | None) -> list[ListedFile]:
    if custody is None:
        return []
    lists: dict[str, list[File]] = {
        "modified": custody.modified,
        "missing": custody.missing,
        _UNEXPLAINED: custody.unexplained,
        _IN_HOUSE: custody.in_house,
    }
    return [ListedFile(listed=name, file=file) for name, listed in lists.items() for file in listed]


def _unmatched(report: Report) -> Shape[str]:
    return Shape(
        fields={
            "name": lambda name: name,
            "components": lambda name: sum((it.ecosystem or it.kind) == name for it in report.components),
        },
        item=lambda name: Item(shown=name, names=frozenset({name})),
    )


def _image(report: Report) -> Values:
    artifact, os_release = report.artifact, report.artifact.os_release or OsRelease()
    platform = artifact.platform
    run = report.configuration or Configuration(user="", runs_as_root=False)
    return {
        # CEL takes exact strings only: str() undoes a Digest.
        "digest": str(artifact.digest),
        "name": artifact.name,
        "platform": "/".join(filter(None, (platform.os, platform.architecture, platform.variant))) if platform else "",
        "os": os_release.id,
        "os_version": os_release.version_id,
        "layers": len(artifact.layers),
        "has_configuration": report.configuration is not None,
        "user": run.user,
        "runs_as_root": run.runs_as_root,
        "exposed_ports": run.exposed_ports,
        "labels": run.labels,
        **_base(report.base),
        **_census(report.census),
        **_custody(report.custody),
    }


def _base(base: Base | None) -> Values:
    found = base or Base(name="", layers=0, known_by="")
    return {
        "has_base": base is not None,
        "base": found.name,
        "base_digest": str(found.digest or ""),
        "base_layers": found.layers,
        "base_known_by": found.known_by,
        "base_part_of": found.part_of,
    }


def _census(census: Census | None) -> Values:
    found = census or Census()
    return {
        "has_census": census is not None,
        "files": found.files,
        "bytes": found.bytes,
        "setuid_files": len(found.setuid),
        "world_writable_files": len(found.world_writable),
        "shells": found.shells,
        "package_managers": found.package_managers,
    }


def _custody(custody: Custody | None) -> Values:
    found = custody or Custody(shares=[])
    files = {share.origin: share.files for share in found.shares}
    executables = {share.origin: share.executables for share in found.shares}
    total = sum(files.values()) or 1
    return {
        "has_custody": custody is not None,
        # The lists may be cut, the shares are whole.
        "unexplained_executables": max(executables.get(_UNEXPLAINED, 0), len(found.unexplained)),
        "in_house_executables": max(executables.get(_IN_HOUSE, 0), len(found.in_house)),
        "modified_distro_files": sum(it.origin == _DISTRO and not it.is_configuration for it in found.modified),
        "missing_files": len(found.missing),
        "unchecked_files": found.unchecked,
        "distro_share": files.get(_DISTRO, 0) / total,
        "upstream_share": files.get("upstream", 0) / total,
        "in_house_share": files.get(_IN_HOUSE, 0) / total,
        "unexplained_share": files.get(_UNEXPLAINED, 0) / total,
    }


def _scan(report: Report, evidence: Evidence, at: datetime) -> Values:
    knowledge, findings = report.knowledge, flaws_of(report.findings)
    return {
        "age_hours": _hours(evidence.made_at, at),
        "signers": list(evidence.signers),
        "schema_version": report.schema_version,
        "at": report.at.isoformat() if report.at else "",
        "components": len(report.components),
        "findings": len(findings),
        "critical": sum(found.severity is Severity.CRITICAL for found in findings),
        "high": sum(found.severity is Severity.HIGH for found in findings),
        "fixable": sum(bool(found.fixed_version) for found in findings),
        "exploited": sum(found.exploited is not None for found in findings),
        "malicious": sum(found.malicious for found in findings),
        "urgent": sum(found.priority is not None and found.priority.urgency is Urgency.NOW for found in findings),
        "secrets": len(report.secrets),
        "unmatched": report.unmatched,
        "passed_over": report.passed_over,
        "has_checks": report.misconfigurations is not None,
        "misconfigurations": len(report.misconfigurations or ()),
        "notices": len(report.notices),
        "suppressed": len(report.suppressed)
        + len(report.suppressed_secrets)
        + len(report.suppressed_misconfigurations),
        "idle": len(report.idle),
        "has_custody": report.custody is not None,
        "custody_truncated": report.custody is not None and report.custody.truncated,
        "has_knowledge": knowledge is not None,
        "knowledge_sequence": knowledge.sequence if knowledge else 0,
        "knowledge_age_hours": _hours(parse_rfc3339(knowledge.made_at), at) if knowledge else 0,
    }


def _hours(since: datetime, at: datetime) -> int:
    return int((at - since).total_seconds() // _HOUR)
