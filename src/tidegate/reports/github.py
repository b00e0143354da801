# SPDX-License-Identifier: Apache-2.0
"""A scan report as annotations of a GitHub workflow: lines of commands on standard output, escaped by its rules.

`%`, returns and line feeds are written `%25`, `%0D`, `%0A`; in properties `:` and `,` too (`%3A`, `%2C`), so that no
text of an image can begin a command of its own.
"""

from collections.abc import Iterator
from typing import Final

from tidegate.evidence import ScanReport, Severity
from tidegate.evidence.flaw import known_id
from tidegate.reports.order import fix_of, marks_of, one_line, worst_first
from tidegate.reports.sections import base_words, section_words, warnings_of

MAX_ANNOTATIONS: Final = 200
"""GitHub shows ten of a kind for a step; what is left out is counted in the last line."""
_LEVELS: Final = {Severity.CRITICAL: "error", Severity.HIGH: "error", Severity.MEDIUM: "warning"}


def render(report: ScanReport) -> bytes:
    """The commands, worst first, and a summary at the end."""
    lines = list(_lines(report))
    left_out = len(lines) - MAX_ANNOTATIONS
    lines = lines[:MAX_ANNOTATIONS]
    if left_out > 0:
        lines.append(_command("notice", "tidegate", f"{left_out} more annotations are left out"))
    lines.append(_command("notice", "tidegate", _summary(report)))
    return ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace")


def _lines(report: ScanReport) -> Iterator[str]:
    for warning in warnings_of(report):
        yield _command("warning", "tidegate", warning)
    for finding in worst_first(report.findings):
        is_attacked = finding.exploited is not None or finding.malicious
        level = "error" if is_attacked else _LEVELS.get(finding.severity, "notice")
        told = [
            f"{finding.name} {finding.version}: {finding.summary}",
            fix_of(finding),
            *marks_of(finding),
            f"layer {finding.layer.short}",
        ]
        yield _command(level, f"{known_id(finding)} ({finding.severity})", "; ".join(told), file=finding.location)
    for secret in report.secrets:
        found = secret.secret
        message = f"{found.redacted} in layer {secret.layer.short}{' (deleted later)' if secret.deleted else ''}"
        yield _command("error", f"secret: {found.rule}", message, file=found.path, line=found.line)
    for one in report.misconfigurations:
        level = _LEVELS.get(one.severity, "notice")
        message = f"{one.reason}; {one.fix} ({'; '.join(one.references)})"
        yield _command(level, f"{one.id}: {one.title}", message, file=one.location, line=one.line)
    yield from _others(report)


def _others(report: ScanReport) -> Iterator[str]:
    for support in report.support:
        if support.ended:
            name = f"{support.product} {support.cycle}"
            yield _command("warning", "support ended", f"{name}: ended {support.ends or 'already'}")
    for notice in report.notices:
        message = f"{notice.purl}: {notice.reason}"
        yield _command("warning", notice.kind, message, file=notice.location)
    custody = report.custody
    if custody is not None:
        for kind, files in (("modified", custody.modified), ("unexplained", custody.unexplained)):
            for file in files:
                yield _command("warning", f"{kind} file", file.package or "no package", file=file.path)
    for idle in report.idle:
        yield _command("notice", f"said in vain: {idle.word.id}", f"{idle.why}: {idle.detail}", file=idle.word.source)
    for outcome in report.outcomes:
        message = f"{outcome.plugin}: {outcome.reason}"
        yield _command("warning", f"not read ({outcome.status})", message, file=outcome.location)


def _summary(report: ScanReport) -> str:
    told = [report.artifact.name, *section_words(report)]
    if report.base is not None:
        told.append(f"base {base_words(report)}")
    if report.advice:
        best = report.advice[0]
        told.append(f"{best.kind} {best.subject} to {best.to} removes {len(best.removes)}")
    return "; ".join(told)


def _command(level: str, title: str, message: str, *, file: str = "", line: int = 0) -> str:
    properties = [f"title={_property(title)}"]
    if file:
        properties.insert(0, f"file={_property(file)}")
        if line:
            properties.insert(1, f"line={line}")
    return f"::{level} {','.join(properties)}::{_data(message)}"


def _data(text: str) -> str:
    return one_line(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
