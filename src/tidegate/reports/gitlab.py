# SPDX-License-Identifier: Apache-2.0
"""A scan report as GitLab's container scanning report (security report schemas 15): vulnerabilities only.

What GitLab has no field for (secrets, configuration, custody, support) is counted in the scan's messages.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from tidegate import __version__
from tidegate.evidence import Finding, ScanReport, Severity
from tidegate.evidence.flaw import known_id
from tidegate.evidence.recommended import recommended_versions
from tidegate.inventory import PackageUrl
from tidegate.reports.order import marks_of, one_line, worst_first
from tidegate.reports.sections import section_words, warnings_of
from tidegate.wire import to_json

SCHEMA_VERSION: Final = "15.0.7"
_SEVERITIES: Final = {
    Severity.CRITICAL: "Critical",
    Severity.HIGH: "High",
    Severity.MEDIUM: "Medium",
    Severity.LOW: "Low",
    Severity.NONE: "Info",
    Severity.UNKNOWN: "Unknown",
}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NOT_NAME: Final = re.compile(r"[^A-Za-z0-9._/-]+")
_TYPES: Final = ("CVE", "GHSA", "OSV", "USN", "RHSA", "ELSA")


def render(report: ScanReport) -> bytes:
    """The whole document. Its times are those of the knowledge: there is no clock in a report."""
    at = f"{(report.knowledge.made_at if report.knowledge else _EPOCH).astimezone(UTC):%Y-%m-%dT%H:%M:%S}"
    versions = recommended_versions(report)
    tool = {"id": "tidegate", "name": "tidegate", "version": __version__, "vendor": {"name": "tidegate"}}
    return to_json(
        {
            "version": SCHEMA_VERSION,
            "scan": {
                "type": "container_scanning",
                "status": "success",
                "start_time": at,
                "end_time": at,
                "analyzer": tool,
                "scanner": tool,
                "messages": [
                    *({"level": "warn", "value": words} for words in warnings_of(report)),
                    *({"level": "info", "value": words} for words in section_words(report)),
                ],
            },
            "vulnerabilities": [_vulnerability(report, one, versions) for one in worst_first(report.findings)],
        }
    )


def _vulnerability(report: ScanReport, finding: Finding, versions: Mapping[PackageUrl, str]) -> dict[str, Any]:
    told = [finding.summary or known_id(finding), *marks_of(finding), f"layer {finding.layer}"]
    made: dict[str, Any] = {
        "id": str(uuid5(NAMESPACE_URL, f"{finding.id}\n{finding.purl}\n{finding.location}\n{finding.layer}")),
        "name": one_line(known_id(finding), 255) or "unnamed",
        "description": one_line("; ".join(told)),
        "severity": _SEVERITIES[finding.severity],
        "identifiers": list(_identifiers(finding)),
        "links": [{"url": url} for url in finding.references[:20] if _is_address(url)],
        "location": {
            "dependency": {
                "package": {"name": one_line(finding.name, 500)},
                "version": one_line(finding.version, 500),
            },
            "operating_system": _system(report),
            "image": _image(report),
        },
    }
    if finding.fixed_version is not None:
        made["solution"] = one_line(f"Upgrade {finding.name} to {versions.get(finding.purl, finding.fixed_version)}")
    return made


def _identifiers(finding: Finding) -> Iterator[dict[str, str]]:
    for name in list(dict.fromkeys((known_id(finding), finding.id, *finding.aliases)))[:20]:
        shown = one_line(name, 200) or "unnamed"
        prefix = shown.partition("-")[0]
        kind = prefix.lower() if prefix in _TYPES else "osv"
        yield {"type": kind, "name": shown, "value": shown}


def _system(report: ScanReport) -> str:
    system = report.artifact.os_release
    return one_line(f"{system.id} {system.version_id}".strip(), 255) if system else "unknown"


def _image(report: ScanReport) -> str:
    """`name@sha256:…`: the schema wants one colon in it at least, and few other signs."""
    name = _NOT_NAME.sub("-", report.artifact.name.partition("@")[0]).strip("-/") or "image"
    return f"{name[:400]}@{report.artifact.digest}"


def _is_address(text: str) -> bool:
    return text.startswith("https://") and text.isascii() and text.isprintable() and " " not in text
