# SPDX-License-Identifier: Apache-2.0
"""A scan report as CycloneDX: the bill of materials with its vulnerabilities, suppressed ones with their analysis."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

from tidegate.clock import parse_rfc3339, rfc3339
from tidegate.errors import InvalidInputError
from tidegate.evidence import Finding, ScanReport
from tidegate.evidence.recommended import recommended_versions
from tidegate.evidence.suppression import Word
from tidegate.inventory import Inventory, PackageUrl
from tidegate.sbom.cyclonedx import SPEC_VERSION, SpecVersion, cyclonedx_document
from tidegate.sbom.cyclonedx_component import properties
from tidegate.sbom.marks import fit

MAX_REFERENCES: Final = 50
_METHODS: Final = {"CVSS:4.0": "CVSSv4", "CVSS:3.1": "CVSSv31", "CVSS:3.0": "CVSSv3"}
_STATES: Final = {
    "not_affected": "not_affected",
    "affected": "exploitable",
    "fixed": "resolved",
    "under_investigation": "in_triage",
    "ignored": "in_triage",
}
"""Statuses of OpenVEX; who ignores has said nothing of whether it is affected."""
_JUSTIFICATIONS: Final = {
    "component_not_present": "code_not_present",
    "vulnerable_code_not_present": "code_not_present",
    "vulnerable_code_not_in_execute_path": "code_not_reachable",
    "vulnerable_code_cannot_be_controlled_by_adversary": "requires_environment",
    "inline_mitigations_already_exist": "protected_by_mitigating_control",
}


def report_document(
    report: ScanReport,
    inventory: Inventory,
    *,
    made_at: datetime | None = None,
    version: SpecVersion = SPEC_VERSION,
) -> dict[str, Any]:
    """The document of a scan, as plain values.

    Args:
        report: findings and suppressed findings.
        inventory: that it was made of.
        made_at: stands as the document's timestamp; None takes the moment the image names, or leaves it out.
        version: of CycloneDX.

    Raises:
        BoundExceededError: too many components.
    """
    wrong = partial(_vulnerabilities, report, version)
    return cyclonedx_document(inventory, made_at=made_at, version=version, vulnerabilities=wrong)


def _vulnerabilities(
    report: ScanReport, version: SpecVersion, refs: Mapping[tuple[str, str], str]
) -> list[dict[str, Any]]:
    """One entry an advisory, and one more for each word that silenced it somewhere."""
    grouped: dict[tuple[str, Word | None], list[Finding]] = {}
    for finding in report.findings:
        grouped.setdefault((finding.id, None), []).append(finding)
    for silenced in report.suppressed:
        grouped.setdefault((silenced.finding.id, silenced.by), []).append(silenced.finding)
    ordered = sorted(grouped.items(), key=lambda one: (one[0][0], one[0][1] is not None, str(one[0][1])))
    versions = recommended_versions(report)
    return [_entry(findings, word, version, refs, versions) for (_, word), findings in ordered]


def _entry(
    findings: Sequence[Finding],
    word: Word | None,
    version: SpecVersion,
    refs: Mapping[tuple[str, str], str],
    versions: Mapping[PackageUrl, str],
) -> dict[str, Any]:
    first = findings[0]
    made: dict[str, Any] = {
        "id": fit(first.id),
        "source": {"name": fit(first.why.source)},
        "ratings": [_rating(first, version)],
    }
    if first.aliases:
        made["references"] = [{"id": fit(alias), "source": {"name": _source(alias)}} for alias in first.aliases]
    if first.summary:
        made["description"] = fit(first.summary)
    fixes = {f"{one.name} {versions.get(one.purl, one.fixed_version)}" for one in findings if one.fixed_version}
    if fixes:
        made["recommendation"] = fit(f"Upgrade to {', '.join(sorted(fixes))}")
    if addresses := [one for one in first.references[:MAX_REFERENCES] if _is_address(one)]:
        made["advisories"] = [{"url": url} for url in addresses]
    if published := _moment(first.published):
        made["published"] = published
    if word is not None:
        made["analysis"] = _analysis(word)
    affects = {refs[key]: one for one in findings if (key := (one.purl, one.location)) in refs}
    made["affects"] = [
        {"ref": ref, "versions": [{"version": fit(affects[ref].version), "status": "affected"}]}
        for ref in sorted(affects)
    ]
    made["properties"] = properties(_marks(first, word))
    return made


def _rating(finding: Finding, version: SpecVersion) -> dict[str, Any]:
    made: dict[str, Any] = {"severity": finding.severity.value}
    if finding.score is not None:
        made["score"] = finding.score
    if finding.vector:
        method = _METHODS.get(finding.vector[:8], "CVSSv2" if finding.vector.startswith("AV:") else "other")
        made["method"] = "other" if version is SpecVersion.V1_4 and method == "CVSSv4" else method
        made["vector"] = fit(finding.vector)
    return made


def _analysis(word: Word) -> dict[str, str]:
    made = {
        "state": _STATES.get(word.status, "in_triage"),
        "detail": fit(f"{word.status}: {word.reason} ({word.source})"),
    }
    for justification, name in _JUSTIFICATIONS.items():
        if word.reason.startswith(justification):
            made["justification"] = name
    return made


def _marks(finding: Finding, word: Word | None) -> Iterator[tuple[str, str]]:
    if finding.exploited is not None:
        ransomware = ", by ransomware" if finding.exploited.ransomware else ""
        yield "exploited", f"since {finding.exploited.added}, due {finding.exploited.due}{ransomware}"
    if finding.malicious:
        yield "malicious", "true"
    if finding.epss is not None:
        yield "epss", f"{finding.epss:.5f}"
    yield "fix-state", finding.fix_state.value
    if finding.part:
        yield "part", finding.part
    if finding.priority is not None:
        yield "priority", f"{finding.priority.score:.1f} {finding.priority.urgency}"
        for reason in finding.priority.reasons:
            yield "priority-reason", reason
    if word is not None:
        yield "said-in", word.said_in.value
        if word.expires is not None:
            yield "expires", word.expires.isoformat()


def _source(alias: str) -> str:
    return {"CVE": "CVE", "GHSA": "GitHub"}.get(alias.partition("-")[0], "OSV")


def _moment(text: str) -> str:
    try:
        return rfc3339(parse_rfc3339(text)) if text else ""
    except InvalidInputError:
        return ""


def _is_address(text: str) -> bool:
    return text.startswith("https://") and text.isascii() and text.isprintable() and not set(text) & set(' <>"{}|\\^`')
