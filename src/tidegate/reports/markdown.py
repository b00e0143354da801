# SPDX-License-Identifier: Apache-2.0
"""A scan report as Markdown that fits in one comment of a pull request (GitHub and GitLab flavours).

Every text of the image or of an advisory is escaped: it makes no link, no heading, no mention and no markup.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from tidegate.evidence import ScanReport
from tidegate.reports.order import one_line
from tidegate.reports.sections import Section, checks_alone, headline, sections_of, severity_counts, warnings_of

MAX_CHARS: Final = 60_000
"""GitHub takes 65 536 in a comment."""
_CELL_CHARS: Final = 200
_PUNCTUATION: Final = re.compile(r"([\\`*_\[\]()<>!|~&$])")
"""What marks up inside a line; no text of others stands at the beginning of one."""
_OPEN: Final = 3
"""Sections that stand open; those after them are folded."""
_ICONS: Final = {"critical": "🔴", "high": "🟠", "medium": "🟡", "low": "🔵", "none": "⚪", "unknown": "⚪"}
_LEFT_OUT_CHARS: Final = 120


def render(report: ScanReport) -> bytes:
    """The whole comment, never longer than `MAX_CHARS`; what is left out is counted."""
    parts = list(_head(report))
    sections = sections_of(report, each_flaw_once=True)
    room = MAX_CHARS - sum(len(part) + 1 for part in parts)
    for at, section in enumerate(sections):
        # Each section may take half of what is left, so that the last one is told of too.
        share = room // 2 if at + 1 < len(sections) else room
        text = "\n".join(_section(section, share, is_open=at < _OPEN))
        if len(text) > share:
            text = f"\n**{section.title}**: {len(section.rows)}"
        if len(text) + 1 <= room:
            parts.append(text)
            room -= len(text) + 1
    return ("\n".join(parts) + "\n").encode("utf-8", "replace")


def escaped(text: str, limit: int = _CELL_CHARS) -> str:
    """A text as Markdown that shows it as it is."""
    shown = one_line(text, limit)
    # A mention, a number of an issue or an address would be found even behind a backslash: a word joiner parts them.
    parted = re.sub(r"([@#])(?=\w)|(?<=www)(\.)|(:)(?=//)", "\\g<0>\u2060", shown)
    return _PUNCTUATION.sub(r"\\\1", parted)


def _head(report: ScanReport) -> Iterator[str]:
    yield f"## {escaped(report.artifact.name)}"
    yield ""
    if checks_alone(report):
        wrong = len(report.misconfigurations)
        yield f"**Configuration** {wrong} to mend" if wrong else "**Configuration** ✅ nothing to mend"
    else:
        yield _findings(report)
    yield ""
    for words in warnings_of(report):
        yield f"> ⚠️ {escaped(words)}"
    yield ""
    yield " · ".join(f"{name} {escaped(words)}" for name, words in headline(report)[1:])


def _findings(report: ScanReport) -> str:
    counts = severity_counts(report)
    told = "  ".join(f"{_ICONS[severity]} {count} {severity}" for severity, count in counts) or "✅ none found"
    return f"**Findings** {told}" if report.knowledge else "**Findings** not known"


def _section(section: Section, room: int, *, is_open: bool) -> Iterator[str]:
    title = f"{section.title} ({len(section.rows)})"
    yield ""
    yield f"<details{' open' if is_open else ''}><summary><b>{title}</b></summary>"
    yield ""
    columns = [at for at in range(len(section.columns)) if any(row[at] for row in section.rows)]
    lines = [_row([section.columns[at] for at in columns]), _row(["---"] * len(columns))]
    used = len(title) + sum(map(len, lines)) + _LEFT_OUT_CHARS
    shown = 0
    for row in section.rows:
        line = _row([_cell(section.columns[at], row[at]) for at in columns])
        if used + len(line) + 1 > room:
            break
        lines.append(line)
        used += len(line) + 1
        shown += 1
    yield from lines
    if shown < len(section.rows) or section.remark:
        yield ""
        left = f"{len(section.rows) - shown} more are left out here. " if shown < len(section.rows) else ""
        yield f"{left}{section.remark}".strip()
    yield ""
    yield "</details>"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(column: str, value: str) -> str:
    icon = _ICONS.get(value, "") if column == "Severity" else ""
    return f"{icon} {value}" if icon else escaped(value)
