# SPDX-License-Identifier: Apache-2.0
"""A scan report as SARIF 2.1.0 (OASIS), in the way GitHub's code scanning and other viewers read it.

A rule an advisory, a kind of secret or a check; a result a place. Fingerprints follow from what is wrong and where,
never from versions of tidegate or of its knowledge, so that a viewer knows a result again.
"""

import hashlib
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

from tidegate import __version__
from tidegate.evidence import Finding, Misconfiguration, ScanReport, Severity
from tidegate.evidence.flaw import known_id
from tidegate.evidence.identity import identity_of
from tidegate.evidence.suppression import Word
from tidegate.inventory import LocatedSecret, Outcome
from tidegate.reports.order import fix_of, marks_of, one_line, worst_first
from tidegate.reports.sections import headline, sections_of, warnings_of
from tidegate.wire import to_json

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: Final = {Severity.CRITICAL: "error", Severity.HIGH: "error", Severity.MEDIUM: "warning"}
_SCORES: Final = {
    Severity.CRITICAL: 9.5,
    Severity.HIGH: 8.0,
    Severity.MEDIUM: 5.5,
    Severity.LOW: 2.0,
}
"""What GitHub's `security-severity` wants where there is no score: the middle of each band."""
_TOLD_ELSEWHERE: Final = frozenset({"findings", "secrets", "misconfigurations", "suppressed", "outcomes"})


