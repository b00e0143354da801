# SPDX-License-Identifier: Apache-2.0
"""ZAP's JSON report (traditional-json and traditional-json-plus): each alert of each site once, and where it was."""

import html
import re
from typing import Annotated, Final

from tidegate.bounds import MIB
from tidegate.development.intake.tool_finding import (
    MAX_PATH_CHARS,
    ToolFinding,
    ToolKind,
    ToolReport,
    clean,
    fingerprint_of,
)
from tidegate.errors import BoundExceededError, InvalidInputError
from tidegate.evidence import Severity
from tidegate.values import Struct, field, msgspec
from tidegate.wire import from_json

MAX_REPORT_BYTES: Final = 64 * MIB
MAX_ALERTS: Final = 50_000
_RISKS: Final = {"3": Severity.HIGH, "2": Severity.MEDIUM, "1": Severity.LOW, "0": Severity.NONE}
_FALSE_POSITIVE: Final = "0"
"""`confidence` of an alert that a person called a false positive."""
_MARKUP: Final = re.compile(r"<[^<>]{0,200}>")


class _Instance(Struct, frozen=True, kw_only=True):
    uri: str = ""
    method: str = ""
    param: str = ""


class _Alert(Struct, frozen=True, kw_only=True):
    name: str = ""
    alert: str = ""
    plugin_id: str = field(default="", name="pluginid")
    alert_ref: str = field(default="", name="alertRef")
    riskcode: str = ""
    confidence: str = ""
    desc: str = ""
    solution: str = ""
    reference: str = ""
    cwe: str = field(default="", name="cweid")
    instances: list[_Instance] = field(default_factory=list)


class _Site(Struct, frozen=True, kw_only=True):
    name: str = field(default="", name="@name")
    alerts: list[_Alert] = field(default_factory=list)


class _Report(Struct, frozen=True, kw_only=True):
    site: Annotated[list[_Site], msgspec.Meta(max_length=10_000)]
    program: str = field(default="", name="@programName")


def read_zap(content: bytes, *, where: str) -> ToolReport:
    """Reads a report.

    Raises:
        BoundExceededError: over `MAX_REPORT_BYTES` or `MAX_ALERTS`.
        InvalidInputError: it is no report of ZAP.
    """
    report = from_json(content, _Report, what=where, max_bytes=MAX_REPORT_BYTES)
    alerts = [(site, alert) for site in report.site for alert in site.alerts]
    if len(alerts) > MAX_ALERTS:
        raise BoundExceededError("MAX_ALERTS", MAX_ALERTS, where=where)
    for _, alert in alerts:
        if alert.riskcode not in _RISKS:
            raise InvalidInputError(f"no risk is {alert.riskcode[:20]!r}", where=where)
    counting = [(site, alert) for site, alert in alerts if alert.confidence != _FALSE_POSITIVE]
    return ToolReport(
        tools=("ZAP",),
        findings=tuple(_finding(site, alert) for site, alert in counting),
        suppressed=len(alerts) - len(counting),
    )


def _finding(site: _Site, alert: _Alert) -> ToolFinding:
    first = alert.instances[0] if alert.instances else _Instance(uri=site.name)
    others = len(alert.instances) - 1
    rule = clean(alert.alert_ref or alert.plugin_id, 40)
    place = " ".join(filter(None, (first.method, f"parameter {first.param}" if first.param else "")))
    more = f" and at {others} more places" if others > 0 else ""
    said = _plain(alert.desc)
    return ToolFinding(
        kind=ToolKind.DAST,
        tool="ZAP",
        rule=rule,
        title=clean(alert.name or alert.alert, 200),
        severity=_RISKS[alert.riskcode],
        message=clean(f"{place}{more}: {said}" if place or more else said),
        location=clean(first.uri, MAX_PATH_CHARS),
        cwes=(f"CWE-{int(alert.cwe)}",) if re.fullmatch(r"[1-9]\d{0,4}", alert.cwe) else (),
        fingerprint=fingerprint_of("ZAP", rule, site.name, alert.name),
        fix=_plain(alert.solution),
        help=clean(_plain(alert.reference).partition(" ")[0], 500),
    )


def _plain(markup: str) -> str:
    """ZAP writes paragraphs of HTML."""
    return clean(html.unescape(_MARKUP.sub(" ", markup[:20_000])))
