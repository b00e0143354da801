# SPDX-License-Identifier: Apache-2.0
"""SARIF 2.1.0 as findings: rules by id, index and guid, messages by id, URIs with their bases, taxa, suppressions.

A result counts when its kind is `fail`, it is not suppressed (3.27.23) and not `absent` from the baseline (3.27.24).
Severity is the `security-severity` that GitHub's code scanning defined, where rule or result has one; else the level.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

from tidegate.bounds import MIB
from tidegate.development.intake.tool_finding import (
    MAX_PATH_CHARS,
    ToolFinding,
    ToolKind,
    ToolReport,
    clean,
    fingerprint_of,
)
from tidegate.development.test_reports.sarif import read_sarif
from tidegate.errors import BoundExceededError
from tidegate.evidence import Severity
from tidegate.wire import from_json

MAX_REPORT_BYTES: Final = 128 * MIB
MAX_FINDINGS: Final = 100_000
_MAX_RULES: Final = 100_000
_MAX_BASES: Final = 8
"""Bases that stand behind one another."""

_LEVELS: Final = {
    "error": Severity.HIGH,
    "warning": Severity.MEDIUM,
    "note": Severity.LOW,
    "none": Severity.NONE,
}
_BANDS: Final = ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM), (0.1, Severity.LOW))
_CWE: Final = re.compile(r"\bcwe[-/ :_]{0,2}(\d{1,5})\b", re.IGNORECASE)
_PLACEHOLDER: Final = re.compile(r"\{(\d{1,3})\}")
_NO_FINGERPRINT: Final = "requires login"
"""What Semgrep writes in place of one."""
_DYNAMIC: Final = frozenset({"zap", "owasp zap", "zaproxy", "burp suite", "nuclei", "dastardly", "wapiti", "stackhawk"})


def read_sarif_findings(content: bytes, *, where: str) -> ToolReport:
    """Reads a log; all its runs together.

    Args:
        content: the file.
        where: its name in errors.

    Raises:
        BoundExceededError: over `MAX_REPORT_BYTES`, `MAX_FINDINGS` or a bound of `read_sarif`.
        InvalidInputError: it is no SARIF 2.1.0, or has no run that was looked through.
    """
    results = read_sarif(content, where=where)  # the same demands, and its counts are evidence
    log = from_json(content, dict[str, Any], what=where, max_bytes=MAX_REPORT_BYTES)
    findings: list[ToolFinding] = []
    suppressed = 0
    runs = [_Run(_table(run)) for run in _listed(log.get("runs"))]
    for run in runs:
        for result in map(_table, run.results):
            if result.get("kind", "fail") != "fail":
                continue
            if _is_silent(result):
                suppressed += 1
                continue
            findings.append(run.finding(result))
            if len(findings) > MAX_FINDINGS:
                raise BoundExceededError("MAX_FINDINGS", MAX_FINDINGS, where=where)
    return ToolReport(
        tools=tuple(dict.fromkeys(run.tool for run in runs)),
        findings=tuple(findings),
        suppressed=suppressed,
        results=results,
        incomplete="the analysis did not end well" if any(run.is_broken for run in runs) else "",
    )


class _Run:
    """One run: its rules by every name, its artifacts and its bases."""

    def __init__(self, run: Mapping[str, Any]) -> None:
        tool = _table(run.get("tool"))
        driver = _table(tool.get("driver"))
        self._parts = [driver, *map(_table, _listed(tool.get("extensions")))]
        self.tool = clean(_text(driver.get("name")), 100) or "unnamed"
        self.results = _listed(run.get("results"))
        self.is_broken = any(_table(it).get("executionSuccessful") is False for it in _listed(run.get("invocations")))
        self._rules: list[list[Mapping[str, Any]]] = [
            [_table(it) for it in _listed(part.get("rules"))[:_MAX_RULES]] for part in self._parts
        ]
        self._by_id: dict[str, Mapping[str, Any]] = {
            _text(it.get("id")): it for rules in reversed(self._rules) for it in rules
        }
        self._by_guid: dict[str, Mapping[str, Any]] = {
            _text(it.get("guid")).lower(): it for rules in self._rules for it in rules if it.get("guid")
        }
        self._artifacts = [_table(_table(it).get("location")) for it in _listed(run.get("artifacts"))]
        self._bases = _table(run.get("originalUriBaseIds"))
        self._taxonomies = [_text(_table(it).get("name")) for it in _listed(run.get("taxonomies"))]
        self._kind = ToolKind.DAST if self.tool.lower() in _DYNAMIC else ToolKind.SAST

    def finding(self, result: Mapping[str, Any]) -> ToolFinding:
        rule = self._rule(result)
        name = clean(_text(result.get("ruleId")) or _text(rule.get("id")), 200)
        name = name or clean(_text(_table(result.get("rule")).get("id")), 200) or "without a rule"
        location, line, snippet = self._spot(result)
        message = clean(self._message(result, rule)) or name
        own = _table(result.get("fingerprints")) or _table(result.get("partialFingerprints"))
        known = " ".join(f"{key}={_text(own[key])}" for key in sorted(own) if own[key] != _NO_FINGERPRINT)
        return ToolFinding(
            kind=self._kind,
            tool=self.tool,
            rule=name,
            title=clean(_words(rule.get("shortDescription")) or _text(rule.get("name")) or name, 200),
            severity=_severity(result, rule),
            message=message,
            location=location,
            line=line,
            cwes=self._cwes(result, rule),
            fingerprint=fingerprint_of(self.tool, name, location, known or snippet or message),
            baseline=clean(_text(result.get("baselineState")), 20),
            fix=clean(_words(rule.get("help"))) if not _table(rule.get("help")).get("markdown") else "",
            help=clean(_text(rule.get("helpUri")), 500),
        )

    def _rule(self, result: Mapping[str, Any]) -> Mapping[str, Any]:
        """By its guid, its index in the component that is named, or its id, which a more special one may follow."""
        reference = _table(result.get("rule"))
        if found := self._by_guid.get(_text(reference.get("guid")).lower()):
            return found
        part = _table(reference.get("toolComponent"))
        # Components are counted by extensions; without one it is the driver.
        at = _place(part.get("index"), len(self._rules) - 1)
        rules = self._rules[at + 1 if at >= 0 else self._named_part(part)]
        for told in (reference.get("index"), result.get("ruleIndex")):
            if (index := _place(told, len(rules))) >= 0:
                return rules[index]
        name = _text(result.get("ruleId")) or _text(reference.get("id"))
        while name:
            if name in self._by_id:
                return self._by_id[name]
            name = name.rpartition("/")[0]
        return {}

    def _named_part(self, reference: Mapping[str, Any]) -> int:
        for key in ("guid", "name"):
            if told := _text(reference.get(key)).lower():
                for at, part in enumerate(self._parts):
                    if _text(part.get(key)).lower() == told:
                        return at
        return 0

    def _message(self, result: Mapping[str, Any], rule: Mapping[str, Any]) -> str:
        message = _table(result.get("message"))
        text = _text(message.get("text"))
        if not text:
            text = _words(_table(rule.get("messageStrings")).get(_text(message.get("id"))))
        arguments = [_text(it) for it in _listed(message.get("arguments"))]
        return _PLACEHOLDER.sub(lambda it: arguments[int(it[1])] if int(it[1]) < len(arguments) else it[0], text)

    def _spot(self, result: Mapping[str, Any]) -> tuple[str, int, str]:
        """Path or URL, line and the text there, of the first location that names a file."""
        for location in map(_table, _listed(result.get("locations"))):
            physical = _table(location.get("physicalLocation"))
            artifact = _table(physical.get("artifactLocation"))
            if path := self._path(artifact):
                region = _table(physical.get("region"))
                return path, max(0, _place(region.get("startLine"), 1 << 31)), _words(region.get("snippet"))
        return "", 0, ""

    def _path(self, artifact: Mapping[str, Any]) -> str:
        index = _place(artifact.get("index"), len(self._artifacts))
        if not artifact.get("uri") and index >= 0:
            artifact = self._artifacts[index]
        uri, base = _text(artifact.get("uri")), _text(artifact.get("uriBaseId"))
        parts = urlsplit_of(uri)
        if parts is None or parts.scheme in {"http", "https"}:
            return clean(uri, MAX_PATH_CHARS)
        path = unquote(parts.path)
        if parts.scheme == "file" or path.startswith("/"):
            path = self._below_a_base(path)
        for _ in range(_MAX_BASES):
            told = _table(self._bases.get(base))
            above = urlsplit_of(_text(told.get("uri")))
            # A base that is absolute is somewhere on the machine that looked: the folder is what lies below.
            if not told or above is None or above.scheme or above.path.startswith("/") or not above.path:
                break
            path = unquote(above.path).rstrip("/") + "/" + path
            base = _text(told.get("uriBaseId"))
        return relative_path(path)

    def _below_a_base(self, path: str) -> str:
        for told in map(_table, self._bases.values()):
            above = urlsplit_of(_text(told.get("uri")))
            root = unquote(above.path).rstrip("/") + "/" if above and above.path else ""
            if len(root) > 1 and path.startswith(root):
                return path.removeprefix(root)
        return path

    def _cwes(self, result: Mapping[str, Any], rule: Mapping[str, Any]) -> tuple[str, ...]:
        found: list[str] = []
        for reference in map(_table, _listed(result.get("taxa"))):
            found += self._taxon(reference)
        for relation in map(_table, _listed(rule.get("relationships"))):
            found += self._taxon(_table(relation.get("target")))
        for holder in (result, rule):
            properties = _table(holder.get("properties"))
            texts = [_text(it) for it in _listed(properties.get("tags"))]
            told = properties.get("cwe")
            texts += [_text(it) if not isinstance(it, int) else f"CWE-{it}" for it in _listed(told)] or [_text(told)]
            found += [f"CWE-{int(it[1])}" for text in texts for it in _CWE.finditer(text[:500])]
        return tuple(dict.fromkeys(found))[:20]

    def _taxon(self, reference: Mapping[str, Any]) -> Iterator[str]:
        component = _table(reference.get("toolComponent"))
        name, index = _text(component.get("name")), _place(component.get("index"), len(self._taxonomies))
        if not name and index >= 0:
            name = self._taxonomies[index]
        told = _text(reference.get("id"))
        if found := _CWE.search(told):
            yield f"CWE-{int(found[1])}"
        elif name.upper() == "CWE" and told.isascii() and told.isdecimal() and len(told) <= 5:  # noqa: PLR2004 - digits
            yield f"CWE-{int(told)}"


def relative_path(path: str) -> str:
    """A path in POSIX form without what leads out of the folder or says nothing."""
    parts = [part for part in path.replace("\\", "/").split("/") if part not in {"", ".", ".."}]
    return clean(("/" if path.startswith("/") else "") + "/".join(parts), MAX_PATH_CHARS)


def urlsplit_of(uri: str) -> SplitResult | None:
    """The parts of a URI; None for what is none."""
    try:
        return urlsplit(uri)
    except ValueError:
        return None


def _is_silent(result: Mapping[str, Any]) -> bool:
    said = [_table(it) for it in _listed(result.get("suppressions"))]
    return result.get("baselineState") == "absent" or any(it.get("status", "accepted") == "accepted" for it in said)


def _severity(result: Mapping[str, Any], rule: Mapping[str, Any]) -> Severity:
    for holder in (result, rule):
        told = _text(_table(holder.get("properties")).get("security-severity"))
        if re.fullmatch(r"\d{1,2}(?:\.\d{1,3})?", told):
            return next((severity for least, severity in _BANDS if float(told) >= least), Severity.NONE)
    level = _text(result.get("level")) or _text(_table(rule.get("defaultConfiguration")).get("level")) or "warning"
    return _LEVELS.get(level, Severity.HIGH)


def _words(message: Any) -> str:
    return _text(_table(message).get("text"))


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _place(value: Any, end: int) -> int:
    """A position below `end`; -1 for what is none, as the standard writes it."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < end else -1