def render(report: ScanReport) -> bytes:
    """The whole log."""
    rules: dict[str, dict[str, Any]] = {}
    results = list(_results(report, rules))
    ids = {name: at for at, name in enumerate(rules)}
    for result in results:
        result["ruleIndex"] = ids[result["ruleId"]]
    run = {
        "tool": {
            "driver": {
                "name": "tidegate",
                "informationUri": "https://tidegate.dev",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": list(rules.values()),
            }
        },
        "automationDetails": {"id": f"tidegate/{quote(one_line(report.artifact.name, 200), safe='/:@')}/"},
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [*map(_notification, report.outcomes), *_warnings(report)],
            }
        ],
        "columnKind": "utf16CodeUnits",
        "results": results,
        "properties": _properties(report),
    }
    return to_json({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _results(report: ScanReport, rules: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    new = frozenset(report.baseline.new) if report.baseline else None
    for finding in worst_first(report.findings):
        yield {**_finding(finding, rules), **_state(finding, new)}
    for silenced in report.suppressed:
        yield {**_finding(silenced.finding, rules), "suppressions": [_suppression(silenced.by)]}
    for secret in report.secrets:
        yield {**_secret(secret, rules), **_state(secret, new)}
    for hidden in report.suppressed_secrets:
        yield {**_secret(hidden.secret, rules), "suppressions": [_suppression(hidden.by)]}
    for wrong in report.misconfigurations:
        yield {**_misconfiguration(wrong, rules), **_state(wrong, new)}
    for excused in report.suppressed_misconfigurations:
        yield {**_misconfiguration(excused.misconfiguration, rules), "suppressions": [_suppression(excused.by)]}


def _state(one: Finding | LocatedSecret | Misconfiguration, new: frozenset[str] | None) -> dict[str, str]:
    """`baselineState` (SARIF 2.1.0, 3.27.24): there when the run was held against a baseline."""
    if new is None:
        return {}
    return {"baselineState": "new" if identity_of(one) in new else "unchanged"}


def _finding(finding: Finding, rules: dict[str, dict[str, Any]]) -> dict[str, Any]:
    name = one_line(known_id(finding), 255) or "unnamed"
    # One CVE may lie in many packages: its rule tells of the worst.
    rules.setdefault(name, _finding_rule(name, finding))
    priority = finding.priority
    message = f"{finding.name} {finding.version}: {finding.summary or name}; {fix_of(finding)}"
    return _result(
        rule=name,
        level=_level(finding),
        message=". ".join([message, *marks_of(finding)]),
        path=finding.location,
        line=finding.line,
        layer=finding.layer,
        print_of=("finding", finding.id, finding.purl, finding.location),
        properties={
            "purl": finding.purl,
            "severity": finding.severity.value,
            "fixedVersion": finding.fixed_version or "",
            "fixState": finding.fix_state.value,
            "matched": f"{finding.why.matched_name} {finding.why.affected}",
            "part": finding.part,
            "scope": finding.scope.value,
            "basis": finding.basis.value,
            **(
                {"priority": priority.score, "urgency": priority.urgency.value, "reasons": list(priority.reasons)}
                if priority
                else {}
            ),
        },
        rank=priority.score if priority else None,
    )


def _finding_rule(name: str, finding: Finding) -> dict[str, Any]:
    summary = one_line(finding.summary) or name
    score = finding.score if finding.score is not None else _SCORES.get(finding.severity, 0.0)
    fix = fix_of(finding)
    others = ", ".join(dict.fromkeys(one_line(alias, 100) for alias in (finding.id, *finding.aliases)))
    help_lines = [summary, f"Package {finding.name}: {fix}.", f"Also known as {others}.", *finding.references[:10]]
    text = "\n".join(map(one_line, help_lines))
    tags = ["security", "vulnerability", *(["exploited"] if finding.exploited else [])]
    rule = _rule(name, title=summary, text=text, level=_level(finding), score=score, tags=tags)
    uri = next((one for one in finding.references if _is_address(one)), "")
    return {**rule, "helpUri": uri} if uri else rule


def _secret(located: LocatedSecret, rules: dict[str, dict[str, Any]]) -> dict[str, Any]:
    secret = located.secret
    name = f"secret/{one_line(secret.rule, 200)}"
    text = (
        f"A secret of the kind {secret.rule} lies in a layer. Whoever can pull the layer has it, also where a later "
        "layer deletes the file: revoke it, then build without it."
    )
    title = f"Secret: {secret.rule}"
    rules.setdefault(name, _rule(name, title=title, text=text, level="error", score=8.5, tags=["security", "secret"]))
    remark = ", deleted by a later layer and still in this one" if located.deleted else ""
    return _result(
        rule=name,
        level="error",
        message=f"{secret.rule} {secret.redacted}{remark}",
        path=secret.path,
        line=secret.line,
        layer=located.layer,
        print_of=("secret", secret.rule, secret.fingerprint, secret.path),
        properties={"place": secret.place, "commit": secret.commit, "decoded": list(secret.decoded)},
    )


def _misconfiguration(wrong: Misconfiguration, rules: dict[str, dict[str, Any]]) -> dict[str, Any]:
    name = one_line(wrong.id, 255) or "unnamed"
    level = _LEVELS.get(wrong.severity, "note")
    text = "\n".join(map(one_line, (wrong.title, f"Fix: {wrong.fix}", *wrong.references)))
    score = _SCORES.get(wrong.severity, 0.0)
    tags = ["security", "configuration", one_line(wrong.subject, 60)]
    rules.setdefault(name, _rule(name, title=wrong.title, text=text, level=level, score=score, tags=tags))
    return _result(
        rule=name,
        level=level,
        message=f"{wrong.reason}; {wrong.fix}",
        path=wrong.location or wrong.subject,
        line=wrong.line,
        print_of=("misconfiguration", wrong.id, wrong.subject, wrong.location, wrong.part),
        properties={"severity": wrong.severity.value, "references": list(wrong.references)},
    )


def _rule(name: str, *, title: str, text: str, level: str, score: float, tags: list[str]) -> dict[str, Any]:
    shown = one_line(title, 1000) or name
    return {
        "id": name,
        "name": name,
        "shortDescription": {"text": shown},
        "fullDescription": {"text": shown},
        "help": {"text": text, "markdown": "```text\n" + text.replace("`", "ˋ") + "\n```"},
        "defaultConfiguration": {"level": level},
        "properties": {"security-severity": f"{score:.1f}", "precision": "very-high", "tags": tags},
    }


def _result(
    *,
    rule: str,
    level: str,
    message: str,
    path: str,
    print_of: tuple[str, ...],
    properties: dict[str, Any],
    layer: str = "",
    line: int = 0,
    rank: float | None = None,
) -> dict[str, Any]:
    # A relative address that begins like a scheme (`a:b`) would be read as one.
    uri = quote(path.lstrip("/").encode("utf-8", "replace"), safe="/") or "image"
    location: dict[str, Any] = {
        "physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": max(line, 1)}}
    }
    if layer:
        location["logicalLocations"] = [{"name": layer, "fullyQualifiedName": layer, "kind": "module"}]
    printed = hashlib.sha256("\n".join(print_of).encode("utf-8", "replace")).hexdigest()
    made: dict[str, Any] = {
        "ruleId": rule,
        "level": level,
        "message": {"text": one_line(message) or rule},
        "locations": [location],
        "partialFingerprints": {"tidegate/v1": printed},
        "properties": properties,
    }
    if rank is not None:
        made["rank"] = min(max(rank, 0.0), 100.0)
    return made


def _level(finding: Finding) -> str:
    if finding.exploited is not None or finding.malicious:
        return "error"
    return _LEVELS.get(finding.severity, "note")


def _suppression(by: Word) -> dict[str, Any]:
    said = f"{by.status}: {by.reason}" if by.reason else by.status
    until = f", until {by.expires}" if by.expires else ""
    return {"kind": "external", "status": "accepted", "justification": one_line(f"{said} ({by.source}{until})")}


def _notification(outcome: Outcome) -> dict[str, Any]:
    return {
        "level": "error" if outcome.status == "failed" else "warning",
        "message": {"text": one_line(f"{outcome.plugin}: {outcome.location}: {outcome.reason}")},
    }


def _warnings(report: ScanReport) -> Iterator[dict[str, Any]]:
    for words in warnings_of(report):
        yield {"level": "warning", "message": {"text": words}}


def _properties(report: ScanReport) -> dict[str, Any]:
    """What SARIF has no place for: the headline, and the other sections as lists of objects."""
    made: dict[str, Any] = {"about": dict(headline(report))}
    for section in sections_of(report):
        if section.name not in _TOLD_ELSEWHERE:
            made[section.name] = [dict(zip(section.columns, row, strict=True)) for row in section.rows]
    return made


def _is_address(text: str) -> bool:
    return text.startswith("https://") and text.isascii() and text.isprintable() and not set(text) & set(' <>"{}|\\^`')
