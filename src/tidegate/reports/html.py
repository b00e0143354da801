# SPDX-License-Identifier: Apache-2.0
"""A scan report as one HTML page that needs nothing else: no network, no fonts, no scripts but its own few lines.

Every text is escaped by the template engine; on top of that the page's own Content-Security-Policy lets no script run
but the one whose hash it names, and fetches nothing.
"""

import hashlib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from tidegate import __version__
from tidegate.evidence import Finding, ScanReport
from tidegate.evidence.flaw import by_flaw, known_id
from tidegate.reports.order import fix_of, marks_of, one_line, worst_first
from tidegate.reports.sections import (
    Section,
    bytes_in_words,
    headline,
    package_of,
    sections_of,
    severity_counts,
    warnings_of,
)

if TYPE_CHECKING:
    from jinja2 import Template

_PAGE: Final = "page.html.jinja"
_ADDRESS_CHARS: Final = 500
_MAX_PLACES: Final = 50
"""Places and packages shown of one flaw."""


def render(report: ScanReport) -> bytes:
    """The whole page."""
    sections = {section.name: section for section in sections_of(report)}
    flaws = by_flaw(worst_first(report.findings))
    script, style = _asset("page.js"), _asset("page.css")
    page = _template().render(
        version=__version__,
        title=one_line(report.artifact.name, 200),
        headline=headline(report),
        warnings=warnings_of(report),
        counts=severity_counts(report),
        is_known=report.knowledge is not None,
        attacked=sum(one[0].exploited is not None or one[0].malicious for one in flaws),
        fixable=sum(one[0].fixed_version is not None for one in flaws),
        findings=[_finding(one) for one in flaws],
        shares=_shares(report),
        sections=[_shown(section) for name, section in sections.items() if name != "findings"],
        script=script,
        style=style,
        script_hash=b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
    return page.encode("utf-8", "backslashreplace")


def _finding(group: Sequence[Finding]) -> dict[str, Any]:
    """One flaw, as the worst of its findings tells it, with all packages and places that share it."""
    finding = group[0]
    priority = finding.priority
    return {
        "id": one_line(known_id(finding), 200),
        "others": one_line(", ".join(one for one in (finding.id, *finding.aliases) if one != known_id(finding))),
        "severity": finding.severity.value,
        "score": "" if finding.score is None else f"{finding.score:.1f}",
        "vector": one_line(finding.vector, 200),
        "urgency": priority.urgency.value if priority else "",
        "points": f"{priority.score:.0f}" if priority else "",
        "reasons": [one_line(reason) for reason in priority.reasons] if priority else [],
        "name": one_line(package_of(group), 300),
        "version": one_line(finding.version, 200),
        "fix": one_line(fix_of(finding), 200),
        "is_fixed": finding.fixed_version is not None,
        "marks": marks_of(finding),
        "summary": one_line(finding.summary),
        "locations": _some({one_line(one.location): None for one in group}),
        "layer": finding.layer,
        "purls": _some({one_line(one.purl): None for one in group}),
        "why": one_line(f"{finding.why.matched_name} {finding.why.matched_version} is in {finding.why.affected}"),
        "source": one_line(f"{finding.why.source}, {finding.why.ecosystem}"),
        "published": one_line(finding.published, 40),
        "references": [one for one in finding.references[:20] if _is_address(one)],
    }


def _some(texts: Mapping[str, None]) -> list[str]:
    """All of a few texts, the first ones of many and how many more there are."""
    shown = list(texts)[:_MAX_PLACES]
    more = len(texts) - len(shown)
    return [*shown, f"and {more} more"] if more else shown


def _shares(report: ScanReport) -> list[dict[str, Any]]:
    shares = report.custody.shares if report.custody else ()
    whole = sum(share.files for share in shares) or 1
    return [
        {
            "origin": share.origin.value,
            "percent": f"{100 * share.files / whole:.1f}",
            "words": f"{share.files} files, {bytes_in_words(share.bytes)}, {share.executables} executable",
        }
        for share in shares
    ]


def _shown(section: Section) -> dict[str, Any]:
    """Columns that are empty in every row are left out."""
    kept = [at for at in range(len(section.columns)) if any(row[at] for row in section.rows)]
    return {
        "name": section.name,
        "title": section.title,
        "columns": [section.columns[at] for at in kept],
        "rows": [[row[at] for at in kept] for row in section.rows],
        "remark": section.remark,
    }


def _is_address(text: str) -> bool:
    """True for what may stand as a link: https alone, and nothing that could end it."""
    fits = text.startswith("https://") and len(text) <= _ADDRESS_CHARS
    return fits and text.isascii() and text.isprintable() and not set(text) & set(" <>\"'`\\")


@cache
def _template() -> "Template":
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_asset(_PAGE))


@cache
def _asset(name: str) -> str:
    return (files("tidegate.reports") / "page" / name).read_text(encoding="utf-8")
